"""The files of ``drafting/`` in, rules out: what words of a language say, and which values a draft then has.

No key or value of the vocabulary is named here: what a cue writes stands in the files.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacecoop.drafts.folding import fold

_MARKS = {r"\ …\ ": r"(?:\W+\w+){0,6}?\W+", r"\*": r"\w*", r"\ ": r"\s+"}
_PARTS = re.compile(r"\\ …\\ |\\\*|\\ ")


class RulesError(Exception):
    """A file of rules cannot be used; the message says which, and why."""


@dataclass(frozen=True)
class Cue:
    """Words that speak for or against a claim, and the values that a draft takes from them."""

    name: str
    family: str
    words: re.Pattern[str]
    weight: float
    values: Mapping[str, str]
    drops: bool = False
    """Whether a sentence with it claims nothing of what is looked for."""
    others: bool = False
    """Whether it speaks of a further side that has no name, such as "other countries"."""
    ahead: bool = False
    """Whether it speaks of what is to come, so that a month without a year near it is the next one."""
    point: bool = False
    """Whether it speaks of what happens once, so that a time without an end is its day."""
    past: bool = False
    """Whether it speaks of what is over; of *ahead* and *past*, what stands nearer to a time counts."""


@dataclass(frozen=True)
class Back:
    """Words that stand for what was named before."""

    words: re.Pattern[str]
    of: frozenset[str]
    """Of which types; of any, where there is none."""
    take: int
    parts: bool = False
    """Whether it may stand for a part, such as an instrument."""


@dataclass(frozen=True)
class Phrase:
    """A way to say a time, and its form in EDTF."""

    written: str
    """Its expression."""
    needs: str
    """The longest word that stands in it as it is; empty where there is none."""
    form: str
    days: int | None
    """How many days from the day of publication, where the phrase says so."""
    months: int | None = None
    """How many months, times the number that the phrase says, if it says one."""

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Yield where a folded text says so."""
        return self._words.finditer(text) if self.needs in text else iter(())

    @functools.cached_property
    def _words(self) -> re.Pattern[str]:
        """Made when a text may have it: of some hundred phrases it has a few."""
        return re.compile(self.written)


@dataclass(frozen=True)
class Thing:
    """A thing that has names: of the workspace, or one that drafting knows and the workspace does not."""

    id: str
    types: frozenset[str]
    names: Mapping[str, tuple[str, ...]]
    """By language."""
    known: bool = True
    """Whether the workspace has it."""
    of: tuple[str, ...] = ()
    """The parties whose it is: who names it, names them."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What a draft has where a claim is about it, and says nothing else."""


@dataclass(frozen=True)
class Pointers:
    """Words that point to things: all as one pattern, and the thing of each of its groups."""

    words: re.Pattern[str]
    things: tuple[str, ...]

    def find(self, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Yield the things that a folded text has words for, and where."""
        for found in self.words.finditer(text):
            yield self.things[(found.lastindex or 1) - 1], found


@dataclass(frozen=True)
class Language:
    """What the rules of one language say."""

    code: str
    spaced: bool
    """Whether spaces stand between words."""
    people: bool
    """Whether what points to a thing is a name where it has a capital, as « les Français » is."""
    names: Pointers
    seats: Pointers
    """Capitals and the like, which stand for a party but where a word of *at* is before them."""
    at: re.Pattern[str]
    aside: re.Pattern[str]
    """Words after which a name is no party: those of a war or a sanction."""
    where: re.Pattern[str]
    """Words after which a state is the place of what others do."""
    cues: tuple[Cue, ...]
    back: tuple[Back, ...]
    more: re.Pattern[str]
    """With these words a sentence says more of the one before."""
    further: re.Pattern[str]
    """With these words a sentence says another thing than the one before."""
    speech: re.Pattern[str] | None
    phrases: tuple[Phrase, ...]
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    numbers: Mapping[str, int]
    before: frozenset[str]
    """Words that a name does not begin with: articles, and what begins a sentence."""


@dataclass(frozen=True)
class Sample:
    """By what a language is recognised."""

    spaced: bool
    common: frozenset[str]


class Languages(Mapping[str, Language]):
    """The languages that have rules; the rules of one are made ready when they are first asked for."""

    def __init__(self, files: Mapping[Path, Mapping[str, Any]]) -> None:
        self.files = {path.stem: (path, rows) for path, rows in files.items()}
        self.ready: dict[str, Language] = {}

    def __getitem__(self, code: str) -> Language:
        """Return the rules of a language; raises RulesError where they cannot be used."""
        if code not in self.ready:
            path, rows = self.files[code]
            with _explain(path):
                self.ready[code] = _language(code, rows)
        return self.ready[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True)
class Rules:
    """All rules of a workspace."""

    languages: Mapping[str, Language]
    samples: Mapping[str, Sample]
    """By language."""
    written: Mapping[str, frozenset[str]]
    """By key: the values that cues write, in any language."""
    parties: frozenset[str]
    things: frozenset[str]
    people: frozenset[str]
    sides: Mapping[str, str]
    """By thing: the party that it is counted with."""
    known: tuple[Thing, ...]
    weights: Mapping[str, float]
    values: Mapping[str, str]
    """What a draft has where no cue says more."""
    least: float
    lasting: tuple[str, ...] = ()
    """The keys whose value stays, until a text says another."""
    under: Mapping[str, str] = field(default_factory=dict)
    """By key: the concept below which its values are, where its scheme has others too."""
    vague: frozenset[str] = frozenset()
    """Values of lasting keys that say little, and are taken where nothing else is said."""
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By key: the values of things that are part of others, or carry them; "the mission" never means one."""
    labels: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]] = field(default_factory=dict)
    """By lasting key, language and value: what the workspace calls it."""

    @property
    def keys(self) -> set[str]:
        """Return the keys that a draft has of these rules; ``step`` is for the rules themselves."""
        return (self.written.keys() | self.values.keys()) - {"step"}


