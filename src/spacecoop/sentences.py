"""A text in, where its sentences begin and end out, for every script; the one place where that library is met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sentencex import segment  # type: ignore[attr-defined]  # compiled, without stubs

_ABBREVIATED = re.compile(
    r"(?:^|[\s(«“\"'’-])"
    r"(?:(?:M|MM|Mme|Mlle|Mgr|Mr|Mrs|Ms|Dr|Drs|Pr|Prof|St|Ste|Gen|Gén|Col|Lt|Capt|Sen|Rep|Gov|art|fig|vol|vs|env)\."
    r"|(?:[^\W\d_]\.-)*(?<![\w.])[A-ZÀ-ÖØ-Þ]\.|(?:[A-Z]\.){2,}(?=\s+[A-Z]))\s*$"
)
"""What a splitter takes for the end of a sentence and is none: a title, or the initials of a name."""
_BRACKET = re.compile(r"(?<=[.!?…。！？؟])[)\]）】]+(?:\s+(?![a-zß-ÿ])|(?<=[）】])(?=\w))")
"""A closing bracket that ends a sentence, which the splitter keeps with the next."""
_OPENING = re.compile(r"""(?:(?<=\s)[«‹“„‘"'(\[]|(?<=[\s。！？])[“‘（【「『《])\s*$""")
"""An opening mark whose fellow the line lacks, which the splitter keeps with the sentence before."""
_LINES = re.compile(r"[^\n]+")


def split(words: str, language: str) -> tuple[tuple[int, int], ...]:
    """Return where each sentence begins and ends, in code points, without the white space around it.

    A line break ends a sentence too. *language* is the tag of the language by whose customs sentences end.

    >>> split("M. Bridenstine l’a dit. Rien de plus.", "fr")
    ((0, 23), (24, 37))
    """
    found: list[tuple[int, int]] = []
    for line in _LINES.finditer(words):
        begun = at = line.start()
        for part in _parts(line.group(), language):
            at += len(part)
            if at < line.end() and _ABBREVIATED.search(words[begun:at]):
                continue
            sentence = words[begun:at]
            begin = begun + len(sentence) - len(sentence.lstrip())
            if sentence.strip():
                found.append((begin, begun + len(sentence.rstrip())))
            begun = at
    return tuple(found)


def _parts(line: str, language: str) -> Iterator[str]:
    """Yield the parts of a line that the library takes for sentences, and those that a bracket closes or opens."""
    opened = ""
    found = [*segment(language, line)]
    for number, one in enumerate(found, start=1):
        part = opened + one
        left = _OPENING.search(part) if number < len(found) else None
        opened = left[0] if left else ""
        part = part[: len(part) - len(opened)]
        ends = [0, *(bracket.end() for bracket in _BRACKET.finditer(part)), len(part)]
        yield from (part[begin:end] for begin, end in pairwise(ends))
