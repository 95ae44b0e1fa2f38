"""The description of the dataset and its dumps in; a page about it, for people and search engines, out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spacecoop.findings import said
from spacecoop.harvest.description import Description
from spacecoop.output import Written

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="alternate" type="text/turtle" href="catalog.ttl">
<link rel="alternate" type="application/ld+json" href="catalog.jsonld">
{feed}<link rel="license" href="{licence}">
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ text-align: left; padding: .2rem 1rem .2rem 0 }}
td.number {{ text-align: right }}
dt {{ font-weight: bold }}
</style>
<script type="application/ld+json">
{schema_org}
</script>
</head>
<body>
<main>
{texts}
<h2>About</h2>
<dl>
{facts}
</dl>
<h2>Files</h2>
<p>Each holds the whole dataset; the smaller one of a pair is the same, compressed with gzip.</p>
<table>
<thead><tr><th scope="col">File</th><th scope="col">Bytes</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<h2>For programs</h2>
<ul>
{links}
</ul>
</main>
</body>
</html>
"""

_LINKS = {
    "catalog.ttl": "the dataset's description as DCAT",
    "void.ttl": "its numbers and links as VoID",
    "feed.trig": "every change, as a Linked Data Event Stream",
    "feed.atom": "the newest changes, as Atom",
    "sitemap.xml": "every address",
    "checksums.sha256": "the SHA-256 of every file",
}


def render(one: Description, dumps: Sequence[Written], schema_org: str, feed: bool) -> str:
    """Return the page as HTML; *feed* says whether there is a feed of changes."""
    atom = '<link rel="alternate" type="application/atom+xml" href="feed.atom">\n'
    links = [(name, text) for name, text in _LINKS.items() if feed or not name.startswith("feed")]
    return _PAGE.format(
        language=next(iter(one.title), "en"),
        title=escape(said(one.title, "en")),
        licence=escape(one.licence),
        feed=atom if feed else "",
        schema_org=schema_org,
        texts="\n".join(_text(one, language) for language in one.title),
        facts="\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in _facts(one)),
        rows="\n".join(map(_row, dumps)),
        links="\n".join(f'<li><a href="{name}">{name}</a>: {text}</li>' for name, text in links),
    )


def _text(one: Description, language: str) -> str:
    description = one.description.get(language)
    paragraph = f"\n<p>{escape(description)}</p>" if description else ""
    return f'<section lang="{language}">\n<h1>{escape(one.title[language])}</h1>{paragraph}\n</section>'


def _facts(one: Description) -> Iterable[tuple[str, str]]:
    """Yield what is known, as HTML."""
    yield "Licence", _link(one.licence, one.licence)
    if one.publisher_name:
        yield "Publisher", _link(one.publisher, said(one.publisher_name, "en"))
    if one.version:
        yield "Version", escape(one.version)
    if one.modified:
        yield "Last changed", f'<time datetime="{one.modified}">{one.modified[:10]}</time>'
    if one.earliest and one.latest:
        yield "Its claims are about the time", f"from {escape(one.earliest)} to {escape(one.latest)}"
    if one.provenance:
        yield "How it was made", escape(said(one.provenance, "en"))
    if one.contact:
        yield "Contact", _link(f"mailto:{one.contact.email}", one.contact.name)
    if one.endpoint:
        yield "SPARQL endpoint", _link(one.endpoint, one.endpoint)


def _link(iri: str, text: str) -> str:
    return f'<a href="{escape(iri)}">{escape(text)}</a>'


def _row(dump: Written) -> str:
    return (
        f'<tr><td><a href="{dump.path}">{dump.path}</a></td><td class="number">{dump.bytes:,}</td>'
        f"<td><code>{dump.sha256}</code></td></tr>"
    )
