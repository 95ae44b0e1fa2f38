"""Candidates and a person's answers in, what is kept and what is dropped out: one candidate after another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from spacecoop.drafts.candidates import Candidate, Part, Reading
from spacecoop.drafts.names import Mention
from spacecoop.findings import suggest
from spacecoop.messages import Words

Ask = Callable[[str], str]
"""Shows a question, returns the answer."""

PARTIES, THINGS, CLAIMANT = "parties", "things", "claimant"


class Left(Exception):
    """The person went away before the end; nothing is to be written."""


@dataclass(frozen=True)
class Reviewed:
    """What a person left of the candidates."""

    kept: tuple[Candidate, ...]
    dropped: tuple[Candidate, ...]


def digest(candidate: Candidate) -> str:
    """Return the SHA-256 of a candidate's sentences: by it, what was dropped is known again without its words."""
    return hashlib.sha256("\n".join(sentence.words for sentence in candidate.sentences).encode()).hexdigest()


def walk(reading: Reading, known: Container[str], names: Sequence[str], ask: Ask, language: str) -> Reviewed:
    """Ask about each candidate in turn; raises Left where the person quits.

    *known* are the ids that a party or thing may have, *names* the same to suggest from.
    """
    keys = Words("[k]eep  [c]hange  [d]rop  [n]ext, undecided  [q]uit > ").text(language)
    kept: list[Candidate] = []
    dropped: list[Candidate] = []
    for number, proposed in enumerate(reading.candidates, 1):
        one = proposed
        head = f"\n{number}/{len(reading.candidates)}  "
        while True:
            answer = ask(f"{head}{render(one, reading.mentions)}\n{keys}").strip().lower()
            if answer == "q":
                raise Left
            if answer in ("k", "n"):
                kept.append(one)
            elif answer == "d":
                dropped.append(one)
            elif answer == "c":
                one = _change(one, known, names, ask, language)
                head = "\n"
                continue
            else:
                head = f"{Words('no such answer').text(language)}\n"
                continue
            break
    return Reviewed(tuple(kept), tuple(dropped))


def render(candidate: Candidate, mentions: Sequence[Mention]) -> str:
    """Return a candidate as a person reads it: its sentences with what was found in brackets, and its values."""
    lines = [_mark(sentence.words, sentence.start, mentions) for sentence in candidate.sentences]
    rows = {**candidate.values, **_slots(candidate)}
    lines += [f"    {key}: {value}" for key, value in rows.items() if value]
    lines.append(f"    {candidate.score}: {'; '.join(candidate.reasons)}")
    return "\n".join(lines)


def _slots(candidate: Candidate) -> dict[str, str]:
    return {
        PARTIES: ",".join(part.id for part in candidate.parties),
        THINGS: ",".join(candidate.things),
        CLAIMANT: candidate.claimant or "",
        "time": ", ".join(time.value for time in candidate.times),
    }


def _mark(words: str, start: int, mentions: Sequence[Mention]) -> str:
    """Return a sentence with its names marked; nothing in it can steer the terminal."""
    parts, at = [], 0
    for mention in mentions:
        here, end = mention.start - start, mention.end - start
        if at <= here and end <= len(words):
            parts += [words[at:here], f"[{words[here:end]}={'|'.join(mention.things) or '?'}]"]
            at = end
    return "".join(one if one.isprintable() else " " for one in "".join([*parts, words[at:]]))


def _change(candidate: Candidate, known: Container[str], names: Sequence[str], ask: Ask, language: str) -> Candidate:
    """Return a candidate as a person wants it."""
    keys = ", ".join([*candidate.values, PARTIES, THINGS, CLAIMANT])
    asked = Words("key=value, an empty line to end ({}) > ", keys).text(language)
    note = ""
    while line := ask(note + asked).strip():
        key, _, value = (part.strip() for part in line.partition("="))
        wanted = tuple(name.strip() for name in value.split(",") if name.strip())
        missing = [name for name in wanted if name not in known]
        note = ""
        if key in (PARTIES, THINGS, CLAIMANT) and missing:
            near = suggest(missing[0], names)
            help_ = Words("; did you mean {}?", repr(near)) if near else ""
            note = Words("nothing is called {}{}", repr(missing[0]), help_).text(language) + "\n"
        elif key == PARTIES:
            have = {part.id: part for part in candidate.parties}
            candidate = replace(candidate, parties=tuple(have.get(name, Part(name, "")) for name in wanted))
        elif key == THINGS:
            candidate = replace(candidate, things=wanted)
        elif key == CLAIMANT:
            candidate = replace(candidate, claimant=wanted[0] if wanted else None)
        elif key not in candidate.values:
            note = Words("there is no {} (there are: {})", repr(key), keys).text(language) + "\n"
        elif value and not re.fullmatch(r"[A-Za-z0-9-]+", value):
            note = Words("{} is no name; letters, digits and hyphens", repr(value)).text(language) + "\n"
        else:
            candidate = replace(candidate, values={**candidate.values, key: value})
    return candidate
