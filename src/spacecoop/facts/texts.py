"""A private text in; its sentences, and the places and digests of its passages, out."""

from __future__ import annotations

import difflib
import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from spacecoop import documents, sentences

_MARKS = {"'": "‘’‚‛′‹›", '"': "“”„‟″«»「」『』", "-": "‐‑‒–—―−"}
_ALIKE = {ord(mark): plain for plain, marks in _MARKS.items() for mark in marks}
_FEWEST = 5
"""So many words make a sentence that nobody else would have written in the same way."""


@dataclass(frozen=True)
class Anchor:
    """Where a passage stands: code points from 0, its end exclusive (Web Annotation, section 4.2.4)."""

    start: int
    end: int
    sha256: str
    sentence: int
    """The number, from 1, of the sentence that it begins in."""


@dataclass(frozen=True)
class Text:
    """A text in the form in which positions are counted: NFC, lines ended by LF."""

    words: str
    sha256: str
    """The digest of the file as it was delivered."""
    language: str = "en"
    """The language by whose customs its sentences end."""
    name: str = ""
    """The name of its file without the ending."""

    def digest(self, start: int, end: int) -> str:
        """Return the SHA-256 of a passage's UTF-8 bytes, in hexadecimal."""
        return hashlib.sha256(self.words[start:end].encode()).hexdigest()

    @functools.cached_property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """Return where each sentence begins and ends."""
        return sentences.split(self.words, self.language)

    def sentence(self, position: int) -> int:
        """Return the number of the sentence around a position."""
        return max(1, sum(1 for start, _ in self.sentences if start <= position))

    def find(self, quote: str) -> list[Anchor]:
        """Return every place where a quote stands, its white space taken as any white space."""
        words = unicodedata.normalize("NFC", quote).split()
        if not words:
            return []
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        return [self.anchor(found.start(), found.end()) for found in pattern.finditer(self.words)]

    def find_alike(self, quote: str) -> list[Anchor]:
        """Return every place of the quote's words whatever their spacing, quotation marks, dashes or Unicode form."""
        wanted = "".join(_fold(quote))
        letters = [(plain, at) for at, letter in enumerate(self.words) for plain in "".join(_fold(letter))]
        folded = "".join(plain for plain, _ in letters)
        found = re.finditer(re.escape(wanted), folded) if wanted else ()
        return [self.anchor(letters[one.start()][1], letters[one.end() - 1][1] + 1) for one in found]

    def find_nearest(self, quote: str) -> str | None:
        """Return the sentence that is most like a quote, if any is like it."""
        written = [self.words[start:end] for start, end in self.sentences]
        return next(iter(difflib.get_close_matches(quote, written, n=1, cutoff=0.6)), None)

    def find_digest(self, length: int, sha256: str) -> Anchor | None:
        """Return where a passage of this length and digest stands, those that begin a sentence first."""
        starts = [start for start, _ in self.sentences]
        anywhere = range(max(0, len(self.words) - length + 1))
        found = (start for start in (*starts, *anywhere) if self.digest(start, start + length) == sha256)
        return next((self.anchor(start, start + length) for start in found), None)

    def is_whole(self, anchor: Anchor) -> bool:
        """Tell whether a passage is one sentence or several, but for marks around them."""
        begins = max((start for start, _ in self.sentences if start <= anchor.start), default=0)
        ends = min((end for _, end in self.sentences if end >= anchor.end), default=len(self.words))
        return not re.search(r"\w", self.words[begins : anchor.start] + self.words[anchor.end : ends])

    @functools.cached_property
    def _written(self) -> frozenset[str]:
        written = (self.words[start:end] for start, end in self.sentences)
        return frozenset(_bare(one) for one in written if _is_long(one))

    def holds_sentence(self, words: str) -> bool:
        """Tell whether words are a sentence of the text, but for marks and spacing."""
        return _bare(words) in self._written

    def anchor(self, start: int, end: int) -> Anchor:
        """Return the anchor of a passage."""
        return Anchor(start, end, self.digest(start, end), self.sentence(start))


def read(path: Path, language: str = "en") -> Text:
    """Read a private text; raises Unreadable where it is none."""
    data = documents.load(path, str(path))
    words = unicodedata.normalize("NFC", documents.decode(data, str(path))).replace("\r\n", "\n").replace("\r", "\n")
    return Text(words, hashlib.sha256(data).hexdigest(), language, path.stem)


def _fold(words: str) -> list[str]:
    """Return the letters of words without what spacing, marks and Unicode forms make of them."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFC", words)).translate(_ALIKE)
    return [letter for letter in plain if not letter.isspace() and unicodedata.category(letter) != "Cf"]


def _bare(words: str) -> str:
    return re.sub(r"[\W_]+", "", "".join(_fold(words)).casefold())


def _is_long(words: str) -> bool:
    """Tell whether a sentence has so many words, or letters where words are not spaced, that it is somebody's own."""
    spaced = len(words.split())
    return spaced >= _FEWEST or (spaced < 2 and len(_bare(words)) > 2 * _FEWEST)
