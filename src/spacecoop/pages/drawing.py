"""The rows of a picture's query in; its marks, each with its place, out: the same rows give the same picture."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wcwidth import wcswidth

from spacecoop.pages.kinds import Row
from spacecoop.pages.values import Value

WIDTH = 400
"""Units that a picture is wide; its letters are 12 high, so that it is legible on a narrow screen."""
MOST = {"network": 40, "timeline": 20, "bars": 40, "tiles": 40, "moves": 25}
"""Parties, lanes, bars, tiles and plans that a picture still shows clearly; its table has all."""
_LETTER = 6.4
_TIME = re.compile(r"(-?\d{4,6})(?:-(\d\d))?(?:-(\d\d))?(?!\d)")
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000)

Name = Callable[[Any], Value]
"""Takes a term; returns what it is called in the reader's language."""


class DrawingError(Exception):
    """These rows cannot be drawn so; the message says what a picture of the kind needs."""


@dataclass(frozen=True)
class Mark:
    """One element of a picture: its tag, the class by which it is styled, and its place."""

    tag: str
    role: str
    at: Mapping[str, Any]
    text: Value | None = None
    tip: str = ""


@dataclass(frozen=True)
class Drawing:
    """A whole picture."""

    height: int
    marks: Sequence[Mark]
    shown: int
    """How many rows it shows."""
    legend: Sequence[tuple[str, str]] = field(default=())
    """By class of the marks, the word of the interface that says what they are."""


def draw(kind: str, rows: Sequence[Row], name: Name) -> Drawing:
    """Draw rows; raises DrawingError for an unknown kind, and where the rows have not what the kind needs."""
    if kind not in KINDS:
        raise DrawingError(f"there is no picture of the kind {kind!r}; there are {', '.join(sorted(KINDS))}")
    needed, make = KINDS[kind]
    for one in needed:
        if not all(one in row for row in rows):
            raise DrawingError(
                f"a picture of the kind {kind} needs {', '.join(f'?{each}' for each in needed)} in each row"
            )
    return make(rows, name)


def fit(value: Value, room: float, size: float = 12) -> Value:
    """Return a text that is no wider than *room*, with an ellipsis where it was.

    >>> fit(Value("Kazakhstan"), 50).text
    'Kazakh…'
    """
    most = int(room / (_LETTER * size / 12))
    if _cells(value.text) <= most:
        return value
    short = value.text
    while short and _cells(short) > most - 1:
        short = short[:-1]
    return Value(f"{short.rstrip()}…", value.language)


