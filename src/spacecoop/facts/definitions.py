"""The text of a JSON-LD context file in; its context out, or what is wrong with one of its definitions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pyoxigraph import RdfFormat
from pyoxigraph import parse as parse_rdf
from rdflib.plugins.shared.jsonld.context import Context

from spacecoop import documents
from spacecoop.documents import Unreadable
from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import is_iri, is_language
from spacecoop.messages import Words

Steps = tuple[str, ...]
"""The way to a definition: the keys that lead to it from the top."""
MOST_DEFINITIONS = 10_000
MOST_WITHIN = 8
"""How many contexts may stand within one another."""
_EXAMPLE = "https://example.org/"


class _Wrong(Exception):
    """A definition is not what it is to be."""

    def __init__(self, steps: Steps, expected: Mapping[str, str]) -> None:
        super().__init__(steps)
        self.steps = steps
        self.expected = expected


def read(data: bytes, file: str) -> Any:
    """Return the ``@context`` of a context file (JSON-LD 1.1, section 9.15).

    Raises Unreadable, with the place, where it is no JSON, has none, would fetch another from the network, or has a
    definition that means nothing.
    """
    text = documents.decode(data, file)
    source = _parse(text, file)
    if not isinstance(source, dict) or "@context" not in source:
        expected = Words('an object with "@context"')
        raise Unreadable(_find_step(text, file, (), expected))
    try:
        count = sum(1 for _ in _check(source["@context"], ("@context",), 1))
        if count > MOST_DEFINITIONS:
            many = Words("at most {} definitions", MOST_DEFINITIONS)
            raise _Wrong(("@context",), many)
    except _Wrong as wrong:
        raise Unreadable(_find_step(text, file, wrong.steps, wrong.expected)) from wrong
    _try(source["@context"], text, file)
    return source["@context"]


def _parse(text: str, file: str) -> Any:
    def object_of(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _Wrong((twice,), Words("defined once"))
        return made

    try:
        return json.loads(text, object_pairs_hook=object_of)
    except json.JSONDecodeError as error:
        place = Place(file, error.lineno, error.colno)
        raise Unreadable(finding("context", place, reason=f"{error.msg} (JSON)")) from error
    except (ValueError, RecursionError) as error:
        reason = Words("it is nested too deep")
        said: object = reason if isinstance(error, RecursionError) else error
        raise Unreadable(finding("context", Place(file), reason=said)) from error
    except _Wrong as wrong:
        at = [found.start() for found in re.finditer(re.escape(json.dumps(wrong.steps[0])), text)]
        raise Unreadable(_make_finding(text, file, at[-1] if at else 0, wrong.steps, wrong.expected)) from wrong


def _find_step(text: str, file: str, steps: Steps, expected: Mapping[str, str]) -> Finding:
    at = 0
    for step in steps:  # each key stands behind the one that it is within
        found = re.compile(rf"{re.escape(json.dumps(step, ensure_ascii=False))}\s*:").search(text, at)
        at = found.start() if found else at
    return _make_finding(text, file, at, steps, expected)


def _make_finding(text: str, file: str, at: int, steps: Steps, expected: Mapping[str, str]) -> Finding:
    place = Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
    name = ".".join(step or "''" for step in steps[1:] or steps)[:80]
    said = Words("{} is to be {}", name or Words("the file"), expected)
    return finding("context", place, reason=said)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and not re.search(r"[\x00-\x20<>\"{}|^`\\]", value) and _resolves(value)


def _resolves(value: str) -> bool:
    return is_iri(value) or (":" not in value.partition("/")[0] and is_iri(f"{_EXAMPLE}{value.lstrip('/#?')}"))


def _is_language(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_language(value))


_CONTAINERS = ("@graph", "@id", "@index", "@language", "@list", "@set", "@type")


def _is_container(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return value is None or (bool(values) and all(isinstance(one, str) and one in _CONTAINERS for one in values))


Fits = Callable[[Any], bool]
_IRI = Words("an IRI, prefix:name or a term")
_FLAG: tuple[Fits, Mapping[str, str]] = (
    lambda value: isinstance(value, bool),
    Words("true or false"),
)
_TAG: tuple[Fits, Mapping[str, str]] = (
    _is_language,
    Words("a language tag, or null"),
)
_DIRECTION: tuple[Fits, Mapping[str, str]] = (
    lambda value: value in ("ltr", "rtl", None),
    Words('"ltr", "rtl" or null'),
)
_BASE: tuple[Fits, Mapping[str, str]] = (
    lambda value: value is None or _is_reference(value),
    Words("an IRI, whole or relative, or null"),
)
OF_CONTEXTS: Mapping[str, tuple[Fits, Mapping[str, str]]] = {
    "@base": _BASE,
    "@direction": _DIRECTION,
    "@language": _TAG,
    "@propagate": _FLAG,
    "@protected": _FLAG,
    "@version": (lambda value: value == 1.1 and not isinstance(value, bool), Words("1.1")),
    "@vocab": _BASE,
}
"""What each keyword of a context takes (JSON-LD 1.1, section 9.15): a test, and words for people."""
OF_TERMS: Mapping[str, tuple[Fits, Mapping[str, str]]] = {
    "@container": (_is_container, Words("one of {}", ", ".join(_CONTAINERS))),
    "@context": (lambda _: True, _IRI),
    "@direction": _DIRECTION,
    "@id": (lambda value: value is None or _is_text(value), _IRI),
    "@index": (_is_text, _IRI),
    "@language": _TAG,
    "@nest": (_is_text, Words("a term")),
    "@prefix": _FLAG,
    "@propagate": _FLAG,
    "@protected": _FLAG,
    "@reverse": (_is_text, _IRI),
    "@type": (_is_text, _IRI),
}
"""What each keyword of an expanded term definition takes."""


def _check(source: Any, steps: Steps, depth: int) -> Iterator[None]:
    """Yield once a definition; raise _Wrong at the first that is wrong."""
    if depth > MOST_WITHIN:
        deep = Words("within at most {} contexts", MOST_WITHIN)
        raise _Wrong(steps, deep)
    for part in source if isinstance(source, list) else [source]:
        if part is None:
            continue
        if not isinstance(part, dict):
            here = Words("written out here: nothing is fetched from the network")
            raise _Wrong(steps, here)
        for key, definition in part.items():
            yield
            if key.startswith("@"):
                _check_keyword(key, definition, OF_CONTEXTS, (*steps, key))
            else:
                yield from _check_term(key, definition, (*steps, key), depth)


def _check_keyword(key: str, value: Any, known: Mapping[str, tuple[Fits, Mapping[str, str]]], steps: Steps) -> None:
    if key not in known:
        near = suggest(key, known) or ", ".join(known)
        raise _Wrong(steps, Words("another keyword, such as {}", near))
    fits, expected = known[key]
    if not fits(value):
        raise _Wrong(steps, expected)


def _check_term(key: str, definition: Any, steps: Steps, depth: int) -> Iterator[None]:
    if not _is_text(key):
        raise _Wrong(steps, Words("a name"))
    if definition is None or _is_text(definition):
        return
    if not isinstance(definition, dict):
        table = Words("an IRI, an object or null")
        raise _Wrong(steps, table)
    for name, value in definition.items():
        _check_keyword(name, value, OF_TERMS, (*steps, name))
    if "@context" in definition:
        yield from _check(definition["@context"], (*steps, "@context"), depth + 1)


def _try(source: Any, text: str, file: str) -> None:
    """Have both processors read the context, and see that each term stands for an IRI or a keyword."""
    try:
        list(parse_rdf(json.dumps({"@context": source, "@graph": []}), format=RdfFormat.JSON_LD, base_iri=_EXAMPLE))
        _check_meanings(source, Context(source, base=_EXAMPLE), ("@context",))
    except _Wrong as wrong:
        raise Unreadable(_find_step(text, file, wrong.steps, wrong.expected)) from wrong
    except (SyntaxError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise Unreadable(finding("context", Place(file), reason=" ".join(str(error).split())[:400])) from error


def _check_meanings(source: Any, context: Context, steps: Steps) -> None:
    for part in source if isinstance(source, list) else [source]:
        for name, definition in part.items() if isinstance(part, dict) else ():
            term = context.terms.get(name)
            if name.startswith("@") or term is None:
                continue
            for meaning, here in ((term.id, (*steps, name)), (term.type, (*steps, name, "@type"))):
                if isinstance(meaning, str) and not meaning.startswith("@") and not is_iri(meaning):
                    raise _Wrong(here, _IRI)
            inner = definition.get("@context") if isinstance(definition, dict) else None
            if inner:
                _check_meanings(inner, context.get_context_for_term(term), (*steps, name, "@context"))
