"""A text and a model of the user's choice in, candidates that stand in the text out; whatever else it says is dropped.

The model is asked over the chat interface of OpenAI (``/chat/completions``), which local servers speak too. What it
answers is a stranger's word: a quote must stand in the text, an id must be of a thing that the text names, a value must
be one that the workspace has. Times and places in the text are never taken from the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacecoop import jsontext
from spacecoop.drafts.candidates import Candidate, Part, Reading
from spacecoop.drafts.sentences import Sentence
from spacecoop.findings import Finding, Place, finding

LONGEST_ANSWER = 2_000_000
"""In bytes."""
_MOST_CLAIMS = 200
_MOST_SENTENCES = 3
"""A longer quote bears out anything."""
_OF_TEXT = frozenset({"quote", "parties", "things"})


class ModelError(Exception):
    """The model could not be asked, or gave nothing that can be read; the message says what and why."""


@dataclass(frozen=True)
class Model:
    """Where a model is asked, and for how long at most."""

    endpoint: str
    name: str
    key: str | None = None
    """Sent as a bearer's token; from the environment, never from the command line."""
    seconds: float = 120.0


Send = Callable[[Model, Mapping[str, Any]], bytes]
"""Sends a question to a model and returns its whole answer, within bounds; raises ModelError."""


@dataclass(frozen=True)
class Answer:
    """What a model proposed and what of it was dropped."""

    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]
    model: str
    """The model's name as its server gives it, which may tell its version."""


@dataclass(frozen=True)
class Ground:
    """What a model's answer is held against."""

    words: str
    reading: Reading
    types: Mapping[str, frozenset[str]]
    """By thing."""
    parties: frozenset[str]
    """The types of parties."""
    concerned: frozenset[str]
    """The types of what a claim may concern."""
    choices: Mapping[str, Sequence[str]]
    """By key: the values that the workspace has."""
    defaults: Mapping[str, str]
    values: Callable[[Sentence], Mapping[str, str]]
    """Tells what the rules read in a sentence, by key."""


def schema(choices: Mapping[str, Sequence[str]], parties: Sequence[str], things: Sequence[str]) -> dict[str, Any]:
    """Return the JSON Schema of an answer.

    *choices* are the values of each key, *parties* and *things* what the text names.
    """
    properties: dict[str, Any] = {"quote": {"type": "string"}}
    for key, named in (("parties", parties), ("things", things)):
        items = {"items": {"type": "string", "enum": list(named)}} if named else {"maxItems": 0}
        properties[key] = {"type": "array", **items}
    properties |= {key: {"type": "string", "enum": list(values)} for key, values in choices.items() if values}
    claim = {
        "type": "object",
        "properties": properties,
        "required": ["quote", "parties"],
        "additionalProperties": False,
    }
    claims = {"type": "array", "maxItems": _MOST_CLAIMS, "items": claim}
    return {"type": "object", "properties": {"claims": claims}, "required": ["claims"], "additionalProperties": False}


def propose(model: Model, instructions: str, fence: str, ground: Ground, file: str, send: Send) -> Answer:
    """Ask a model for claims and keep those that hold; raises ModelError where it gives no answer.

    *fence* is a word that the text cannot know, between which the text stands as data.
    """
    check = _Check(ground)
    parties, things = check.of(ground.parties), check.of(ground.concerned)
    told = (
        f"<{fence}>\n{ground.words}\n</{fence}>\n"
        f"Parties that the text names: {', '.join(parties)}\nThings that it names: {', '.join(things)}"
    )
    body = {
        "model": model.name,
        "temperature": 0,
        "messages": [
            {"role": "system", "content": instructions.replace("FENCE", fence)},
            {"role": "user", "content": told},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "claims", "strict": True, "schema": schema(ground.choices, parties, things)},
        },
    }
    said, version = _answer(send(model, body))
    kept: list[Candidate] = []
    findings: list[Finding] = []
    for number, row in enumerate(said[:_MOST_CLAIMS], 1):
        one = check.candidate(row)
        if one in kept:
            one = "said-before"
        if isinstance(one, str):
            findings.append(finding("draft-model-dropped", Place(file), number=number, reason=one))
        else:
            kept.append(one)
    kept.sort(key=lambda one: one.sentences[0].start)
    return Answer(tuple(kept), tuple(findings), version or model.name)


