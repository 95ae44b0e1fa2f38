"""What claims could add to Wikidata in; the commands of QuickStatements V1 that would add it out, each explained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from spacecoop.iris import local_name
from spacecoop.links.wikidata import Item

_XSD = "http://www.w3.org/2001/XMLSchema#"
_PRECISIONS = {
    f"{_XSD}gYear": (9, re.compile(r"(?P<year>\d{4})")),
    f"{_XSD}gYearMonth": (10, re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)")),
    f"{_XSD}date": (11, re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)")),
    f"{_XSD}dateTime": (11, re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T.*")),
}
"""By datatype: Wikidata's number for the precision of a date, and how its text is read (Help:Dates, "Precision")."""
REQUIRED = ("S813", "S854")
"""A statement without these sources is not proposed: the day of retrieval and the address."""

Missing = Callable[[str, str], bool | None]
"""Whether an item has no value of a property; None where nobody knows."""


@dataclass(frozen=True)
class Proposal:
    """One statement that could be made, with the verdict on it."""

    line: str
    """The command, its parts with tabs between them; empty where it is not to be run."""
    reason: str

    @property
    def proposed(self) -> bool:
        """Whether it is to be run."""
        return bool(self.line)


def propose(rows: Iterable[Mapping[str, NamedNode | Literal]], missing: Missing) -> list[Proposal]:
    """Return a proposal for each row of the give-back query.

    A row binds ``item``, ``property`` and ``value``, sources as ``S854`` and the like, qualifiers as ``P585`` and
    the like, and ``because``, which is what the row rests on. A statement is proposed where *missing* is sure that
    the item has no value of that property.
    """
    found: dict[tuple[str, str], Proposal] = {}
    for row in rows:
        proposal = _proposal(row, missing)
        found.setdefault((proposal.line, proposal.reason), proposal)
    return [found[key] for key in sorted(found)]


def _proposal(row: Mapping[str, NamedNode | Literal], missing: Missing) -> Proposal:
    item, name = row["item"].value, row["property"].value
    claim = f"{local_name(item)} {local_name(name)} {row['value'].value}"
    because = f"because of {row['because'].value}" if "because" in row else ""
    value = write_term(row["value"])
    if value is None:
        return Proposal("", f"{claim}: left out, since it is not a value that Wikidata takes")
    if not row["item"].value.startswith("http://www.wikidata.org/entity/Q"):
        return Proposal("", f"{claim}: left out, since {item} is not an item of Wikidata")
    lacking = [one for one in REQUIRED if one not in row]
    if lacking:
        return Proposal("", f"{claim}: left out, since its source lacks {', '.join(lacking)}")
    verdict = missing(item, name)
    if verdict is None:
        return Proposal(
            "", f"{claim}: left out, since nobody asked whether the item has it; renew the snapshot or ask --live"
        )
    if not verdict:
        return Proposal("", f"{claim}: left out, since the item has a value already")
    parts = [local_name(item), local_name(name), value]
    for key in sorted(row, key=_place):
        if re.fullmatch(r"[PS]\d+", key) and (text := write_term(row[key])) is not None:
            parts += [key, text]
    return Proposal("\t".join(parts), f"{claim}: {because or 'missing'}; its sources are {_sources(row)}")


def _place(key: str) -> tuple[bool, int]:
    """Qualifiers stand before sources."""
    return key.startswith("S"), int(key[1:]) if key[1:].isdigit() else 0


def _sources(row: Mapping[str, NamedNode | Literal]) -> str:
    return ", ".join(key for key in sorted(row, key=_place) if re.fullmatch(r"S\d+", key))


def write_term(term: NamedNode | Literal) -> str | None:
    """Return a term as QuickStatements V1 writes it (Help:QuickStatements, "Command sequence syntax").

    >>> write_term(Literal("2018-10", datatype=NamedNode(f"{_XSD}gYearMonth")))
    '+2018-10-00T00:00:00Z/10'
    >>> write_term(NamedNode("http://www.wikidata.org/entity/Q142")), write_term(Literal("Titre", language="fr"))
    ('Q142', 'fr:"Titre"')
    >>> write_term(Literal("2018-10/2019", datatype=NamedNode(f"{_XSD}gYearMonth")))
    """
    if isinstance(term, NamedNode):
        item = re.fullmatch(r"http://www\.wikidata\.org/entity/([QP]\d+)", term.value)
        return item[1] if item else _quote(term.value)
    if term.datatype.value in _PRECISIONS:
        precision, form = _PRECISIONS[term.datatype.value]
        match = form.fullmatch(term.value)
        if match is None:
            return None
        date = {"month": "00", "day": "00", **match.groupdict()}
        return f"+{date['year']}-{date['month']}-{date['day']}T00:00:00Z/{precision}"
    quoted = _quote(term.value)
    return f"{term.language}:{quoted}" if term.language else quoted


def _quote(text: str) -> str:
    """Quote a text; there is no escape, so what would end the part or the line becomes a space."""
    return f'"{" ".join(text.split())}"'


def make_missing(items: Mapping[str, Item], properties: Iterable[str]) -> Missing:
    """Return what knows which of these properties are missing, from a live answer."""
    asked = set(properties)

    def missing(item: str, name: str) -> bool | None:
        if item not in items or not items[item].exists or name not in asked:
            return None
        return not items[item].values(name)

    return missing
