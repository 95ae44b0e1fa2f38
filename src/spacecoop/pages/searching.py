"""What is to be found, with the texts by which, in; a static index that a script in the page reads, in shards, out."""

from __future__ import annotations

import json
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyoxigraph import Literal, NamedNode

from spacecoop import jsontext
from spacecoop.pages.kinds import Page, Row
from spacecoop.pages.known import Known
from spacecoop.pages.values import Value, bound

FOLDER = "search"
PART = "search"
"""The part whose rows say what is found, and by which texts."""
SHOWN = 240
"""Characters of a text that are kept to be shown."""
OTHERS = 4
"""Other names that are shown."""
READ = 2000
"""Characters of a text by which it is found."""
BLOCK = 64
"""Entries in a file."""
FULL = 4000
"""Places in a file of words, about: their number is chosen by it."""
WEIGHTS = 32
"""A place is written as its entry's number times this, and what the word is worth there: eight times the weight of its
text, four where the entry is what a whole page is about, and how short the text is, up to three."""
_SHORT = (8, 16, 32)
"""Letters up to which a text is the shorter one: whoever looks for China wants China before what is about it."""
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ς": "σ"}
"""Letters that are no letter with a mark to Unicode, and that people write so who have no such key."""
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),  # Han, as the next three
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
"""Code points of scripts without spaces between words: of these, each letter and each pair of letters is a word."""
_CLASS = "".join(f"{chr(begin)}-{chr(end)}" for begin, end in _UNSPACED)
_RUN = re.compile(f"((?:(?![\\W_])[{_CLASS}])+)|[^\\W_{_CLASS}]+")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_STRANGE = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True)
class Piece:
    """What is found on one page: what it adds to the index, wherever it will stand there."""

    entries: Sequence[tuple[str, Sequence[str], str]]
    """Each as JSON, but for the number of its kind in the middle, with the kinds that it may be of."""
    words: Mapping[str, Sequence[int]]
    """Where each word is: an entry's number in the piece, and what the word is worth there, as in the index."""


def cut(listed: Iterable[tuple[str, Sequence[Row]]], page: Page) -> Piece:
    """Return what is found on a page.

    *listed* gives by IRI, sorted, rows with ``?text``, ``?weight`` and ``?kind``.
    """
    entries: list[tuple[str, Sequence[str], str]] = []
    path = _as_json(page.path)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for iri, rows in listed:
        texts = sorted({(value, _weight(row)) for row in rows if (value := _text(row))})
        if not texts:
            continue
        for word, worth in _weigh_words(texts, own="#" not in iri).items():
            places[word].append(len(entries) * WEIGHTS + worth)
        fragment = iri.partition("#")[2] if iri in page.anchors else ""
        before = f"[{path},{_as_json(fragment)},"
        after = f",{_as_json(_choose_shown(texts))},{_as_json(_others(texts))}]"
        entries.append((before, sorted({kind for row in rows if (kind := _kind(row))}), after))
    return Piece(entries, places)


def pack(piece: Piece) -> str:
    """Return a piece as a text that can be kept."""
    return _as_json([piece.entries, piece.words])


def unpack(text: str) -> Piece:
    """Return the piece that ``pack`` made a text of; raises ValueError for any other text."""
    match jsontext.parse(text):
        case [list(entries), dict(words)] if all(map(_is_entry, entries)) and all(map(_are_places, words.values())):
            return Piece(entries, words)
    raise ValueError("it is no piece of an index")


def _is_entry(given: object) -> bool:
    match given:
        case [str(), list(kinds), str()]:
            return all(isinstance(kind, str) for kind in kinds)
    return False


def _are_places(given: object) -> bool:
    return isinstance(given, list) and all(type(place) is int and place >= 0 for place in given)


def list_pieces(listed: Iterable[tuple[str, Sequence[Row]]], known: Known) -> Iterator[tuple[str, Piece]]:
    """Yield what is found on pages, by IRI; *listed* is as for ``cut``, and what no page shows is left out."""
    for iri, rows in listed:
        page = known.page(iri.partition("#")[0])
        if page is not None:
            yield iri, cut([(iri, rows)], page)


