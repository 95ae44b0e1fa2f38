"""Phrases of time and the day of publication in, EDTF out."""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from edtf import parse_edtf
from edtf.parser.edtf_exceptions import EDTFParseException

from spacecoop.drafts.folding import Folded
from spacecoop.drafts.rules import Language, Phrase


@dataclass(frozen=True)
class Time:
    """A time that a text states: where, and its EDTF value in full."""

    start: int
    end: int
    value: str


def find(folded: Folded, language: Language, published: date | None) -> list[Time]:
    """Return the times of a text in reading order; one within a longer one is not told.

    What counts from the day of publication is left out where that day is not known.
    """
    taken: list[Time] = []
    for one in sorted(_all(folded, language, published), key=lambda one: (one.start - one.end, one.start)):
        if all(one.end <= other.start or other.end <= one.start for other in taken):
            taken.append(one)
    return sorted(taken, key=lambda one: one.start)


def _all(folded: Folded, language: Language, published: date | None) -> Iterator[Time]:
    for phrase in language.phrases:
        for found in phrase.words.finditer(folded.text):
            value = _value(phrase, found, language, published)
            if value is not None and _is_edtf(value):
                yield Time(*folded.span(found.start(), found.end()), value)


@functools.cache
def _is_edtf(value: str) -> bool:
    """Tell whether a value is EDTF, with days that the calendar has."""
    try:
        parse_edtf(value)
        for part in re.findall(r"\d{4}-\d\d-\d\d", value):
            date.fromisoformat(part)
    except (EDTFParseException, ValueError):
        return False
    return True


def _value(phrase: Phrase, found: re.Match[str], language: Language, published: date | None) -> str | None:
    """Return the EDTF value of a phrase; nothing where it cannot be placed."""
    named = found.groupdict()
    given: dict[str, str] = {}
    base = published
    if phrase.days is not None and base is not None:
        base += timedelta(days=phrase.days)
    if named.get("weekday") and base is not None and not named.get("day"):
        base -= timedelta(days=(base.isoweekday() - language.weekdays[named["weekday"]]) % 7)
    for key in ("month", "month2"):
        if named.get(key):
            number = language.months.get(named[key]) or int(named[key])
            given[key] = f"{number:02}"
    for key in ("day", "day2"):
        if named.get(key):
            given[key] = f"{int(named[key]):02}"
    for key in ("year", "year2"):
        if named.get(key):
            given[key] = named[key]
    if base is None:
        return phrase.form.format(**given) if _filled(phrase.form, given) else None
    if "year" not in given:
        given["year"] = str(_year(base, given) if phrase.days is None else base.year)
    given = {"month": f"{base.month:02}", "day": f"{base.day:02}"} | given
    given["last"] = str(calendar.monthrange(int(given["year"]), int(given["month"]))[1])
    given |= {"before": str(int(given["year"]) - 1), "after": str(int(given["year"]) + 1)}
    return phrase.form.format(**given)


def _filled(form: str, given: dict[str, str]) -> bool:
    return set(re.findall(r"\{(\w+)\}", form)) <= given.keys()


def _year(base: date, given: dict[str, str]) -> int:
    """Return the year that brings a month without one nearest to the day of publication."""
    month = int(given.get("month", base.month))
    return base.year + (1 if base.month - month > 6 else -1 if month - base.month > 6 else 0)
