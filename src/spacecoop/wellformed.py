"""The shapes of a workspace in; what keeps them from being used, each at its place, out."""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pyoxigraph import Literal, RdfFormat, Store, parse

from spacecoop import reach, shapes
from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import RDF, is_iri, local_name
from spacecoop.messages import Words
from spacecoop.quads import Term
from spacecoop.shapes import Shapes, ValidationResult

_COUNTS = frozenset({"maxCount", "minCount", "maxLength", "minLength", "qualifiedMaxCount", "qualifiedMinCount"})
_SH = "http://www.w3.org/ns/shacl#"
_OWN = "https://www.w3.org/ns/shacl-shacl"
GRAVE = frozenset({"rdf", "shape-malformed", "shape-text"})
"""The rules of findings that leave nothing to judge with."""
_PREFIX = re.compile(r"[^\W\d_]?[\w.-]*")
_TEXT = {
    "http://www.w3.org/2001/XMLSchema#string",
    f"{RDF}langString",
}


def check(texts: Sequence[tuple[str, str]]) -> list[Finding]:
    """Return what is wrong with files of shapes, given as pairs of name and text, gravest first.

    That one is no Turtle; that it uses a term that SHACL does not have, which most engines ignore, and with it the rule
    that was meant; that a shape is not as SHACL's own shapes have it (SHACL 1.0, appendix C); that a pattern or a query
    cannot be read (sections 4.4.3 and 5).
    """
    broken = [found for file, text in texts for found in _check_turtle(text, file)]
    if broken:
        return broken
    found = [*_find_malformed(texts)] or [*_unreadable(texts)]
    return [*found, *(one for file, text in texts for one in _unknown_terms(text, file))]


def _check_turtle(text: str, file: str) -> Iterator[Finding]:
    try:
        for _ in parse(text, format=RdfFormat.TURTLE):
            pass
    except SyntaxError as error:
        place = Place(file, error.lineno or 1, error.offset or 1)
        yield finding("rdf", place, syntax="Turtle", reason=error.msg)


def _unknown_terms(text: str, file: str) -> Iterator[Finding]:
    from rdflib.namespace import SH

    known = {*SH.__annotations__, *SH._extras}  # the second has the terms that are keywords of Python
    for number, line in enumerate(text.split("\n"), 1):
        for used in re.finditer(r"(?<![\w:])sh:(\w+)", line.partition(" #")[0]):
            if used[1] not in known:
                near = suggest(used[1], known)
                place = Place(file, number, used.start() + 1)
                yield finding("shape-unknown-term", place, near and f"sh:{near}", term=used[0])


def _rules_of_shapes() -> Shapes:
    """Return the shapes of shapes, from SHACL's appendix C, as pySHACL carries them."""
    found = importlib.util.find_spec("pyshacl")  # which is not loaded for it: that takes a second
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "assets" / "shacl-shacl.ttl"
    return Shapes(((_OWN, path.read_text("utf-8")),))


