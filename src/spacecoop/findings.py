"""Remarks about data: each with its place, in the reader's language."""

from __future__ import annotations

import difflib
import enum
import functools
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, NamedTuple


class Severity(enum.IntEnum):
    """How grave a finding is, in SHACL's words (SHACL 1.0, section 2.1.4)."""

    INFO = 1
    WARNING = 2
    VIOLATION = 3

    @property
    def word(self) -> Mapping[str, str]:
        """The word for it in each language."""
        word: Mapping[str, str] = _read_rules()["severities"][self.name.lower()]
        return word


class Place(NamedTuple):
    """A file, with a line and a column in code points, both counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def where(self) -> str:
        """Return the file, and the line where it is not its first."""
        return self.file if self.line == 1 else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """One remark: where, how grave, by which rule, what is the matter, what would help."""

    place: Place
    severity: Severity
    rule: str
    message: Mapping[str, str]
    help: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, str] = field(default_factory=dict)
    """The terms of the SHACL validation result that it comes from: focus, path, value, component, shape."""
    because: tuple[Mapping[str, str], ...] = ()
    """What the shapes inside of the one that speaks found, each in every language."""

    @property
    def value(self) -> str:
        """What was found, where the finding is about one value."""
        return self.result.get("value", "")

    def line(self, language: str = "en") -> str:
        """Return the finding as the one line that compilers write."""
        advice = choose_text(self.help, language)
        advice = f"; {advice}" if advice else ""
        word = choose_text(self.severity.word, language)
        return visible(f"{self.place}: {word}: {choose_text(self.message, language)}{advice} [{self.rule}]")

    def __str__(self) -> str:
        return self.line()


def visible(text: str) -> str:
    r"""Return *text* with what a terminal would obey, or cannot show, written out; lines and tabs stay.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )


LONGEST = 160
"""Signs of a line of a file that are shown: a file may be one line."""


def excerpt(line: str, column: int) -> tuple[str, int]:
    """Return what is shown of a line, and the column there of what stands at *column*, both counted from 1.

    >>> excerpt("ab" * 500 + "c", 1001)[0][-3:], excerpt("short", 3)
    ('abc', ('short', 3))
    """
    if len(line) <= LONGEST:
        return line, column
    start = max(0, min(column - 1 - LONGEST // 2, len(line) - LONGEST))
    end = start + LONGEST
    before, after = "… " * (start > 0), " …" * (end < len(line))
    return f"{before}{line[start:end]}{after}", column - start + len(before)


def as_data(found: Finding) -> dict[str, Any]:
    """Return a finding as plain data, for JSON."""
    return {
        "file": found.place.file,
        "line": found.place.line,
        "column": found.place.column,
        "severity": found.severity.name.lower(),
        "rule": found.rule,
        "message": dict(found.message),
        "help": dict(found.help),
        "result": dict(found.result),
        "because": [dict(cause) for cause in found.because],
    }


def from_data(data: Mapping[str, Any]) -> Finding:
    """Return the finding that ``as_data`` made this of."""
    place = Place(data["file"], data["line"], data["column"])
    severity = Severity[data["severity"].upper()]
    because = tuple(data["because"])
    return Finding(
        place=place,
        severity=severity,
        rule=data["rule"],
        message=data["message"],
        help=data["help"],
        result=data["result"],
        because=because,
    )


def choose_text(texts: Mapping[str, str], language: str) -> str:
    """Return the text in *language*, else in English, else in any; empty where there is none."""
    return texts.get(language) or texts.get("en") or next((texts[key] for key in sorted(texts)), "")


def finding(rule: str, place: Place, suggestion: str | None = None, **values: object) -> Finding:
    """Make a finding of one of the reader's own rules, those of ``rules.toml``.

    The rule's ``help`` is said where there is a *suggestion* to fill it with, its ``hint`` otherwise. A value may be a
    text for each language.
    """
    row = rules()[rule]
    help_ = row.get("help", {}) if suggestion else row.get("hint", {})
    return Finding(
        place,
        Severity[row.get("severity", "violation").upper()],
        rule,
        {language: text.format(**_choose_texts(language, values)) for language, text in row["message"].items()},
        {
            language: text.format(suggestion=suggestion, **_choose_texts(language, values))
            for language, text in help_.items()
        },
    )


def _choose_texts(language: str, values: Mapping[str, object]) -> dict[str, object]:
    return {key: choose_text(value, language) if isinstance(value, Mapping) else value for key, value in values.items()}


@functools.cache
def rules() -> Mapping[str, Mapping[str, Any]]:
    """Return the reader's own rules by name."""
    return {name: row for name, row in _read_rules().items() if name != "severities"}


@functools.cache
def _read_rules() -> dict[str, Any]:
    return tomllib.loads(resources.files("spacecoop").joinpath("rules.toml").read_text("utf-8"))


def suggest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of *names* that *name* was probably meant to be; a prefix that they share makes none alike."""
    prefix = name[: name.rfind(":") + 1]
    locals_ = {one.removeprefix(prefix): one for one in sorted(names)}
    local = name.removeprefix(prefix)
    for near in difflib.get_close_matches(local, locals_, n=3, cutoff=0.6):
        # what is only half alike, and begins otherwise, was not meant
        if near[:3] == local[:3] or difflib.SequenceMatcher(None, near, local).ratio() >= 0.72:
            return locals_[near]
    return None


def sort(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by place, rule and text; say each one once."""
    unique = {(found.place, found.rule, choose_text(found.message, "en")): found for found in findings}
    return [unique[key] for key in sorted(unique)]


def is_refusal(findings: Iterable[Finding]) -> bool:
    """Tell whether anything found forbids publication."""
    return any(found.severity is Severity.VIOLATION for found in findings)


def tally(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity, gravest first."""
    counts = Counter(found.severity for found in findings)
    words = [f"{counts[one]} {one.name.lower()}{'s' * (counts[one] > 1)}" for one in sorted(counts, reverse=True)]
    return ", ".join(words) or "no findings"
