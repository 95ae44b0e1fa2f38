"""A text in, its sentences with their words out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spacecoop import sentences


@dataclass(frozen=True)
class Sentence:
    """A sentence: its first and last code point (from 0, end exclusive), and its words."""

    start: int
    end: int
    words: str
    language: str = ""
    """The code of the language that it is in."""


def split(words: str, language: str) -> list[Sentence]:
    """Return the sentences of a text, as anchors number them; what is marks alone is none."""
    bounds = sentences.split(words, language)
    return [Sentence(start, end, words[start:end]) for start, end in bounds if re.search(r"\w", words[start:end])]
