"""Lines of triples in, lines and digests out that are the same whatever store the triples come from."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta

XSD = "http://www.w3.org/2001/XMLSchema#"
_SIGNED = "integer int long short byte negativeInteger nonPositiveInteger"
_UNSIGNED = "nonNegativeInteger positiveInteger unsignedLong unsignedInt unsignedShort unsignedByte"
INTEGERS = frozenset(f"{_SIGNED} {_UNSIGNED}".split())
"""The names of ``xsd:integer`` and the datatypes derived from it (XSD 1.1, section 3.4)."""

_DURATION = re.compile(
    r"(-?)P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?"
)
_TYPED = f'"^^<{XSD}'
_TAGGED = re.compile(r'"@([A-Za-z0-9-]*[A-Z][A-Za-z0-9-]*)$')
_TAGGED_ANY = re.compile(r'"@[a-z0-9-]*[A-Z]')
_LITERAL = re.compile(r'(\S+ \S+) "((?:[^"\\]|\\.)*)"\^\^<http://www\.w3\.org/2001/XMLSchema#(\w+)>', re.DOTALL)
_BLANKS = {r"\n": "\n", r"\t": "\t", r"\r": "\r"}


def digest(lines: Iterable[str]) -> str:
    """Return the SHA-256 of lines in their sorted order, each ended by a line feed, in hexadecimal."""
    ended = "\n".join([*sorted(lines), ""])
    return hashlib.sha256(ended.encode()).hexdigest()


def are_values(text: str) -> bool:
    """Tell quickly of many lines that `value_line` leaves them as they are; False where they have to be looked at."""
    return _TYPED not in text and _TAGGED_ANY.search(text) is None


def value_line(line: str) -> str:
    """Return a triple's line with its literal brought to the one spelling of its value.

    A line is N-Triples in its canonical form (RDF 1.2 N-Triples, section 4) without the final dot. Equal values give
    equal lines (XSD 1.1, section 2.2.2), also where a store writes ``"01"`` as ``"1"`` or a derived integer as
    ``xsd:integer``. A literal that has no value, such as ``"abc"^^xsd:integer``, stays.

    >>> value_line('<a> <b> "01"^^<http://www.w3.org/2001/XMLSchema#int>')
    '<a> <b> "1"^^<http://www.w3.org/2001/XMLSchema#decimal>'
    """
    if _TYPED in line:
        found = _LITERAL.fullmatch(line)
        if found is None or found[3] not in SPELLINGS:
            return line
        family, spell = SPELLINGS[found[3]]
        spelled = spell(re.sub(r"\\[ntr]", lambda blank: _BLANKS[blank[0]], found[2]))
        return line if spelled is None else f'{found[1]} "{spelled}"^^<{XSD}{family}>'
    tag = _TAGGED.search(line)
    return line if tag is None else f"{line[: tag.start(1)]}{tag[1].lower()}"


def _decimal(text: str) -> str | None:
    """Spell a decimal without needless signs and zeros.

    >>> _decimal("+01.50"), _decimal("-0"), _decimal("abc")
    ('1.5', '0', None)
    """
    found = re.fullmatch(r"([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?", text.strip(), re.ASCII)
    if not found:
        return None
    whole, part = found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if found[1] == "-" and number != "0" else number


def _double(text: str) -> str | None:
    number = _float_of(text)
    return None if number is None else _spell(number)


def _float(text: str) -> str | None:
    number = _float_of(text)
    if number is None:
        return None
    try:
        return _spell(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return "-INF" if number < 0 else "INF"


def _float_of(text: str) -> float | None:
    text = text.strip()
    if text in ("INF", "+INF", "-INF", "NaN"):
        return float(text)
    number = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
    return float(text) if re.fullmatch(number, text, re.ASCII) else None


def _spell(number: float) -> str:
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    return "NaN" if math.isnan(number) else repr(number)


def _boolean(text: str) -> str | None:
    return {"1": "true", "0": "false", "true": "true", "false": "false"}.get(text.strip())


def _moment(text: str) -> str | None:
    """Spell a time: no needless digits of seconds, Z for a zone of zero, midnight as the day's beginning.

    >>> _moment("2019-03-25T24:00:00.50-00:00"), _moment("2019-12-31T24:00:00")
    (None, '2020-01-01T00:00:00')
    >>> _moment("2019-03-25T10:00:00.500+00:00")
    '2019-03-25T10:00:00.5Z'
    """
    found = re.fullmatch(
        r"(-?\d{4,}-\d\d-\d\dT|)(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text.strip(), re.ASCII
    )
    if not found:
        return None
    day, clock, part, zone = found[1], found[2], (found[3] or "").rstrip("0"), found[4] or ""
    if clock == "24:00:00":
        if part:
            return None
        clock, day = "00:00:00", _next(day)
    zone = "Z" if zone in ("+00:00", "-00:00") else zone
    return f"{day}{clock}{'.' if part else ''}{part}{zone}"


def _next(day: str) -> str:
    try:
        return f"{date.fromisoformat(day.removesuffix('T')) + timedelta(days=1)}T"
    except (ValueError, OverflowError):
        return day


def _read_zone(text: str) -> str | None:
    text = text.strip()
    return f"{text[:-6]}Z" if text.endswith(("+00:00", "-00:00")) else text


def _duration(text: str) -> str | None:
    """Spell a duration as months and seconds, which is its value (XSD 1.1, section 3.3.6).

    >>> _duration("PT36H") == _duration("P1DT12H"), _duration("P1Y2M")
    (True, 'P14MT0S')
    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        return None
    years, months, days, hours, minutes, seconds = (int(found[number] or 0) for number in range(2, 8))
    part = (found[8] or "").rstrip("0")
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    spelled = f"P{years * 12 + months}MT{whole}{'.' if part else ''}{part}S"
    return f"-{spelled}" if found[1] and (years or months or whole or part) else spelled


SPELLINGS: Mapping[str, tuple[str, Callable[[str], str | None]]] = {
    **dict.fromkeys([*INTEGERS, "decimal"], ("decimal", _decimal)),
    "double": ("double", _double),
    "float": ("float", _float),
    "boolean": ("boolean", _boolean),
    **dict.fromkeys(["dateTime", "dateTimeStamp"], ("dateTime", _moment)),
    "time": ("time", _moment),
    "date": ("date", _read_zone),
    **dict.fromkeys(["duration", "dayTimeDuration", "yearMonthDuration"], ("duration", _duration)),
}
"""For each datatype that stores respell: the datatype whose values it shares, and how a value is spelled."""
