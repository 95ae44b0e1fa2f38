"""A text in; the same text without case, accents, width and kinds of dash out, with the way back to its positions."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

_SAME = str.maketrans(dict.fromkeys("’‘ʼ´`", "'") | dict.fromkeys("-‐‑‒–—−\n\t\r", " "))


@dataclass(frozen=True)
class Folded:
    """A folded text, and for each of its characters the position that it comes from."""

    text: str
    places: tuple[int, ...]
    """One more than there are characters: the last is the end of the text."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the text as it was written, its end exclusive."""
        return self.places[start], self.places[end - 1] + 1


def fold(words: str) -> Folded:
    """Fold a text; code points are counted in *words* as it is given."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(words):
        for one in _fold(character):
            characters.append(one)
            places.append(place)
    return Folded("".join(characters), (*places, len(words)))


@functools.lru_cache(4096)
def _fold(character: str) -> str:
    if character.isascii():
        return character.translate(_SAME).lower()
    plain = unicodedata.normalize("NFKD", character.translate(_SAME)).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one)).translate(_SAME)