class _Check:
    """Holds what a model says against the text and the workspace."""

    def __init__(self, ground: Ground) -> None:
        self.words, self.reading, self.types = ground.words, ground.reading, ground.types
        self.choices, self.defaults, self.values = ground.choices, ground.defaults, ground.values
        self.kinds = {"parties": ("no-party", ground.parties), "things": ("no-thing", ground.concerned)}
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        for one in self.reading.mentions:
            if len(one.things) == 1:
                self.places[one.things[0]].append(one.start)

    def of(self, types: frozenset[str]) -> list[str]:
        """Return the things of these types that the text names."""
        return sorted(one for one in self.places if self.types.get(one, frozenset()) & types)

    def candidate(self, row: object) -> Candidate | str:
        """Return a claim that holds, or what is against it."""
        if not isinstance(row, dict):
            return "no-quote"
        passage = self.passage(row.get("quote"))
        if isinstance(passage, str):
            return passage
        start, stop = passage.start, passage.end
        against = self.find_fault(row, stop)
        if against:
            return against
        values = {**self.defaults, **{key: row[key] for key in row.keys() - _OF_TEXT}}
        ids = {key: tuple(dict.fromkeys(row.get(key, []))) for key in ("parties", "things")}
        times = tuple(one for one in self.reading.times if start <= one.start < stop)
        parties = tuple(Part(name, "") for name in ids["parties"])
        reasons = ("a model said so", *self.doubts(start, stop, row, (*ids["parties"], *ids["things"])))
        return Candidate(
            sentences=(passage,),
            parties=parties,
            things=ids["things"],
            times=times,
            claimant=None,
            values=values,
            score=0.5,
            reasons=reasons,
        )

    def passage(self, quote: object) -> Sentence | str:
        """Return the whole sentences that a quote is of, or what is against it."""
        if not isinstance(quote, str) or not quote.strip():
            return "no-quote"
        at = self.words.find(quote)
        if at < 0 or self.words.find(quote, at + 1) >= 0:
            return "not-in-text" if at < 0 else "twice-in-text"
        whole = [one for one in self.reading.sentences if one.start < at + len(quote) and at < one.end]
        if not whole or len(whole) > _MOST_SENTENCES:
            return "too-long" if whole else "no-quote"
        start, stop = whole[0].start, whole[-1].end
        return Sentence(start, stop, self.words[start:stop], whole[0].language)

    def find_fault(self, row: Mapping[str, object], stop: int) -> str:
        """Return what is against the names and values of a claim that ends at a place; empty where nothing is.

        A name counts where the text has it by then: what is named later, no word can point back to.
        """
        for key, (reason, types) in self.kinds.items():
            names = row.get(key, [])
            if not isinstance(names, list) or not all(isinstance(one, str) and one in self.places for one in names):
                return "not-named"
            if any(not self.types.get(one, frozenset()) & types for one in names):
                return reason
            if any(self.places[one][0] >= stop for one in names):
                return "named-later"
        good = all(row[key] in self.choices.get(key, ()) for key in row.keys() - _OF_TEXT)
        return "" if good else "no-value"

    def doubts(self, start: int, stop: int, values: Mapping[str, object], names: Sequence[str]) -> Iterator[str]:
        """Yield what a person should look at: names of other sentences, and values that the rules read otherwise."""
        for one in names:
            if not any(start <= place < stop for place in self.places[one]):
                yield f"DOUBT: {one} is not named in this sentence"
        if not any(start <= part.start < stop for one in self.reading.candidates for part in one.sentences):
            yield "DOUBT: the rules find no claim here"
        inside = [one for one in self.reading.sentences if start <= one.start < stop]
        for key in sorted(self.choices):
            read = [value for one in inside if (value := self.values(one).get(key)) is not None]
            if read and values.get(key) not in read and (key in values or key not in self.defaults):
                yield f"DOUBT: the rules read {key} {read[0]} here"


def _answer(data: bytes) -> tuple[list[object], str]:
    """Return the claims of an answer, and the name of the model that gave it."""
    try:
        whole = jsontext.parse(data)
        said = jsontext.parse(whole["choices"][0]["message"]["content"])
        claims, version = said["claims"], whole.get("model", "")
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelError("its answer is not what was asked for: JSON with claims, whole") from error
    if not isinstance(claims, list):
        raise ModelError("its answer is not what was asked for: a list of claims")
    plain = "".join(one for one in str(version) if one.isprintable())[:100]
    return claims, plain
