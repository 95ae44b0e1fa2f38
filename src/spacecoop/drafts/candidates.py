"""Candidates of claims in; one where two tell of the same, and what is over only where it can be, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from spacecoop.drafts.names import Mention
from spacecoop.drafts.sentences import Sentence
from spacecoop.drafts.times import Time


@dataclass(frozen=True)
class Part:
    """A party as a sentence has it."""

    id: str
    named: str
    """The word of the text, where it is no name of the party; empty where the text says it by other words."""


@dataclass(frozen=True)
class Candidate:
    """What may be a claim: its sentences, and all that was found of it."""

    sentences: tuple[Sentence, ...]
    parties: tuple[Part, ...]
    things: tuple[str, ...]
    times: tuple[Time, ...]
    claimant: str | None
    values: Mapping[str, str]
    """What its cues write."""
    score: float
    reasons: tuple[str, ...]
    strongest: float = 1.0
    """The weight of its weightiest cue."""
    ahead: Mapping[str, str] = field(default_factory=dict)
    """What its cues write but those of what is over; for what lies after the article."""
    coming: bool = False
    """Whether it speaks of what is to come alone."""


@dataclass(frozen=True)
class Reading:
    """All that rules find in a text."""

    sentences: tuple[Sentence, ...]
    mentions: tuple[Mention, ...]
    times: tuple[Time, ...]
    candidates: tuple[Candidate, ...]


def join_parts(one: tuple[Part, ...], other: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return parties with those of others that are not among them."""
    have = {part.id for part in one}
    return one + tuple(part for part in other if part.id not in have)


def in_time(candidate: Candidate, published: date | None) -> Candidate:
    """Return a candidate that fits the day of publication.

    Of nothing that lies after it, it says that it is over; of what is to come, it has no time that lies before.
    """
    if published is None or not candidate.times:
        return candidate
    times = tuple(when for when in candidate.times if not (candidate.coming and _is_past(when, published)))
    begins = times[0].value.partition("/")[0] if times else ""
    later = begins[:1].isdigit() and begins > str(published)[: len(begins)]
    return replace(candidate, times=times, values=candidate.ahead if later else candidate.values)


def _is_past(when: Time, published: date) -> bool:
    """Tell whether a time ends before a day."""
    ends = when.value.rpartition("/")[2]
    return ends[:1].isdigit() and ends.rstrip("X") < str(published)[: len(ends.rstrip("X"))]


def alike(last: Candidate, new: Candidate) -> bool:
    """Tell whether two candidates name no different things and no different times."""
    things = not (last.things and new.things) or bool(set(last.things) & set(new.things))
    return things and not (last.times and new.times and last.times[0].value != new.times[0].value)


def join(last: Candidate, new: Candidate) -> Candidate:
    """Return two candidates as one, with the sentences of both."""
    parties = join_parts(last.parties, new.parties) if new.score >= last.score / 2 else last.parties
    return replace(
        last,
        sentences=last.sentences + new.sentences,
        parties=parties,
        things=tuple(dict.fromkeys((*last.things, *new.things))),
        times=last.times or new.times,
        values=_merge_values(last, new, last.values, new.values),
        ahead=_merge_values(last, new, last.ahead, new.ahead),
        strongest=max(last.strongest, new.strongest),
        coming=last.coming and new.coming,
        score=max(last.score, new.score),
        reasons=(*last.reasons, "goes on in the next sentence"),
    )


def _merge_values(
    last: Candidate, new: Candidate, ours: Mapping[str, str], theirs: Mapping[str, str]
) -> dict[str, str]:
    """Return the values of two candidates; where both have one, that of the weightier cue."""
    return {**ours, **theirs} if new.strongest > last.strongest else {**theirs, **ours}
