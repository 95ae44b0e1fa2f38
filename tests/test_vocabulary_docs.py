"""The table of keys in docs/vocabulary.md, made from the context; the sample of docs/curating.md, against its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "vocabulary.md"
BEGIN, END = "<!-- keys: made by `pytest --accept tests/test_vocabulary_docs.py` -->\n", "<!-- end of keys -->\n"
STARTER = REPOSITORY / "src" / "spacecoop" / "starter"


def keys(context: Mapping[str, Any], prefixes: Mapping[str, str], inside: str = "") -> Iterator[tuple[str, str, str]]:
    """Give each key of a context, under which other key it stands, and its property; a class is no key."""
    for key, meant in context.items():
        value = meant if isinstance(meant, dict) else {"@id": meant}
        iri = value.get("@reverse") or value.get("@id", "")
        if key in prefixes or key.startswith("@") or (key[0].isupper() and ":" in iri):
            continue
        way = f"`{iri}`" if "@reverse" not in value else f"`{iri}`, from the value to what carries the key"
        yield (inside, key, {"@id": "the IRI of the thing itself", "@type": "`rdf:type`"}.get(iri, way))
        yield from keys(value.get("@context", {}), prefixes, key)


def table() -> str:
    context = json.loads((REPOSITORY / "ontology" / "context.jsonld").read_text("utf-8"))["@context"]
    prefixes = {key: iri for key, iri in context.items() if isinstance(iri, str) and iri.endswith(("#", "/"))}
    rows = []
    for inside, key, iri in keys(context, prefixes):
        meant = "none: holds things that stand beside" if iri == "`@included`" else iri
        rows.append(f"| {f'`{inside}` › ' if inside else ''}`{key}` | {meant} |\n")
    return "| key | property |\n|---|---|\n" + "".join(rows)


def test_the_docs_give_each_key_the_property_that_the_context_gives_it(accept: bool) -> None:
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    written, after = rest.split(END)

    if accept:
        PAGE.write_text(before + BEGIN + table() + END + after, "utf-8")

    assert written == table()
    assert "| `mentions` | `schema:mentions` |" in written
    assert "| `bodyOf` | `org:subOrganizationOf` |" in written


def test_a_property_that_the_docs_name_has_a_declared_prefix() -> None:
    context = json.loads((REPOSITORY / "ontology" / "context.jsonld").read_text("utf-8"))["@context"]

    assert {iri.partition(":")[0] for iri in re.findall(r"`([\w-]+:[\w-]+)`", table())} <= set(context) | {"rdf"}


def test_each_thing_that_news_says_has_an_example_in_the_sample_and_words_that_exist() -> None:
    page = PAGE.read_text("utf-8")
    sample = "".join(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    part = page.split("## How to say what news says")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", part, re.MULTILINE)[1:]
    named = set(json.loads((REPOSITORY / "ontology" / "context.jsonld").read_text("utf-8"))["@context"])
    for scheme in ("kind", "modality", "role"):
        named |= set(
            re.findall(rf"^{scheme}:([\w-]+) a ", (REPOSITORY / "ontology" / f"{scheme}.ttl").read_text(), re.M)
        )
    named |= {
        key for _, key, _ in keys(json.loads((REPOSITORY / "ontology" / "context.jsonld").read_text())["@context"], {})
    }

    assert len(rows) >= 20
    for said, how in rows:
        examples = re.findall(r"this:[\w-]+|X-\d\d", how)
        assert examples, said
        assert [one for one in examples if f"- id: {one if ':' in one else f'this:{one}'}\n" not in sample] == [], said
        words = {one for piece in re.findall(r"`([^`]+)`", how) for one in re.findall(r"[A-Za-z][\w-]+", piece)}
        assert words - named - {one.removeprefix("this:") for one in examples} <= {"this", "true"}, said


def test_the_sample_of_the_guide_says_how_long_the_starter_s_text_is() -> None:
    text = (STARTER / "texts" / "example.txt").read_text("utf-8")
    stated = re.findall(r"codePoints: (\d+)", (REPOSITORY / "docs" / "curating.md").read_text("utf-8"))

    assert stated == [str(len(text))]
    assert f"codePoints: {len(text)}" in (STARTER / "articles" / "example.yaml").read_text("utf-8")
