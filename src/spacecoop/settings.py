"""The text of ``spacecoop.toml`` in; its settings, each of the kind that it is to be of, out."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import is_iri, is_language
from spacecoop.messages import Words

Steps = tuple[str | int, ...]
"""The way to a setting: the keys and list positions that lead to it."""
LONGEST = 60
"""Characters of a wrong value that are shown."""
MOST = 1_000_000_000
MOST_FEW, MOST_MANY = 10_000, 1_000_000
LAST_PORT = 65_535
DAY, CENTURY = 86_400, 36_525


@dataclass(frozen=True)
class Kind:
    """What a setting is to be: a test, and words for people."""

    fits: Callable[[Any], bool]
    expected: Mapping[str, str]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_any_text(value: Any) -> bool:
    return isinstance(value, str) and not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", value)


def _is_http(value: Any) -> bool:
    return isinstance(value, str) and is_iri(value) and value.startswith(("http://", "https://"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < MOST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < MOST


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float) or _is_any_text(value)


def _all(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(test(one) for one in value)


def _by_language(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(is_language(key) and test(one) for key, one in value.items())

    return fits


def _is_base(value: Any) -> bool:
    return _is_http(value) and value.endswith("/") and not re.search(r"[?#]", value)


TABLE = Kind(lambda value: isinstance(value, dict), Words("a table"))
TABLES = Kind(_all(lambda value: isinstance(value, dict)), Words("a list of tables"))
BASE = Kind(
    _is_base,
    Words("an http or https IRI that ends with '/'"),
)
IRI = Kind(
    lambda value: isinstance(value, str) and is_iri(value),
    Words("an IRI, such as 'https://example.org/'"),
)
IRIS = Kind(_all(lambda value: isinstance(value, str) and is_iri(value)), Words("a list of IRIs"))
HTTP = Kind(_is_http, Words("an http or https address"))
TEXT = Kind(_is_text, Words("a text in quotes"))
ANY_TEXT = Kind(_is_any_text, Words("a text in quotes, or ''"))
WORDS = Kind(_all(_is_text), Words("a list of texts in quotes"))
TEXTS = Kind(_by_language(_is_any_text), Words("a text for each language, such as {en = …}"))
KEYWORDS = Kind(
    _by_language(_all(_is_text)),
    Words('a list of words for each language, such as {en = ["…"]}'),
)
LANGUAGES = Kind(
    lambda value: _all(lambda one: isinstance(one, str) and is_language(one))(value) and bool(value),
    Words("a list of language tags, such as ['en', 'fr']"),
)
SHARE = Kind(lambda value: _is_number(value) and value <= 1, Words("a number from 0 to 1"))
SECONDS = Kind(
    lambda value: _is_number(value) and value <= DAY,
    Words("seconds, from 0 to {} (a day)", DAY),
)
WAIT = Kind(
    lambda value: _is_number(value) and 0 < value <= DAY,
    Words("seconds, more than 0 and at most {} (a day)", DAY),
)
DAYS = Kind(
    lambda value: _is_number(value) and value <= CENTURY,
    Words("a number of days, from 0 to {}", CENTURY),
)
FEW = Kind(
    lambda value: _is_count(value) and value <= MOST_FEW,
    Words("a whole number from 1 to {}", MOST_FEW),
)
MANY = Kind(
    lambda value: _is_count(value) and value <= MOST_MANY,
    Words("a whole number from 1 to {}", MOST_MANY),
)
PORT = Kind(
    lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LAST_PORT,
    Words("a port, from 0 to {}", LAST_PORT),
)
COUNT = Kind(_is_count, Words("a whole number, 1 or more"))
FLAG = Kind(lambda value: isinstance(value, bool), Words("true or false"))
CODE = Kind(
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]+", value)),
    Words("a code of letters, digits, hyphens and underscores"),
)
EMAIL = Kind(
    lambda value: (
        isinstance(value, str)
        and bool(re.fullmatch(r"[\w.!#$&'*+/=?^`~-]+@[\w.-]+", value))
        and is_iri(f"mailto:{value}")
    ),
    Words("an e-mail address"),
)
VALUES = Kind(
    lambda value: _is_scalar(value) or _all(_is_scalar)(value),
    Words("a value, or a list of values"),
)

_TEXT_KINDS = ("auth", "authorities", "dialect", "graphs", "password_variable", "quads", "query", "secrets", "service")
_STORE_TEXTS = (*_TEXT_KINDS, "token_variable", "update", "url", "user", "user_variable")
RULES: Mapping[str, Kind] = {
    **{f"stores.*.{name}": TEXT for name in _STORE_TEXTS},
    "dataset": TABLE,
    "dataset.base": BASE,
    "dataset.licence": IRI,
    "dataset.publisher": IRI,
    "dataset.languages": LANGUAGES,
    "dataset.title": TEXTS,
    "graphs": TABLE,
    "graphs.*": WORDS,
    "prefixes": TABLE,
    "prefixes.*": IRI,
    "workspace": TABLE,
    "workspace.outside": FLAG,
    "evidence": TABLE,
    "evidence.key": TEXT,
    "evidence.fields": WORDS,
    "evidence.language": TEXT,
    "evidence.text": TEXT,
    "evidence.text_fields": WORDS,
    "links": TABLE,
    "links.confidence": SHARE,
    "links.predicate": TEXT,
    "links.endpoint": TEXT,
    "links.pause": SECONDS,
    "links.timeout": WAIT,
    "links.batch": FEW,
    "links.days": DAYS,
    "links.reconciliation": ANY_TEXT,
    "links.properties": WORDS,
    "links.never": WORDS,
    "links.ids": TABLE,
    "links.ids.*": WORDS,
    "links.expected": TABLE,
    "links.expected.*": WORDS,
    "endpoints": TABLE,
    "endpoints.*": HTTP,
    "query": TABLE,
    "query.defaults": TABLE,
    "query.defaults.*": TABLE,
    "query.defaults.*.*": VALUES,
    "dumps": TABLE,
    "dumps.blocks": FEW,
    "feed": TABLE,
    "feed.page": COUNT,
    "serve": TABLE,
    "serve.host": TEXT,
    "serve.port": PORT,
    **{f"serve.{name}": MANY for name in ("timeout", "memory", "answer", "workers", "waiting")},
    "serve.rows": COUNT,
    "stories": TABLE,
    "stories.account": IRI,
    "stories.least": SHARE,
    "stores": TABLE,
    "stores.*": TABLE,
    "stores.*.plaintext": FLAG,
    "stores.*.timeout": WAIT,
    "stores.*.tries": FEW,
    "catalog": TABLE,
    "catalog.version": TEXT,
    "catalog.previous": IRI,
    "catalog.home": HTTP,
    "catalog.endpoint": HTTP,
    "catalog.publisher_name": TEXTS,
    "catalog.publisher_type": CODE,
    "catalog.frequency": CODE,
    "catalog.begins": IRIS,
    "catalog.ends": IRIS,
    "catalog.description": TEXTS,
    "catalog.keywords": KEYWORDS,
    "catalog.provenance": TEXTS,
    "catalog.contact": TABLE,
    "catalog.contact.name": TEXT,
    "catalog.contact.email": EMAIL,
    "catalog.themes": TABLES,
    "catalog.places": TABLES,
    "catalog.targets": TABLES,
    **{f"catalog.{table}.[].iri": IRI for table in ("themes", "places", "targets")},
    **{f"catalog.{table}.[].label": TEXTS for table in ("themes", "places")},
    **{f"catalog.{table}.[].scheme": IRI for table in ("themes", "places")},
    "catalog.targets.[].name": TEXT,
    "catalog.targets.[].title": TEXT,
    "catalog.targets.[].namespace": IRI,
}
"""What each setting is to be; ``*`` is any key, ``[]`` each entry of a list."""

NEEDED = (
    *("dataset.base", "dataset.title", "dataset.licence", "dataset.publisher", "graphs"),
    *("graphs.assertion", "graphs.provenance", "graphs.pubinfo"),
    *("catalog.contact.name", "catalog.contact.email", "catalog.themes.[].iri", "catalog.themes.[].label"),
    *("catalog.places.[].iri", "catalog.places.[].label"),
    *(f"catalog.targets.[].{name}" for name in ("name", "iri", "title", "namespace")),
)
"""What must be there wherever the table around it is; the first of them, in any case."""


def read(text: str, file: str) -> tuple[dict[str, Any], list[Finding]]:
    """Return the settings with all that is wrong with them; of what is no TOML, nothing but that."""
    try:
        settings = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        place = Place(file, int(found[1]), int(found[2])) if found else Place(file)
        return {}, [finding("toml", place, reason=str(error).partition(" (at ")[0])]
    return settings, list(_check(settings, text, file))


def _check(settings: Mapping[str, Any], text: str, file: str) -> Iterator[Finding]:
    def wrong(steps: Steps, value: Any, expected: Mapping[str, str]) -> Finding:
        place = Place(file, *locate(text, steps))
        shown = repr(value)
        shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."
        return finding("setting", place, key=_name(steps), value=shown, expected=expected)

    for pattern, kind in RULES.items():
        for steps, value in _find(settings, tuple(pattern.split("."))):
            if not kind.fits(value):
                yield wrong(steps, value, kind.expected)
    for pattern in NEEDED:
        *around, key = pattern.split(".")
        for steps, table in _find(settings, tuple(around)):
            if isinstance(table, dict) and key not in table:
                place = Place(file, *locate(text, steps))
                yield finding("setting-missing", place, key=_name((*steps, key)), expected=_find_kind(pattern).expected)
    yield from _check_names(settings, wrong)
    for steps, names in _find_unknown(settings, _tree()):
        place, near = Place(file, *locate(text, steps)), suggest(str(steps[-1]), names)
        listed = ", ".join(sorted(names))
        yield finding("setting-unknown", place, near and _name((*steps[:-1], near)), key=_name(steps), names=listed)


def _tree() -> dict[str, Any]:
    """Return the rules as nested tables, by each step of their patterns."""
    tree: dict[str, Any] = {}
    for pattern in RULES:
        here = tree
        for step in pattern.split("."):
            here = here.setdefault(step, {})
    return tree


def _find_unknown(value: Any, known: Mapping[str, Any], steps: Steps = ()) -> Iterator[tuple[Steps, Sequence[str]]]:
    """Yield the way to each key that is no setting, with those that are settings beside it."""
    if isinstance(value, list) and "[]" in known:
        for place, one in enumerate(value):
            yield from _find_unknown(one, known["[]"], (*steps, place))
    elif isinstance(value, dict) and known:
        for key, inner in value.items():
            if key in known or "*" in known:
                yield from _find_unknown(inner, known.get(key) or known.get("*", {}), (*steps, key))
            else:
                yield (*steps, key), [name for name in known if name != "*"]


def _find_kind(pattern: str) -> Kind:
    """Return what a setting that must be there is to be."""
    first, *rest = pattern.split(".")
    tried = (pattern, f"{first}.*", ".".join([first, "*", *rest[1:]]))
    return next(RULES[one] for one in tried if one in RULES)


def _check_names(
    settings: Mapping[str, Any], wrong: Callable[[Steps, Any, Mapping[str, str]], Finding]
) -> Iterator[Finding]:
    """Yield a finding for each name that cannot be one: of a graph or a prefix; and where no graph takes the rest."""
    graphs, prefixes = settings.get("graphs"), settings.get("prefixes")
    if isinstance(graphs, dict):
        names = Words("assertion, provenance or pubinfo")
        yield from (wrong(("graphs", name), name, names) for name in graphs if name not in _GRAPHS)
        keys = [key for row in graphs.values() if isinstance(row, list) for key in row]
        if keys.count("*") != 1:
            rest = Words("'*', for all the rest, in one of the graphs")
            yield wrong(("graphs",), sorted(str(key) for key in keys), rest)
    if isinstance(prefixes, dict):
        words = Words("a prefix of a-z, 0-9 and hyphens")
        for prefix in prefixes:
            if not re.fullmatch(r"[a-z][a-z0-9-]*", prefix):
                yield wrong(("prefixes", prefix), prefix, words)


_GRAPHS = ("assertion", "provenance", "pubinfo")


def _find(value: Any, pattern: Sequence[str], steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield each value whose way from the top the pattern describes."""
    if not pattern:
        yield steps, value
        return
    key, *rest = pattern
    if key == "[]":
        for place, one in enumerate(value if isinstance(value, list) else ()):
            yield from _find(one, rest, (*steps, place))
    elif isinstance(value, dict):
        for name in sorted(value) if key == "*" else [key] if key in value else []:
            yield from _find(value[name], rest, (*steps, name))


def _name(steps: Steps) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in steps)


_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*\.?""")


def locate(text: str, steps: Steps) -> tuple[int, int]:
    r"""Return the line and column where a setting is written, or what is nearest around it.

    >>> locate("[a]\nb = 1\n", ("a", "b"))
    (2, 1)
    """
    best, where = 0, (1, 1)
    table: Steps = ()
    counted: dict[Steps, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.fullmatch(line):
            table = _steps(header[1])
            if line.lstrip().startswith("[["):
                counted[table] = counted.get(table, -1) + 1
                table = (*table, counted[table])
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_steps(key[1]))
        else:
            continue
        if len(here) > best and here == steps[: len(here)]:
            best, where = len(here), (number, len(line) - len(line.lstrip()) + 1)
    return where


def _steps(written: str) -> Steps:
    return tuple(one or two or three for one, two, three in _PART.findall(written))
