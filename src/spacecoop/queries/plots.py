"""The rows of an answer in, a picture of them as SVG or PNG out; the same rows give the same bytes."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

MOST = 200
"""Rows that a picture still shows clearly."""

MOST_COLOURS = 10
"""Values of a column that a picture still tells apart by colour."""

Table = Sequence[Sequence[str]]


class PlotError(Exception):
    """These rows cannot be drawn so; the message says what a picture of the kind needs."""


def draw(kind: str, names: Sequence[str], rows: Table, stream: IO[bytes], format_: str = "svg") -> None:
    """Draw rows, all as texts, and write the picture, as svg or png.

    Raises PlotError where the columns do not suit the kind, there are too many rows, or the library is not there.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PlotError("pictures need matplotlib: pip install 'spacecoop[plot]'") from error
    if not 0 < len(rows) <= MOST:
        raise PlotError(f"a picture shows 1 to {MOST} rows, and there are {len(rows):,}; choose some with --limit")
    settings: Any = {
        "svg.hashsalt": "spacecoop",
        "svg.fonttype": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(settings):
        figure = Figure(figsize=(9, max(3.0, 0.3 * len(rows) + 1.2)), layout="constrained")
        PLOTS[kind](figure.add_subplot(), names, rows)
        cut: Any = {"bbox_inches": "tight", "pad_inches": 0.1}  # around all that is drawn, long words too
        silent = {"Date": None, "Creator": None} if format_ == "svg" else {"Software": None}
        figure.savefig(stream, format=format_, metadata=silent, **cut)


def bar(axes: Any, names: Sequence[str], rows: Table) -> None:
    """Draw a bar a row: the last column of numbers, named by the columns of words."""
    numeric = [place for place in range(len(names)) if all(_number(row[place]) is not None for row in rows)]
    if not numeric:
        raise PlotError("bars need a column of numbers")
    value = numeric[-1]
    words = [place for place in range(len(names)) if place not in numeric]
    labels = [", ".join(row[place] for place in words) for row in rows]
    places = range(len(rows))
    axes.barh(places, [_number(row[value]) or 0.0 for row in rows])
    axes.set_yticks(places, [_short(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlabel(names[value])


def timeline(axes: Any, names: Sequence[str], rows: Table) -> None:
    """Draw a line a row, from its first day to its last, faded and with an arrow where one of them is open.

    A column of words with few values, such as how firmly something is said, gives the colours and a legend.
    """
    dated = [
        place
        for place in range(len(names))
        if any(row[place] for row in rows) and all(_is_dated(row[place]) for row in rows)
    ]
    if not dated:
        raise PlotError("a timeline needs a column of dates")
    first, last = dated[0], dated[-1]
    words = [place for place in range(len(names)) if place not in dated]
    if not words:
        raise PlotError("a timeline needs a column of words beside the dates")
    if empty := sum(not row[first] and not row[last] for row in rows):
        raise PlotError(f"{empty:,} of {len(rows):,} rows have no date, and a timeline has no place for them")
    days = [_day(row[place]) for row in rows for place in (first, last) if row[place]]
    span = (max(days) - min(days)).days or 365
    margin = datetime.timedelta(days=span / 20)
    colours = _colours(axes, rows, words[1:], names)
    for place, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        begin = _day(row[first]) if row[first] else min(days) - margin
        end = _day(row[last]) if row[last] else max(days) + margin
        whole = 1.0 if row[first] and row[last] else 0.35
        axes.plot([begin, end], [place, place], linewidth=6, solid_capstyle="butt", color=colour, alpha=whole)
        if not row[first]:
            axes.plot([begin], [place], marker="<", color=colour)
        if not row[last]:
            axes.plot([end], [place], marker=">", color=colour)
        if row[first]:
            axes.plot([begin], [place], marker="|", color=colour)
    axes.set_yticks(range(len(rows)), [_short(row[words[0]]) for row in rows])
    axes.invert_yaxis()


def _colours(axes: Any, rows: Table, words: Sequence[int], names: Sequence[str]) -> list[str]:
    """Return a colour for each row, by the last column of *words* that has two to ten values; make its legend."""
    values = {place: sorted({row[place] for row in rows}) for place in words}
    fit = [place for place in words if 2 <= len(values[place]) <= MOST_COLOURS and len(values[place]) < len(rows)]
    if not fit:
        return ["C0"] * len(rows)
    place = fit[-1]
    colour = {value: f"C{number}" for number, value in enumerate(values[place])}
    for value, shade in colour.items():
        axes.plot([], [], linewidth=6, color=shade, label=_short(value) or "–")
    axes.legend(title=names[place], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return [colour[row[place]] for row in rows]


def network(axes: Any, names: Sequence[str], rows: Table) -> None:
    """Draw the first two columns as lines between points on a circle; a column of numbers is their width."""
    if len(names) < 2:
        raise PlotError("a network needs two columns: from where and to where")
    for place in (0, 1):
        if all(_number(row[place]) is not None or _is_dated(row[place]) for row in rows):
            raise PlotError(f"a network joins things, and the column {names[place]} has numbers or dates only")
    weights = [place for place in range(2, len(names)) if all(_number(row[place]) is not None for row in rows)]
    points = sorted({row[place] for row in rows for place in (0, 1) if row[place]})
    at = {
        point: (math.cos(2 * math.pi * number / len(points)), math.sin(2 * math.pi * number / len(points)))
        for number, point in enumerate(points)
    }
    heaviest = max((_number(row[weights[0]]) or 0.0 for row in rows), default=1.0) if weights else 1.0
    for row in rows:
        if row[0] and row[1]:
            width = 0.5 + 4 * (_number(row[weights[0]]) or 0.0) / (heaviest or 1.0) if weights else 1.0
            (x1, y1), (x2, y2) = at[row[0]], at[row[1]]
            axes.plot([x1, x2], [y1, y2], linewidth=width, color="C0", alpha=0.6, zorder=1)
    for point, (x, y) in at.items():
        axes.plot([x], [y], marker="o", color="C1", zorder=2)
        side: Any = "left" if x >= 0 else "right"
        axes.annotate(_short(point), (x, y), (1.06 * x, 1.06 * y), ha=side, va="center")
    axes.figure.set_size_inches(9, 7)
    axes.set_aspect("equal")
    axes.set_axis_off()


PLOTS: Mapping[str, Callable[[Any, Sequence[str], Table], None]] = {
    "bar": bar,
    "timeline": timeline,
    "network": network,
}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_dated(text: str) -> bool:
    if not text:
        return True
    try:
        _day(text)
    except ValueError:
        return False
    return "-" in text[1:]


def _day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text[:10])


def _short(text: str) -> str:
    # a dollar sign would begin a formula
    return (text if len(text) <= 60 else f"{text[:59]}…").replace("$", r"\$")
