"""Queries of ``queries/joins/`` and an article's quads in; by matter, what may show that two are one, out."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Literal, Quad, QuerySolution, QuerySolutions, Store

from spacecoop import reach, sandbox
from spacecoop.findings import choose_text
from spacecoop.queries import library
from spacecoop.queries.library import QueryError
from spacecoop.sandbox import Begin, StoppedError
from spacecoop.workspace import Workspace

FOLDER = "queries/joins"
_COLUMNS = ({"matter", "value"}, {"matter", "from", "to"})


@dataclass(frozen=True)
class Reason:
    """One query that gives values of matters: what two of them share speaks for their being one."""

    name: str
    text: str
    summary: Mapping[str, str]
    """What is said where two matters share a value."""
    weight: float
    """What it adds to a score at most; below 0 where it speaks against: then one shared value is enough."""
    apart: float = 0.0
    """What is taken away where both matters have values and share none."""
    differing: Mapping[str, str] = field(default_factory=dict)
    """What is said then."""
    between: float | None = None
    """The weight instead where both matters are shared ones."""
    needed: bool = False
    """Whether two matters that share no value of it are never proposed."""


Span = tuple[str, str]
"""The first and the last day of a time, as they are written."""


@dataclass(frozen=True)
class Traits:
    """What the reasons find of one matter."""

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By reason: terms as N-Triples, or words of a text after its language."""
    spans: Mapping[str, frozenset[Span]] = field(default_factory=dict)

    def merge(self, others: Iterable[Traits]) -> Traits:
        """Return these traits with those of others beside them."""
        values: defaultdict[str, frozenset[str]] = defaultdict(frozenset, self.values)
        spans: defaultdict[str, frozenset[Span]] = defaultdict(frozenset, self.spans)
        for other in others:
            for name, found in other.values.items():
                values[name] |= found
            for name, times in other.spans.items():
                spans[name] |= times
        return Traits(dict(values), dict(spans))


def read(workspace: Workspace) -> list[Reason]:
    """Read the reasons of a workspace, by name; raises QueryError, which tells the file, for a wrong one."""
    reasons = []
    for path in workspace.files(FOLDER, ".rq"):
        place = workspace.name(path)
        with path.open("rb") as stream:
            text = library.text_of(stream, place)
        reasons.append(_reason(text, path.stem, place))
    return reasons


def _reason(text: str, name: str, place: str) -> Reason:
    front, query = library.front(text, place), library.parse(text, name, place)
    apart = front.get("apart") or {}
    try:
        reach.stay(text)
        return Reason(
            name=name,
            text=text,
            summary=query.summary,
            weight=float(front["weight"]),
            apart=float(apart.get("weight", 0)),
            differing={str(key): str(words) for key, words in (apart.get("summary") or {}).items()},
            between=float(front["between"]) if "between" in front else None,
            needed=bool(front.get("needed", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "`weight: 0.3`, and may say `apart: {weight: 0.1, summary: {en: …}}`, `between: 0.2`, `needed: true`"
        raise QueryError(f"{place}: the front matter of a reason says {wanted} ({error})") from error


def find(quads: Iterable[Quad], reasons: Sequence[Reason]) -> dict[str, Traits]:
    """Return what the reasons find of each matter that these quads describe.

    Raises QueryError for a query that cannot be asked, does not end, or gives neither ?matter ?value nor ?matter ?from
    ?to.
    """
    found = list(quads)
    try:
        return sandbox.each(lambda begin: _find(found, reasons, begin), QueryError)  # type: ignore[no-any-return]
    except StoppedError as error:
        raise QueryError(f"{error.step}: {str(error).partition(';')[0]}") from error


def _find(quads: Sequence[Quad], reasons: Sequence[Reason], begin: Begin) -> dict[str, Traits]:
    store = Store()
    store.extend(quads)
    values: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    spans: defaultdict[str, defaultdict[str, set[Span]]] = defaultdict(lambda: defaultdict(set))
    for reason in reasons:
        begin(f"{FOLDER}/{reason.name}.rq")
        for row, is_span in _rows(store, reason):
            matter = row["matter"].value
            if is_span:
                spans[matter][reason.name].add((row["from"].value, row["to"].value))
            else:
                values[matter][reason.name].update(_values(row["value"]))
    return {
        matter: Traits(
            {name: frozenset(found) for name, found in values[matter].items()},
            {name: frozenset(found) for name, found in spans[matter].items()},
        )
        for matter in sorted({*values, *spans})
    }


def _rows(store: Store, reason: Reason) -> Iterator[tuple[QuerySolution, bool]]:
    place = f"{FOLDER}/{reason.name}.rq"
    try:
        found = store.query(reach.stay(reason.text), use_default_graph_as_union=True)
    except (SyntaxError, ValueError, OSError) as error:
        raise QueryError(f"{place}: {error}") from error
    names = {variable.value for variable in found.variables} if isinstance(found, QuerySolutions) else set[str]()
    if names not in _COLUMNS:
        raise QueryError(f"{place}: a reason selects ?matter ?value, or ?matter ?from ?to, and nothing else")
    assert isinstance(found, QuerySolutions), "it has columns"
    for row in found:
        if all(row[name] is not None for name in names):
            yield row, "from" in names


def _values(term: object) -> Iterator[str]:
    """Yield a term as one value; of a text in a language, each of its words."""
    if isinstance(term, Literal) and term.language:
        plain = unicodedata.normalize("NFKD", term.value).casefold()
        bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
        yield from (f"{term.language}:{word}" for word in re.findall(r"\w+", bare))
    else:
        yield str(term)


def words(reason: Reason, shared: bool, language: str) -> str:
    """Return what a reason says where two matters share a value of it, or share none."""
    return choose_text(reason.summary if shared else reason.differing, language) or reason.name


def is_matter(traits: Traits, asked: Sequence[Reason]) -> bool:
    """Tell whether something has a value of each needed reason: then it is a matter."""
    return {reason.name for reason in asked if reason.needed} <= {*traits.values, *traits.spans}
