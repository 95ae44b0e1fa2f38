"""A text in, its sentences out, for every script; the one place where the library for sentences is met."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sentencex import get_sentence_boundaries  # type: ignore[attr-defined]  # compiled, without stubs


@dataclass(frozen=True)
class Sentence:
    """A sentence: its first and last code point (from 0, end exclusive), and its words."""

    start: int
    end: int
    words: str


def split(words: str, language: str, never: re.Pattern[str] | None = None) -> list[Sentence]:
    """Split a text; what ends in a match of *never*, such as a title before a name, does not end there.

    A line break ends a sentence too.
    """
    found: list[Sentence] = []
    begin = None
    for row in get_sentence_boundaries(language, words):
        for part in re.finditer(r"[^\n]+", words[row["start_index"] : row["end_index"]]):
            start, end = row["start_index"] + part.start(), row["start_index"] + part.end()
            begin = start if begin is None else begin
            broken = end < len(words) and words[end] == "\n"
            if not broken and never is not None and never.search(words[begin:end].rstrip()):
                continue
            found += _trimmed(words, begin, end)
            begin = None
    return found + (_trimmed(words, begin, len(words)) if begin is not None else [])


def _trimmed(words: str, start: int, end: int) -> list[Sentence]:
    """Return the sentence without white space at its ends; nothing where only marks are left."""
    inside = words[start:end]
    start, end = start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
    return [Sentence(start, end, words[start:end])] if re.search(r"\w", inside) else []
