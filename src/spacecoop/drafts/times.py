"""Phrases of time and the day of publication in, EDTF out."""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta

from spacecoop.drafts.folding import Folded
from spacecoop.drafts.rules import Language, Phrase
from spacecoop.drafts.spans import longest

_PLACE = re.compile(r"\W*(?:[^\W\d_a-zß-ÿ][\w.'’-]*[ /]?){1,4}(?:\([^()\n]{1,30}\),?|,)[ \u00a0]+(?:le )?")
_AGENCY = re.compile(r"\.?\s*(?:\([^()\n]{1,30}\)|/[^/\n]{1,30}/|[-‐‑–—])")


@dataclass(frozen=True)
class Time:
    """A time that a text states: where, and its EDTF value in full."""

    start: int
    end: int
    value: str


Way = Callable[[int, int], int]
"""Tells of a span of the folded text whether what is to come (1) or is over (-1) is spoken of there; 0: neither."""


def find(folded: Folded, language: Language, published: date | None, way: Way) -> list[Time]:
    """Return the times of a text in reading order; one within a longer one is not told.

    What counts from the day of publication is left out where that day is not known.
    """
    ranked = sorted(_all(folded, language, published, way), key=lambda one: (one.start - one.end, one.start))
    return sorted(longest(ranked), key=lambda one: one.start)


def is_dateline(words: str, time: Time) -> bool:
    """Tell whether a time is that of a dispatch, as in "PARIS, March 10 (AFP) -", and of nothing that it tells."""
    line = words.rfind("\n", 0, time.start) + 1
    return bool(_PLACE.fullmatch(words, line, time.start) and _AGENCY.match(words, time.end))


def _all(folded: Folded, language: Language, published: date | None, way: Way) -> Iterator[Time]:
    for phrase in language.phrases:
        for found in phrase.find(folded.text):
            value = _value(phrase, found, language, published, way(*found.span()))
            if value is not None and _is_edtf(value):
                yield Time(*folded.span(found.start(), found.end()), value)


_PLAIN = re.compile(r"(?:\.\./)?\d{4}(?:-(?:0[1-9]|1[0-2])(?:-\d\d)?)?(?:/\.\.)?")
"""What most phrases say, which is EDTF wherever the calendar has its day."""


@functools.cache
def _is_edtf(value: str) -> bool:
    """Tell whether a value is EDTF, with days that the calendar has."""
    try:
        for part in re.findall(r"\d{4}-\d\d-\d\d", value):
            date.fromisoformat(part)
    except ValueError:
        return False
    return bool(_PLAIN.fullmatch(value)) or _is_other_edtf(value)


def _is_other_edtf(value: str) -> bool:
    from edtf import parse_edtf  # loads a grammar, for which plain times need not wait
    from edtf.parser.edtf_exceptions import EDTFParseException

    try:
        parse_edtf(value)
    except (EDTFParseException, ValueError):
        return False
    return True


def _value(phrase: Phrase, found: re.Match[str], language: Language, published: date | None, way: int) -> str | None:
    """Return the EDTF value of a phrase; nothing where it cannot be placed."""
    named = {key: value for key, value in found.groupdict().items() if value}
    given = _given(named, language)
    if published is None:
        return phrase.form.format(**given) if _can_fill(phrase.form, given) else None
    base = _base(phrase, named, language, published, way)
    if base is None:
        return None
    moved = phrase.days is not None or phrase.months is not None
    if "year" not in given:
        given["year"] = str(base.year if moved else _year(base, given, way))
    given = {"month": f"{base.month:02}", "day": f"{base.day:02}"} | given
    monday = base - timedelta(days=base.weekday())
    given |= {"monday": str(monday), "sunday": str(monday + timedelta(days=6))}
    given["last"] = str(calendar.monthrange(int(given["year"]), int(given["month"]))[1])
    given |= {"before": str(int(given["year"]) - 1), "after": str(int(given["year"]) + 1)}
    return phrase.form.format(**given)


def _given(named: Mapping[str, str], language: Language) -> dict[str, str]:
    """Return what a phrase itself says of its parts, in the form of EDTF."""
    given: dict[str, str] = {}
    for key, value in named.items():
        if key in ("month", "month2"):
            given[key] = f"{language.months.get(value) or int(value):02}"
        elif key in ("day", "day2"):
            given[key] = f"{int(value):02}"
        elif key in ("year", "year2"):
            given[key] = value
    if "year" in given:
        given["decade"] = f"{given['year'][:3]}X"
    return given


def _base(phrase: Phrase, named: Mapping[str, str], language: Language, published: date, way: int) -> date | None:
    """Return the day that a phrase counts from, or lands on; nothing outside of the calendar."""
    base = published + timedelta(days=phrase.days or 0)
    if phrase.months is not None:
        count = named.get("count", "1")
        months = base.year * 12 + base.month - 1 + phrase.months * (language.numbers.get(count) or int(count))
        year, month = divmod(months, 12)
        return date(year, month + 1, 1) if MINYEAR <= year <= MAXYEAR else None
    if named.get("weekday") and not named.get("day"):
        apart = language.weekdays[named["weekday"]] - base.isoweekday()
        base += timedelta(days=apart % 7 if way > 0 else -(-apart % 7))
    return base


def _can_fill(form: str, given: dict[str, str]) -> bool:
    return set(re.findall(r"\{(\w+)\}", form)) <= given.keys()


def _year(base: date, given: dict[str, str], way: int) -> int:
    """Return the year of a month without one: the next such month, the last, or the nearest to the publication."""
    month = int(given.get("month", base.month))
    if way:
        return base.year + (month < base.month) if way > 0 else base.year - (month > base.month)
    return base.year + (1 if base.month - month > 6 else -1 if month - base.month > 6 else 0)