def read_year(text: str) -> float | None:
    """Return a day, month or year as a number of years; None for what is none.

    >>> read_year("2024-07-01"), read_year("2024"), read_year("soon")
    (2024.5, 2024.0, None)
    """
    found = _TIME.match(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    return year + (month - 1) / 12 + (day - 1) / 372


def draw_network(rows: Sequence[Row], name: Name) -> Drawing:
    """Draw the lines between ``?one`` and ``?other``, as thick as ``?count``; the middle rows have most."""
    weight: defaultdict[tuple[Any, Any], float] = defaultdict(float)
    of: defaultdict[Any, float] = defaultdict(float)
    for row in rows:
        count = _count(row)
        weight[row["one"], row["other"]] += count
        of[row["one"]] += count
        of[row["other"]] += count
    there = sorted(of, key=lambda term: (-of[term], str(term)))[: MOST["network"]]
    tall = max(4, (len(there) + 1) // 2)
    line = max(26, min(44, 240 // tall))
    height, at = line * tall, _lay_on_oval(there, tall, line)
    drawn = [(pair, count) for pair, count in weight.items() if pair[0] in at and pair[1] in at]
    heaviest, greatest = max(weight.values()) or 1, max(of.values()) or 1
    marks: list[Mark] = []
    for (one, other), count in sorted(drawn, key=lambda each: (each[1], str(each[0]))):
        (x1, y1), (x2, y2) = at[one], at[other]
        turn = f"{_n((x1 + x2 + WIDTH) / 4)} {_n((y1 + y2 + height) / 4)}"  # halfway to the centre
        path = {"d": f"M{_n(x1)} {_n(y1)}Q{turn} {_n(x2)} {_n(y2)}", "stroke-width": _n(1 + 9 * count / heaviest)}
        marks.append(Mark("path", "line", path, tip=f"{name(one).text} – {name(other).text}: {_whole(count)}"))
    for term, (x, y) in at.items():
        size, side = 3.5 + 8 * (of[term] / greatest) ** 0.5, -1 if x < WIDTH / 2 else 1
        tip = f"{name(term).text}: {_whole(of[term])}"
        marks.append(Mark("circle", "point", {"cx": _n(x), "cy": _n(y), "r": _n(size)}, tip=tip))
        label = fit(name(term), (x if side < 0 else WIDTH - x) - size - 5)
        marks.append(_word(x + side * (size + 5), y + 4, label, "end" if side < 0 else "start"))
    return Drawing(height, marks, len(drawn))


def _lay_on_oval(terms: Sequence[Any], tall: int, line: int) -> dict[Any, tuple[float, float]]:
    """Return a place for each term, left and right in turn, in rows that keep their names apart."""
    order, at = _from_the_middle(tall), {}
    for number, term in enumerate(terms):
        row = order[number // 2]
        bend = (1 - ((row + 0.5) / tall * 2 - 1) ** 2) ** 0.5
        at[term] = (WIDTH / 2 + (-1 if number % 2 == 0 else 1) * 95 * bend, line * (row + 0.5))
    return at


def draw_timeline(rows: Sequence[Row], name: Name) -> Drawing:
    """Draw a lane for each ``?group``, and on it a circle at ``?when``, as large as ``?count``."""
    groups = list(dict.fromkeys(row["group"] for row in rows))[: MOST["timeline"]]
    drawn = [
        (row, time) for row in rows if (time := read_year(_text(row["when"]))) is not None and row["group"] in groups
    ]
    if not drawn:
        raise DrawingError("a timeline needs a ?when that is a day, a month or a year")
    begin, end = min(time for _, time in drawn), max(time for _, time in drawn)
    scale = _Scale(begin, end, 118, WIDTH - 14)
    height = 30 * len(groups) + 34
    marks = list(_axis(scale, 6, height - 24))
    for number, group in enumerate(groups):
        y = 30 * number + 21
        marks.append(Mark("path", "rule", {"d": f"M104 {y}H{WIDTH}"}))
        marks.append(_word(0, y + 4, fit(name(group), 98)))
    greatest = max(_count(row) for row, _ in drawn) or 1
    for row, time in drawn:
        count, y = _count(row), 30 * groups.index(row["group"]) + 21
        size = max(3.0, 13 * (count / greatest) ** 0.5)
        tip = f"{name(row['group']).text}, {_text(row['when'])}: {_whole(count)}"
        marks.append(Mark("circle", "spot", {"cx": _n(scale(time)), "cy": y, "r": _n(size)}, tip=tip))
        if size > 6 and _cells(_whole(count)) * _LETTER < 1.6 * size:
            marks.append(_word(scale(time), y + 4, Value(_whole(count)), "middle", "on"))
    return Drawing(height, marks, len(drawn))


def draw_bars(rows: Sequence[Row], name: Name) -> Drawing:
    """Draw a bar for each ``?item``, as long as ``?count``."""
    drawn = rows[: MOST["bars"]]
    greatest = max(_count(row) for row in drawn) or 1
    marks: list[Mark] = []
    for number, row in enumerate(drawn):
        count, y = _count(row), 24 * number + 4
        marks.append(_word(0, y + 13, fit(name(row["item"]), 122)))
        wide = max(1.0, 220 * count / greatest)
        marks.append(Mark("rect", "bar", {"x": 130, "y": y, "width": _n(wide), "height": 17}))
        marks.append(_word(136 + wide, y + 13, Value(_whole(count))))
    return Drawing(24 * len(drawn) + 4, marks, len(drawn))


def draw_tiles(rows: Sequence[Row], name: Name) -> Drawing:
    """Draw a tile for each ``?item``, the fuller the greater its ``?count``, which is written on it."""
    drawn = rows[: MOST["tiles"]]
    greatest = max(_count(row) for row in drawn) or 1
    marks: list[Mark] = []
    for number, row in enumerate(drawn):
        x, y, count = 101 * (number % 4), 66 * (number // 4), _count(row)
        full = _n(0.06 + 0.44 * count / greatest, 2)
        tile = {"x": x, "y": y, "width": 97, "height": 62, "rx": 4, "fill-opacity": full}
        marks.append(Mark("rect", "tile", tile, tip=f"{name(row['item']).text}: {_whole(count)}"))
        marks.append(_word(x + 8, y + 20, fit(name(row["item"]), 84)))
        marks.append(_word(x + 8, y + 48, Value(_whole(count)), role="great"))
    return Drawing(66 * ((len(drawn) + 3) // 4) - 4, marks, len(drawn))


def draw_moves(rows: Sequence[Row], name: Name) -> Drawing:
    """Draw for each ``?item`` the time that was first said, ``?begin`` to ``?end``, and the one that is said later."""
    keys = ("begin", "end", "later_begin", "later_end")
    timed = [(row, [read_year(_text(row[key])) for key in keys]) for row in rows]
    drawn = [(row, [time for time in times if time is not None]) for row, times in timed if None not in times]
    drawn = drawn[: MOST["moves"]]
    if not drawn:
        raise DrawingError("a picture of moves needs days, months or years in ?begin, ?end, ?later_begin, ?later_end")
    every = [time for _, times in drawn for time in times]
    scale = _Scale(min(every), max(every), 18, WIDTH - 18)
    height = 52 * len(drawn) + 28
    marks = list(_axis(scale, 6, height - 24))
    for number, (row, times) in enumerate(drawn):
        top = 52 * number + 6
        before, after = [scale(time) for time in times[:2]], [scale(time) for time in times[2:]]
        label = fit(name(row["item"]), WIDTH - 4)
        marks.append(_word(0, top + 12, label))
        start, target = _nearest(before, after)
        if start != target:
            back = 5 if target > start else -5
            middle = top + 31
            marks.append(Mark("path", "way", {"d": f"M{_n(start)} {middle}H{_n(target - back)}"}))
            head = f"M{_n(target - back)} {middle - 4}L{_n(target)} {middle}L{_n(target - back)} {middle + 4}Z"
            marks.append(Mark("path", "head", {"d": head}))
        for role, span in (("before", before), ("after", after)):
            wide = max(4.0, span[1] - span[0])
            marks.append(
                Mark("rect", role, {"x": _n(span[0]), "y": top + 24, "width": _n(wide), "height": 14, "rx": 2})
            )
    return Drawing(height, marks, len(drawn), (("before", "picture_before"), ("after", "picture_after")))


KINDS: Mapping[str, tuple[tuple[str, ...], Callable[[Sequence[Row], Name], Drawing]]] = {
    "bars": (("item", "count"), draw_bars),
    "moves": (("item", "begin", "end", "later_begin", "later_end"), draw_moves),
    "network": (("one", "other", "count"), draw_network),
    "tiles": (("item", "count"), draw_tiles),
    "timeline": (("group", "when", "count"), draw_timeline),
}
"""By name, the variables that a kind of picture needs, and what draws it."""


class _Scale:
    """From time, in years, to a place on the picture."""

    def __init__(self, begin: float, end: float, left: float, right: float) -> None:
        self.begin, self.end = begin, end if end > begin else begin + 1
        self._left, self._wide = left, right - left

    def __call__(self, time: float) -> float:
        return self._left + self._wide * (time - self.begin) / (self.end - self.begin)

    def ticks(self) -> Iterator[int]:
        """Yield the years that are written: so few that they stay apart."""
        most = max(2, int(self._wide / 48))
        step = next((step for step in _STEPS if (self.end - self.begin) / step <= most), _STEPS[-1])
        first = -int(-self.begin // step) * step
        yield from range(first, int(self.end) + 1, step)


def _axis(scale: _Scale, top: int, bottom: int) -> Iterator[Mark]:
    for year in scale.ticks():
        x = scale(year)
        yield Mark("path", "rule", {"d": f"M{_n(x)} {top}V{bottom}"})
        yield _word(x, bottom + 17, Value(str(year)), "middle", "year")


def _nearest(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """Return from where to where an arrow leads between two spans of time; twice the same where they meet."""
    if before[1] < after[0]:
        return before[1], after[0]
    return (before[0], after[1]) if after[1] < before[0] else (before[0], before[0])


def _word(x: float, y: float, value: Value, anchor: str = "start", role: str = "word") -> Mark:
    at = {"x": _n(x), "y": _n(y)} | ({"text-anchor": anchor} if anchor != "start" else {})
    return Mark("text", role, at, value)


def _from_the_middle(count: int) -> list[int]:
    """Return the numbers below *count*, the middle one first and the outer ones last."""
    return sorted(range(count), key=lambda number: (abs(number - (count - 1) / 2), number))


def _count(row: Row) -> float:
    said = _text(row["count"])
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise DrawingError(f"?count is to be a number that is not below 0, and is {said!r}")
    return number


def _text(term: Any) -> str:
    return str(term.value)


def _cells(text: str) -> int:
    return max(wcswidth(text), len(text) if wcswidth(text) < 0 else 0)


def _whole(number: float) -> str:
    return f"{number:g}" if number < 1_000_000 else f"{number:.0f}"


def _n(number: float, places: int = 1) -> str:
    return f"{round(number, places):g}"