def _find_malformed(texts: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a finding for each node that is no shape as SHACL has it."""
    rules = _rules_of_shapes()
    results = _innermost(shapes.fast(rules, Shapes(tuple(texts)).ntriples))
    for one in results:
        place = _place(texts, _files_of(one, rules, texts), one)
        key, value = local_name(shapes.first_property(one.path)), _short(one.value)
        said = " ".join(part for part in (f"sh:{key}" if key else "", value) if part) or local_name(one.focus)
        component = local_name(one.component).removesuffix("ConstraintComponent")
        yield finding("shape-malformed", place, said=said, component=component)


def _innermost(results: Sequence[ValidationResult]) -> list[ValidationResult]:
    """Return the results that name a property, or all: that a node is no shape at all follows from these."""
    named = [one for one in results if one.path]
    return list(dict.fromkeys(replace(one, focus="") if one.focus[:2] == "_:" else one for one in named or results))


def _files_of(result: ValidationResult, rules: Shapes, texts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the files that have the fault also when they are alone."""
    if len(texts) == 1:
        return [texts[0][0]]
    wanted = (result.path, result.value if result.value[:2] != "_:" else "", result.component)
    return [
        file
        for file, text in texts
        if any(
            (one.path, one.value if one.value[:2] != "_:" else "", one.component) == wanted
            for one in shapes.fast(rules, Shapes(((file, text),)).ntriples)
        )
    ]


def _place(texts: Sequence[tuple[str, str]], files: Sequence[str], result: ValidationResult) -> Place:
    """Return where a node, the property and its value stand together for the first time."""
    key = local_name(shapes.first_property(result.path))
    for file, text in texts:
        if file not in files:
            continue
        subject = _find(text, 0, _name(result.focus)) if is_iri(result.focus) else 0
        at = _find(text, subject, rf"(?<![\w:])sh:{key}\b\s*[^;.]*?{_name(result.value)}") if key else subject
        return _find_place(text, file, at or subject)
    return Place(files[0] if files else "shapes")


def _name(term: str) -> str:
    """Return, as a regular expression, how a term may be written in Turtle."""
    if not term or term[:2] == "_:":
        return ""
    return re.escape(local_name(term) or term) if is_iri(term) else re.escape(term)


def _find(text: str, start: int, pattern: str) -> int:
    found = re.compile(pattern).search(text, start)
    return found.start() if found else 0


def _find_place(text: str, file: str, at: int) -> Place:
    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def _short(term: str) -> str:
    if not term or term[:2] == "_:":
        return ""
    text = local_name(term) if is_iri(term) else f"'{term}'"
    return text if len(text) <= 60 else f"{text[:56]}...'"


def _unreadable(texts: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a finding for each pattern and each query that cannot be read."""
    said: defaultdict[str, list[tuple[str, Term]]] = defaultdict(list)
    homes: dict[str, tuple[str, str]] = {}
    for file, text in texts:
        for quad in parse(text, format=RdfFormat.TURTLE, rename_blank_nodes=True):
            said[str(quad.subject)].append((quad.predicate.value.removeprefix(_SH), quad.object))
            homes.setdefault(str(quad.subject), (file, text))
    for subject, pairs in said.items():
        for key, value in pairs:
            reason = _why_unfit(key, value, pairs, said)
            if reason:
                file, text = homes[subject]
                yield finding("shape-text", _place_of_text(text, file, key, value), key=f"sh:{key}", reason=reason)


Said = Mapping[str, Sequence[tuple[str, Term]]]
"""By node: what is said of it, as pairs of the property, of SHACL by its name alone, and the value."""


def _why_unfit(key: str, value: Term, pairs: Sequence[tuple[str, Term]], said: Said) -> Mapping[str, str] | None:
    """Return why the value of a property cannot be used, where SHACL's own shapes do not look."""
    if key == "pattern":
        return _why_no_pattern(value, [one for other, one in pairs if other == "flags"])
    if key in ("select", "ask"):
        return _why_no_query(value, key, [str(one) for other, one in pairs if other == "prefixes"], said)
    if key == "sparql" and not any(other == "select" for other, _ in said.get(str(value), ())):
        return Words("it has no sh:select")
    if key in _COUNTS and isinstance(value, Literal) and value.value.startswith("-"):
        return Words("it is less than 0")
    return None


def _place_of_text(text: str, file: str, key: str, value: Term) -> Place:
    """Return where a pattern or a query stands, found by its first line."""
    words = value.value if isinstance(value, Literal) else ""
    start = re.escape(words.splitlines()[0].strip()[:30]) if words.strip() else ""
    property_ = rf"(?<![\w:])sh:{key}\b"
    return _find_place(text, file, _find(text, 0, rf"{property_}\s*[\"']*\s*{start}") or _find(text, 0, property_))


def _why_no_pattern(value: Term, flags: Sequence[Term]) -> Mapping[str, str] | None:
    """Return why a regular expression cannot be used; one that either engine can read is one."""
    letters = "".join(one.value for one in flags if isinstance(one, Literal))
    if not re.fullmatch(r"[smixq]*", letters):
        return Words("the flags {} are none", repr(letters))
    if not isinstance(value, Literal):
        return Words("it is no text")
    try:
        re.compile(value.value)
    except (re.error, RecursionError, OverflowError) as error:
        probe = Literal(value.value)
        shape = f"<x:s> <{_SH}targetNode> 'a' ; <{_SH}pattern> {probe} ."
        return None if shapes.is_readable(Shapes((("", shape),))) else Words("{}", error)
    return None


def _why_no_query(value: Term, key: str, sets: Sequence[str], said: Said) -> Mapping[str, str] | None:
    """Return why a query of a shape cannot be asked, with the prefixes that it declares."""
    if not isinstance(value, Literal) or value.datatype.value not in _TEXT:
        return Words("it is no text")
    prologue = ""
    for name in sorted(str(one) for declared in sets for key_, one in said.get(declared, ()) if key_ == "declare"):
        values = dict(said.get(name, ()))
        prefix, space = values.get("prefix"), values.get("namespace")
        if not isinstance(prefix, Literal) or not _PREFIX.fullmatch(prefix.value):
            return Words("a prefix that it declares is none")
        if not isinstance(space, Literal) or not is_iri(space.value):
            return Words("the namespace of {} is no IRI", repr(prefix.value))
        prologue += f"PREFIX {prefix.value}: <{space.value}>\n"
    text = prologue + value.value.replace("$PATH", "<urn:path>")
    try:
        Store().query(reach.stay(text))
    except (SyntaxError, ValueError, OSError) as error:
        return Words("{}", " ".join(str(error).split())[:200])
    if key == "select" and not re.search(r"[$?]this\b", value.value):
        return Words("it does not name $this")
    return None