def write(pieces: Iterable[Piece], known: Known, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of the index."""
    places: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
    numbers = _Kinds(known)
    block: list[str] = []
    count = 0
    for piece in pieces:
        begin = count * WEIGHTS
        for word, there in piece.words.items():
            places[word].extend([begin + place for place in there])
        for before, kinds, after in piece.entries:
            block.append(f"{before}{numbers.number(kinds)}{after}")
            count += 1
            if len(block) == BLOCK:
                yield f"{FOLDER}/entries-{count // BLOCK - 1}.json", f"[{','.join(block)}]\n"
                block = []
    if block:
        yield f"{FOLDER}/entries-{count // BLOCK}.json", f"[{','.join(block)}]\n"
    shards = _power(sum(map(len, places.values())) // FULL)
    yield from _write_words(places, shards)
    about = {
        "languages": list(languages),
        "shards": shards,
        "block": BLOCK,
        "entries": count,
        "weights": WEIGHTS,
        "letters": _LETTERS,
        "unspaced": _UNSPACED,
        "kinds": [_choose_shown([(value, 1) for value in sorted(known.names(kind))]) for kind in numbers.numbered],
    }
    yield f"{FOLDER}/index.json", f"{_as_json(about)}\n"


class _Kinds:
    """The kinds that have a name, numbered as they come."""

    def __init__(self, known: Known) -> None:
        self._named = cache(lambda kind: bool(known.names(kind)))
        self.numbered: dict[str, int] = {}

    def number(self, kinds: Sequence[str]) -> int:
        """Return the number of the first kind that has a name; -1 where none has."""
        kind = next(filter(self._named, kinds), "")
        return self.numbered.setdefault(kind, len(self.numbered)) if kind else -1


def _write_words(places: Mapping[str, array[int]], shards: int) -> Iterator[tuple[str, str]]:
    parts: defaultdict[int, list[str]] = defaultdict(list)
    for word in sorted(places):
        parts[shard(word, shards)].append(word)
    for number in range(shards):
        yield f"{FOLDER}/words-{number}.json", f"{_as_json({word: places[word].tolist() for word in parts[number]})}\n"


def _weigh_words(texts: Iterable[tuple[Value, int]], own: bool) -> dict[str, int]:
    """Return what each word of some texts is worth; *own* is for what a page is about."""
    found: dict[str, int] = {}
    for value, weight in texts:
        worth = 8 * weight + 4 * own + sum(len(value.text) <= most for most in _SHORT)
        for word in words(value.text):
            found[word] = max(worth, found.get(word, 0))
    return found


def _choose_shown(texts: Sequence[tuple[Value, int]]) -> dict[str, str]:
    """Return by language the first text of the greatest weight."""
    greatest, shown = max((weight for _, weight in texts), default=0), dict[str, str]()
    for value, weight in texts:
        if weight == greatest:
            shown.setdefault(value.language, bound(value.text, SHOWN))
    return shown


def _others(texts: Iterable[tuple[Value, int]]) -> str:
    """Return a few other names, so that one sees why a thing is found by a word that its name has not."""
    names = {bound(value.text, 60) for value, weight in texts if weight == 2}
    alike: dict[str, str] = {}
    for name in sorted(names, key=lambda one: (len(one), one)):
        alike.setdefault(" ".join(words(name)), name)
    return ", ".join(list(alike.values())[:OTHERS])


def _text(row: Row) -> Value | None:
    text = row.get("text")
    found = Value(bound(text.value, READ), text.language or "") if isinstance(text, Literal) else None
    return found if found and found.text.strip() else None


def _kind(row: Row) -> str:
    kind = row.get("kind")
    return kind.value if isinstance(kind, NamedNode) else ""


def _weight(row: Row) -> int:
    said = getattr(row.get("weight"), "value", "")
    return min(int(said), 3) if said.isdecimal() and int(said) > 0 else 1


def words(text: str) -> list[str]:
    """Return the words of a text, in small letters and without marks; where nothing parts words, pairs of letters.

    >>> words("Chang'e-6, où l’Œil"), words("中国航天 CNSA")
    (['chang', 'e', '6', 'ou', 'l', 'oeil'], ['中', '国', '航', '天', '中国', '国航', '航天', 'cnsa'])
    """
    plain = _STRANGE.sub(lambda found: _fold(found[0]), unicodedata.normalize("NFKD", text).lower())
    found: list[str] = []
    for run in _RUN.finditer(plain):
        if run[1] is None:
            found.append(run[0])
        else:
            found += list(run[1])
            found += [run[1][place : place + 2] for place in range(len(run[1]) - 1)]
    return found


def shard(word: str, shards: int) -> int:
    """Return the file that a word is in: all that begin with the same two letters are in one."""
    return (ord(word[0]) * 31 + (ord(word[1]) if len(word) > 1 else 0)) % shards


@cache
def _fold(letter: str) -> str:
    return "" if unicodedata.category(letter).startswith("M") else _LETTERS.get(letter, letter)


def _power(number: int) -> int:
    """Return the least power of two that is not below a number."""
    return 1 << max(0, number - 1).bit_length() if number > 1 else 1


def _as_json(said: Any) -> str:
    return _JSON.encode(said)
