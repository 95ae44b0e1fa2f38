"""A fact file and its private text in; the same file with places and digests instead of its quotes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from spacecoop.documents import Document, Steps
from spacecoop.facts.texts import Anchor, Text
from spacecoop.findings import Finding, Place, finding, is_refusal

QUOTE = "quote"
"""The key under which a claim carries the passage, or several, until it is anchored."""
NTH = "nth"
"""The key beside it that says which, where a quote stands more than once in the text."""


@dataclass(frozen=True)
class Form:
    """How a workspace writes anchors and what it says of a text: keys, and fields with ``%(start)s`` and the like."""

    key: str
    fields: Sequence[str]
    text: str = ""
    text_fields: Sequence[str] = ()
    language: str = ""


@dataclass(frozen=True)
class Anchored:
    """A fact file whose quotes are replaced, how many were, and what is to be said of it."""

    source: str
    replaced: int
    findings: tuple[Finding, ...]


Edit = tuple[int, int, str]
"""From where to where a source is replaced, and by what."""


def anchor(source: str, document: Document, text: Text, form: Form) -> Anchored:
    """Replace each quote in a fact file by its anchor, and write which text it is anchored in.

    Anchors that stand are moved with the text. Everything else is left as it is written; where a quote or an anchor
    cannot be placed, nothing is replaced.
    """
    edits: list[Edit] = []
    findings: list[Finding] = []
    replaced = 0
    for steps, written in quotes(document):
        found, said = _places(document, steps, written, text)
        findings += said
        replaced += len(found)
        if not is_refusal(said):
            edits += _write_anchors(source, document, steps, found, form)
    moved, said = _move_anchors(source, document, text, form)
    findings += said
    if is_refusal(findings):
        return Anchored(source, 0, tuple(findings))
    for start, end, new in sorted([*edits, *moved, *_describe_text(source, document, text, form)], reverse=True):
        source = source[:start] + new + source[end:]
    return Anchored(source, replaced, (*findings, *_find_copies(document, text)))


def language(document: Document, form: Form) -> str:
    """Return the language that a fact file gives its article, by which sentences are counted; English by default."""
    written = document.data.get(form.language) if isinstance(document.data, dict) else None
    return written if isinstance(written, str) else "en"


def quotes(document: Document) -> Iterator[tuple[Steps, str | list[Any]]]:
    """Yield the way to each quote of a fact file, or to each list of them, and what stands there."""
    for steps, value in _walk(document.data, ()):
        if steps and steps[-1] == QUOTE and isinstance(value, str | list):
            yield steps, value


def _walk(value: object, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    """Yield all values inside of one, and the way to each."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield (*steps, step), inner
        yield from _walk(inner, (*steps, step))


def _find_node(data: Any, steps: Steps) -> Any:
    for step in steps:
        here = data if isinstance(data, dict) else dict(enumerate(data)) if isinstance(data, list) else {}
        data = here.get(step)
    return data


def _places(
    document: Document, steps: Steps, written: str | list[Any], text: Text
) -> tuple[list[Anchor], list[Finding]]:
    """Return where each passage of a quote stands, and what is to be said of it."""
    passages = (
        [(steps, written)] if isinstance(written, str) else [((*steps, at), one) for at, one in enumerate(written)]
    )
    nth = _find_node(document.data, (*steps[:-1], NTH))
    found: list[Anchor] = []
    findings: list[Finding] = []
    for here, passage in passages:
        place = document.place(here)
        if not isinstance(passage, str) or not passage.split():
            findings.append(
                finding("bad-value", place, value=passage, key=QUOTE, expected="a passage, or a list of them")
            )
            continue
        alike = []
        places = text.find(passage) or (alike := text.find_alike(passage))
        if alike:
            findings.append(finding("quote-alike", place))
        one = _choose(places, nth)
        if one is None:
            findings.append(_missing(place, passage, places, nth, text))
            continue
        found.append(one)
        if not text.is_whole(one):
            findings.append(finding("quote-part", place, sentence=one.sentence))
    return found, findings


def _choose(places: Sequence[Anchor], nth: object) -> Anchor | None:
    """Return the one place, or the one that is asked for."""
    if nth is None:
        return places[0] if len(places) == 1 else None
    asked = isinstance(nth, int) and not isinstance(nth, bool) and 1 <= nth <= len(places)
    return places[nth - 1] if asked and isinstance(nth, int) else None


def _missing(place: Place, passage: str, places: Sequence[Anchor], nth: object, text: Text) -> Finding:
    if not places:
        return finding("quote-missing", place, text.find_nearest(passage))
    if nth is not None:
        return finding("quote-nth", place, times=len(places), nth=nth)
    return finding("quote-twice", place, times=len(places))


