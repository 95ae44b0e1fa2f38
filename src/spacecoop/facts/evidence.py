"""The anchors of an article and its private text in; those that no longer hold out, and never the words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from pyoxigraph import Literal, Quad, QuerySolutions, Store

from spacecoop import quads as statements
from spacecoop import sandbox
from spacecoop.facts.texts import Anchor, Text
from spacecoop.findings import Finding, Place, finding, is_refusal
from spacecoop.places import Places
from spacecoop.reach import QueryError
from spacecoop.sandbox import Begin, StoppedError


@dataclass(frozen=True)
class Checked:
    """How many anchors were recomputed, how many were skipped for want of their text, how many differ, and why."""

    checked: int
    skipped: int
    findings: tuple[Finding, ...]
    differing: int = 0


def check(quads: Sequence[Quad], places: Places, query: str, texts: Sequence[Text]) -> Checked:
    """Recompute the anchors of one article's quads against the text that they are of, where it is at hand.

    *query* selects each anchor as ``?evidence ?text ?start ?end ?sha256``, and ``?sentence`` and ``?language`` where
    they are known; ``?text`` is the digest of the whole text. The text is the one of *texts* with that digest, else the
    one that is called like the fact file: then it is another than the file says, and its passages are looked up all
    the same. Raises QueryError where the query cannot be asked, does not end, or selects something else.
    """
    try:
        found: list[dict[str, str]] = sandbox.each(lambda begin: _select(quads, query, begin), QueryError)
    except StoppedError as error:
        raise QueryError(str(error).partition(";")[0]) from error
    by_digest = {one.sha256: one for one in texts}
    own = next((one for one in texts if one.name == PurePath(places.file).stem), None)
    findings: list[Finding] = []
    counts = Counter[str]()
    used: dict[str, Text] = {}
    for row in found:
        text = used.get(row["text"]) or by_digest.get(row["text"]) or own
        if text is None:
            counts["skipped"] += 1
            continue
        if row["text"] not in used:
            text = used[row["text"]] = replace(text, language=row.get("language", text.language))
            if text.sha256 != row["text"]:
                findings.append(_other(quads, places, row["text"], text))
        said = list(_judge(row, text, places.find(row["evidence"]), changed=text.sha256 != row["text"]))
        findings += said
        counts["checked"] += 1
        counts["differing"] += is_refusal(said)
    for text in used.values():
        findings += _find_copies(quads, places, text)
    return Checked(counts["checked"], counts["skipped"], tuple(findings), counts["differing"])


def _select(quads: Sequence[Quad], query: str, begin: Begin) -> list[dict[str, str]]:
    """Return what a query selects of each anchor; raises QueryError."""
    store = Store()
    store.extend(quads)
    begin("")
    try:
        rows = store.query(query, use_default_graph_as_union=True)
        names = {variable.value for variable in rows.variables} if isinstance(rows, QuerySolutions) else set()
        if not isinstance(rows, QuerySolutions) or not names.issuperset(_NEEDED):
            raise QueryError(f"it is to select {', '.join(f'?{name}' for name in _NEEDED)}")
        found = [
            {name: row[name].value for name in _SELECTED if name in names and row[name] is not None} for row in rows
        ]
    except (SyntaxError, OSError, RuntimeError, AttributeError) as error:
        raise QueryError(str(error)) from error
    for row in found:
        if not all(row.get(name, "").isascii() and row.get(name, "").isdigit() for name in ("start", "end")):
            raise QueryError("?start and ?end are to be whole numbers")
        if "text" not in row or "sha256" not in row or "evidence" not in row:
            raise QueryError(f"each row is to have {', '.join(f'?{name}' for name in _NEEDED)}")
    return found


_NEEDED = ("evidence", "text", "start", "end", "sha256")
_SELECTED = ("evidence", "text", "start", "end", "sha256", "sentence", "language")


def _judge(row: Mapping[str, str], text: Text, place: Place, changed: bool) -> Iterator[Finding]:
    """Yield what is wrong with one anchor."""
    start, end = int(row["start"]), int(row["end"])
    here: Anchor | None = text.anchor(start, end)
    if here and here.sha256 != row["sha256"]:
        here = text.find_digest(end - start, row["sha256"])
        moved = f"{here.start} to {here.end}" if here else None
        rule = "anchor-moved" if here and changed else "anchor-differs"
        yield finding(rule, place, moved, start=start, end=end)
        if here is None or changed:
            return
    if here and (said := row.get("sentence")) and said != str(here.sentence):
        yield finding("sentence-number", place, written=said, sentence=here.sentence)


def _other(quads: Sequence[Quad], places: Places, digest: str, text: Text) -> Finding:
    """Return the finding on a text that is another than the fact file says."""
    stated = next((quad for quad in quads if isinstance(quad.object, Literal) and quad.object.value == digest), None)
    place = (
        places.find(statements.text(stated.subject), stated.predicate.value, digest) if stated else Place(places.file)
    )
    return finding("text-differs", place, name=f"{text.name}.txt", file=places.file)


def _find_copies(quads: Sequence[Quad], places: Places, text: Text) -> Iterator[Finding]:
    """Yield a finding for each text of an article's quads that is a sentence of the article."""
    for quad in quads:
        if isinstance(quad.object, Literal) and text.holds_sentence(quad.object.value):
            yield finding(
                "copied-sentence", places.find(statements.text(quad.subject), quad.predicate.value, quad.object.value)
            )