def pattern(words: Iterable[str], spaced: bool) -> re.Pattern[str]:
    """Return the pattern of words as rules write them: ``*`` is any ending, ``…`` up to six words."""
    return _bound("|".join(sorted(map(_write, words), key=len, reverse=True)) or r"(?!)", spaced)


def _write(word: str) -> str:
    """Return the expression of a word as rules write it."""
    return _PARTS.sub(lambda found: _MARKS[found[0]], re.escape(_plain(word)))


def _bound(one: str, spaced: bool) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{one})(?!\w)" if spaced else f"(?:{one})")


def _plain(word: str) -> str:
    return "…".join(fold(part).text for part in word.split("…"))


@contextmanager
def _explain(path: Path) -> Iterator[None]:
    """Raise what is wrong with a file of rules as RulesError."""
    try:
        yield
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, re.error) as error:
        raise RulesError(f"{path}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RulesError(f"{path}: what is missing or not as it should be: {error}") from error


def _rows(path: Path) -> dict[str, Any]:
    with _explain(path):
        return tomllib.loads(path.read_text("utf-8"))


def read(folder: Path) -> Rules:
    """Read the rules in a folder; raises RulesError where they cannot be used."""
    path, beside = folder / "rules.toml", folder / "known.toml"
    if not path.is_file():
        where = f"{folder.name}/{path.name}"
        raise RulesError(
            f"{where} is not there; make a new workspace with `spacecoop init` and copy its {folder.name}/"
        )
    rules = _rows(path)
    files = {one: _rows(one) for one in sorted(folder.glob("??.toml"))}
    with _explain(beside):
        known = tuple(_thing(row) for row in _rows(beside).get("things", [])) if beside.is_file() else ()
    samples, written = {}, defaultdict[str, set[str]](set)
    for one, rows in files.items():
        with _explain(one):
            common = frozenset(fold(word).text for word in rows.get("common", []))
            samples[one.stem] = Sample(bool(rows.get("spaced", True)), common)
            for row in rows.get("cues", []):
                for key, value in row.get("write", {}).items():
                    written[key].add(value)
    with _explain(path):
        return Rules(
            languages=Languages(files),
            samples=samples,
            written={key: frozenset(values) for key, values in written.items()},
            parties=frozenset(rules["parties"]),
            things=frozenset(rules["things"]),
            people=frozenset(rules["people"]),
            sides={name: side for side, names in rules.get("sides", {}).items() for name in names},
            known=known,
            weights=rules["weights"],
            values=rules["values"],
            least=float(rules["least"]),
            lasting=tuple(rules.get("lasting", [])),
            under=dict(rules.get("under", {})),
            vague=frozenset(rules.get("vague", [])),
            parts={key: frozenset(names) for key, names in rules.get("parts", {}).items()},
        )


def _thing(row: Mapping[str, Any]) -> Thing:
    spoken = row.keys() - {"id", "type", "of", "write"}
    names = {key: tuple(row[key]) if isinstance(row[key], list) else (row[key],) for key in spoken}
    of, values = tuple(row.get("of", [])), dict(row.get("write", {}))
    return Thing(row["id"], frozenset([row["type"]]), names, known=False, of=of, values=values)


def _language(code: str, rows: Mapping[str, Any]) -> Language:
    spaced = bool(rows.get("spaced", True))
    speech = rows.get("speech", [])
    return Language(
        code=code,
        spaced=spaced,
        people=bool(rows.get("people", False)),
        names=_pointers(rows.get("names", []), spaced),
        seats=_pointers(rows.get("seats", []), spaced),
        at=_before(rows.get("at", []), spaced),
        aside=_before(rows.get("aside", []), spaced),
        where=_before(rows.get("where", []), spaced),
        cues=tuple(_cue(row, spaced) for row in rows.get("cues", [])),
        back=tuple(
            Back(
                pattern(row["words"], spaced),
                frozenset(row.get("of", [])),
                int(row.get("take", 0)),
                bool(row.get("parts")),
            )
            for row in rows.get("back", [])
        ),
        more=pattern(rows.get("more", []), spaced),
        further=pattern(rows.get("further", []), spaced),
        speech=pattern(speech, spaced) if speech else None,
        phrases=_phrases(rows, spaced),
        months=_number(rows.get("months", [])),
        weekdays=_number(rows.get("weekdays", [])),
        numbers=_number(rows.get("numbers", [])),
        before=frozenset(fold(word).text for word in rows.get("before", [])),
    )


def _pointers(rows: Iterable[Mapping[str, Any]], spaced: bool) -> Pointers:
    """Return the words of rows as one pattern, the longest first."""
    each = sorted(((_write(word), row["thing"]) for row in rows for word in row["words"]), key=lambda one: -len(one[0]))
    one = "|".join(f"({written})" for written, _ in each) or r"(?!)"
    return Pointers(_bound(one, spaced), tuple(thing for _, thing in each))


def _before(words: Iterable[str], spaced: bool) -> re.Pattern[str]:
    """Return the pattern of a text that ends with one of these words."""
    return re.compile(rf"{pattern(words, spaced).pattern}\s*\Z")


def _cue(row: Mapping[str, Any], spaced: bool) -> Cue:
    words = pattern(row["words"], spaced)
    drops = bool(row.get("drops", False))
    family = row.get("family", "cues")
    flags = {key: bool(row.get(key, False)) for key in ("others", "ahead", "past", "point")}
    return Cue(row["name"], family, words, float(row.get("weight", 0)), dict(row.get("write", {})), drops, **flags)


def _number(rows: Iterable[Iterable[str]]) -> dict[str, int]:
    """Return the names of months or weekdays, each with its number from 1."""
    return {fold(name).text: number for number, names in enumerate(rows, 1) for name in names}


def _phrases(rows: Mapping[str, Any], spaced: bool) -> tuple[Phrase, ...]:
    """Return the phrases of time; ``{day}`` and the like stand for a number or a name."""
    months, weekdays, numbers = (
        "|".join(map(re.escape, _number(rows.get(key, [])))) for key in ("months", "weekdays", "numbers")
    )
    parts = {
        "day": r"(?P<{0}>[0-3]?\d)(?:er|st|nd|rd|th)?",
        "year": r"(?P<{0}>(?:19|20)\d\d)",
        "month": rf"(?P<{{0}}>{months}|1[0-2]|0?[1-9])",
        "name": rf"(?P<{{0}}>{months})",
        "weekday": rf"(?P<{{0}}>{weekdays})",
        "count": rf"(?P<{{0}}>[1-9]\d?{'|' * bool(numbers)}{numbers})",
    }

    def part(found: re.Match[str]) -> str:
        kind = found[1].rstrip("2")
        return parts[kind].format(found[1].replace("name", "month"))

    found = []
    for row in rows.get("times", []):
        for words in row["words"]:
            written = _PARTS.sub(lambda one: _MARKS[one[0]], re.escape(_plain(words)))
            text = re.sub(r"\\\{(\w+)\\\}", part, written)
            inner = rf"(?<!\w){text}(?!\w)" if spaced else rf"(?<!\d){text}(?!\d)"
            twice = [name for name, count in Counter(re.findall(r"\{(\w+)\}", words)).items() if count > 1]
            if twice:
                raise ValueError(f"{twice[0]} stands twice in {words!r}")
            plain = re.sub(r"\{\w+\}|[*…]", " ", _plain(words)).split()
            needs = max(plain, key=len, default="")
            found.append(Phrase(inner, needs, row["edtf"], row.get("days"), row.get("months")))
    return tuple(found)