def _write_anchors(
    source: str, document: Document, steps: Steps, found: Sequence[Anchor], form: Form
) -> Iterator[Edit]:
    """Yield the edits that put anchors where a quote stands, and take away what says which was meant."""
    lines = source.splitlines(keepends=True)
    start = _offset(lines, document.key_place(steps))
    old = source[start : _end(source, lines, document, steps)].rstrip()  # a block scalar ends with a line end
    flow = source[_offset(lines, document.place(steps[:-1]))] == "{"
    before = source[source.rfind("\n", 0, start) + 1 : start]
    each = [[field % vars(one) for field in form.fields] for one in found]
    if form.key not in steps:
        new = f"{form.key}: [{', '.join('{' + ', '.join(fields) + '}' for fields in each)}]"
    elif flow:
        new = "}, {".join(", ".join(fields) for fields in each)
    else:
        new = f"\n{before}".join(f"\n{' ' * len(before)}".join(fields) for fields in each)
    yield start, start + len(old), new
    if (nth := (*steps[:-1], NTH)) and _find_node(document.data, nth) is not None:
        yield _take_away(source, _offset(lines, document.key_place(nth)), _end(source, lines, document, nth))


def _end(source: str, lines: Sequence[str], document: Document, steps: Steps) -> int:
    """Return where a value ends: a scalar, or a list of scalars."""
    value = _find_node(document.data, steps)
    if not isinstance(value, list):
        return _offset(lines, document.end(steps))
    last = _offset(lines, document.end((*steps, len(value) - 1)))
    flow = source[_offset(lines, document.place(steps))] == "["
    return source.index("]", last) + 1 if flow else last


def _take_away(source: str, start: int, end: int) -> Edit:
    """Return the edit that takes a key and its value away, with what parts it from its neighbours."""
    line = source.rfind("\n", 0, start) + 1
    before = source[:start].rstrip(" \n")
    if before.endswith(","):
        return len(before) - 1, end, ""
    after = len(source) - len(source[end:].lstrip(" \n"))
    if source[after : after + 1] == ",":
        return start, len(source) - len(source[after + 1 :].lstrip(" \n")), ""
    if source[line:start].strip():  # the first key of a list's item
        return start, after, ""
    return line, min(source.find("\n", end) + 1 or len(source), len(source)), ""


def _offset(lines: Sequence[str], place: Place) -> int:
    return sum(map(len, lines[: place.line - 1])) + place.column - 1


def _ways(fields: Sequence[str]) -> Mapping[str, Steps]:
    """Return where each value stands in what fields write, by its name."""
    names = {"start", "end", "sha256", "sentence", "codePoints"}
    example = yaml.safe_load("{" + ", ".join(fields) % {name: f"_{name}" for name in names} + "}") if fields else {}
    return {value[1:]: steps for steps, value in _walk(example, ()) if isinstance(value, str) and value[1:] in names}


def _move_anchors(source: str, document: Document, text: Text, form: Form) -> tuple[list[Edit], list[Finding]]:
    """Return the edits that move the anchors that stand to where their passages are now, and those that are nowhere."""
    ways = _ways(form.fields)
    if not {"start", "end", "sha256"} <= ways.keys():
        return [], []
    lines = source.splitlines(keepends=True)
    edits: list[Edit] = []
    findings: list[Finding] = []
    for steps, value in _walk(document.data, ()):
        start, end, sha256 = (_find_node(value, ways[name]) for name in ("start", "end", "sha256"))
        if form.key not in steps or not (isinstance(start, int) and isinstance(end, int) and isinstance(sha256, str)):
            continue
        if text.digest(start, end) == sha256:
            continue
        now = text.find_digest(end - start, sha256)
        if now is None:
            findings.append(finding("anchor-differs", document.place(steps), start=start, end=end))
            continue
        for name, way in ways.items():
            if _find_node(value, way) is not None:
                edits.append(_replace(lines, document, (*steps, *way), str(getattr(now, name))))
    return edits, findings


def _replace(lines: Sequence[str], document: Document, steps: Steps, new: str) -> Edit:
    return _offset(lines, document.place(steps)), _offset(lines, document.end(steps)), new


def _describe_text(source: str, document: Document, text: Text, form: Form) -> list[Edit]:
    """Return the edits that write which text the anchors are of, where the file has none or has another."""
    if not form.text or not isinstance(document.data, dict):
        return []
    lines = source.splitlines(keepends=True)
    values = {"sha256": text.sha256, "codePoints": len(text.words)}
    old = document.data.get(form.text)
    if old is not None:
        ways = {name: (form.text, *way) for name, way in _ways(form.text_fields).items()}
        stale = [name for name, way in ways.items() if _find_node(document.data, way) not in (None, values[name])]
        return [_replace(lines, document, ways[name], str(values[name])) for name in stale]
    listed = [key for key, value in document.data.items() if isinstance(value, list)]
    before = min((document.key_place((key,)) for key in listed), default=None)
    if before is None or before.column != 1:
        return []
    at = _offset(lines, before)
    return [(at, at, f"{form.text}: {{{', '.join(form.text_fields) % values}}}\n")]


def _find_copies(document: Document, text: Text) -> Iterator[Finding]:
    """Yield a finding for each text of a fact file that is a sentence of the article, its quotes aside."""
    for steps, value in _walk(document.data, ()):
        if isinstance(value, str) and QUOTE not in steps and text.holds_sentence(value):
            yield finding("copied-sentence", document.place(steps))
