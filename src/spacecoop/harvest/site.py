"""Write everything that programs harvest: the one door of this room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, Quad

from spacecoop import output
from spacecoop.harvest import catalog, dumps, feeds, files, negotiation, schemaorg, sitemaps, void
from spacecoop.harvest.counting import Counts
from spacecoop.harvest.description import Description
from spacecoop.harvest.editions import Edition
from spacecoop.output import Written
from spacecoop.quads import text
from spacecoop.workspace import Workspace

_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"


@dataclass(frozen=True)
class Context:
    """What the site is made from: the shared quads, the dataset's description, its numbers, articles and dumps."""

    files: Mapping[str, tuple[Quad, ...]]
    shared: Sequence[Quad]
    described: Description
    counts: Counts
    published: Sequence[Edition]
    whole: Sequence[Written]
    blocks: Sequence[Written] = ()
    """Parts of a dump, for loaders."""
    cached: bool = False
    """Whether what the last build wrote may be taken over."""
    pages: bool = True
    """Whether pages for people are made too, so that browsers are led to them."""


@dataclass(frozen=True)
class Harvested:
    """What was written, and what the page for people needs of it."""

    written: list[Written]
    schema_org: str
    feed: bool
    documents: Mapping[str, Sequence[Quad]]
    """By IRI, what is said in each document of the shared things."""
    endings: Mapping[str, Sequence[str]]
    """By path, the files that each of them has."""


def write(context: Context, workspace: Workspace, folder: Path) -> Harvested:
    """Write what makes the dataset found, fetched and followed: see docs/publishing.md."""
    described, counts, published, whole = context.described, context.counts, context.published, context.whole
    written: list[Written] = []
    prefixes = dict(sorted({**workspace.prefixes, **catalog.PREFIXES}.items()))
    abouts = {
        "catalog": catalog.describe(described, whole, files.parts_of_home(context.shared, workspace), context.blocks),
        "void": void.describe(described, counts, [*dumps.NAMES, *(one.path for one in context.blocks)]),
    }
    for path, described_there in abouts.items():
        written += files.write_document(described_there, path, files.THING_SYNTAXES, folder, prefixes)
    written.append(files.write_well_known(folder))
    schema_org = schemaorg.as_text(described, whole)
    written.append(files.write_text(folder, "schema-org.jsonld", f"{schema_org}\n"))

    documents = files.documents(context.files, context.shared, workspace)
    vocabularies = list(files.write_documents(documents, folder, workspace))
    written += vocabularies
    written += (output.compress(folder, one, workspace.out) for one in vocabularies if "/" not in one.path)

    written += feeds.write(
        folder,
        published,
        workspace,
        described.author,
        read_names(context.shared, f"{workspace.base}id/"),
        context.cached,
    )
    pages = sitemaps.pages(documents, {one.iri: one.date for one in published}, described.modified, workspace)
    languages = workspace.languages if context.pages else ()
    written += sitemaps.write(pages, folder, described.home or described.base, languages)
    endings = {
        iri.removeprefix(workspace.base): [syntax.ending for syntax in files.syntaxes(iri, said)]
        for iri, said in documents.items()
    }
    closed = feeds.pages(folder, workspace)
    feed = negotiation.Feed(
        tuple(number for number in closed if closed[number]), tuple(number for number in closed if not closed[number])
    )
    html = [".html"] if context.pages else []
    table = negotiation.table({path: [*ones, *html] for path, ones in endings.items()}, context.pages)
    for name, rules in negotiation.rules(table, described.home, feed).items():
        written.append(files.write_text(folder, name, rules))
    return Harvested(written, schema_org, (folder / feeds.ROOT).is_file(), documents, endings)


def read_names(shared: Iterable[Quad], things: str) -> dict[str, dict[str, str]]:
    """Return the labels of the shared things, whose IRIs begin with *things*, by IRI and language."""
    names: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for quad in shared:
        if (
            quad.predicate.value == _LABEL
            and isinstance(quad.object, Literal)
            and text(quad.subject).startswith(things)
        ):
            names[text(quad.subject)].setdefault(quad.object.language or "", text(quad.object))
    return names
