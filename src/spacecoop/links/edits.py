"""The text of a mapping set in; the same text with one row more or less out, and every other byte as it was."""

from __future__ import annotations

from collections.abc import Mapping

from spacecoop import documents
from spacecoop.links.mappings import rows_of


def add(text: str, cells: Mapping[str, str]) -> str:
    """Return the text of a mapping set with one line more, behind the lines whose subject is not a later one.

    Every other byte stays. Raises ValueError where the heading lacks a column that has something to hold.
    """
    rows = _spans(text)
    first = next(number for number, row in enumerate(rows) if not row.startswith("#"))
    columns = next(iter(rows_of([rows[first].rstrip("\r\n")], 1)))[1]
    missing = sorted(column for column, cell in cells.items() if cell and column not in columns)
    if missing:
        raise ValueError(f"the heading has no {', '.join(missing)}; add the columns to it, empty")
    line = "\t".join(_write_cell(cells.get(column, "")) for column in columns) + "\n"
    subject = columns.index("subject_id")
    later = (
        number
        for number, other in enumerate(rows[first + 1 :], first + 1)
        if other.strip() and other.split("\t")[subject].strip('"') > cells["subject_id"]
    )
    where = next(later, len(rows))
    if rows[where - 1] and not rows[where - 1].endswith("\n"):
        rows[where - 1] += "\n"
    return "".join([*rows[:where], line, *rows[where:]])


def _write_cell(cell: str) -> str:
    """Return a cell on one line, in quotes where it would be read otherwise."""
    plain = " ".join(cell.split())
    return '"' + plain.replace('"', '""') + '"' if plain.startswith('"') else plain


def _spans(text: str) -> list[str]:
    """Return the rows of a mapping set as they are written, each with all of its lines, and the comments before."""
    lines = documents.lines(text)
    first = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    bare = (line.rstrip("\r\n") for line in lines[first:])
    starts = [number - 1 for number, _ in rows_of(bare, first + 1)]
    ends = [*starts[1:], len(lines)]
    return lines[:first] + ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def remove(text: str, line: int) -> str:
    """Return the text of a mapping set without the row that begins at the line of this number, counted from 1."""
    kept, number = [], 1
    for row in _spans(text):
        kept += [row] if number != line else []
        number += len(documents.lines(row))
    return "".join(kept)
