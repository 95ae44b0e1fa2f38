"""What stands in a text in; candidates of claims, each with its reasons and score, out."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from spacecoop.drafts import lasting, times
from spacecoop.drafts.candidates import Candidate, Part, Reading, alike, in_time, join, join_parts
from spacecoop.drafts.folding import Folded, fold
from spacecoop.drafts.names import Gazetteer, Mention
from spacecoop.drafts.rules import Cue, Language, Rules
from spacecoop.drafts.sentences import Sentence, split
from spacecoop.drafts.spans import within
from spacecoop.drafts.times import Time
from spacecoop.drafts.tongues import tongue

_END = re.compile(r"[.!?;]\s|[。！？；]")
_COMMA = re.compile(r"[,，]\s*")
_BEFORE = 40
"""How far before a name a word may begin that makes it no party, in characters."""
_MOST = 5
"""So many sentences make one claim at most."""
_LATELY = 3
"""So many claims back, the other side of what is told of one may be."""
_REMEMBERED = 40
"""So many claims back, words may point to the parties of one."""
_NEAR = 120
"""How far a word for what is to come, or is over, may stand from a time that it is about, in characters."""
_OPENING = 90
"""How far into a sentence, in characters, what opens it may reach."""


@dataclass
class _Memory:
    """What was named so far, latest last."""

    named: list[str] = field(default_factory=list)
    pairs: list[tuple[tuple[str, ...], tuple[Part, ...]]] = field(default_factory=list)
    """The things and the parties of each candidate with several."""
    first: dict[str, int] = field(default_factory=dict)
    """By what was named, or whose it is: which place it has in the order in which that was first done."""


def read(
    words: str,
    language: str,
    rules: Rules,
    names: Gazetteer,
    published: date | None,
    without: frozenset[str] = frozenset(),
    besides: frozenset[str] = frozenset(),
) -> Reading:
    """Find candidates in a text; each sentence by the rules of its own language, *language* where it tells no other.

    *without* names families of rules that are left out, to measure them; *besides* things that are no party here, such
    as the publisher. Raises RulesError where the rules of a language cannot be used.
    """
    folded = fold(words)
    sentences = [replace(one, language=tongue(one.words, language, rules)) for one in split(words, language)]
    memory = _Memory()
    candidates: list[Candidate] = []
    found: list[tuple[list[Mention], list[Time]]] = []
    readers: dict[str, _Reader] = {}
    for sentence in sentences:
        if sentence.language not in readers:
            own = rules.languages[sentence.language]
            readers[own.code] = _Reader(
                words=words,
                folded=folded,
                language=own,
                rules=rules,
                names=names,
                memory=memory,
                without=without,
                published=published,
            )
        reader = readers[sentence.language]
        here, when = reader.list_mentions(sentence), [*within(reader.times, sentence.start, sentence.end)]
        found.append((here, when))
        inside = [one for one in here if besides.isdisjoint(one.things) and not reader.is_aside(sentence, one)]
        candidate = reader.candidate(sentence, inside, when)
        if candidate is not None:
            reader.add(candidates, candidate)
        reader.remember(inside)
    timed = {sentence: when for sentence, (_, when) in zip(sentences, found, strict=True)}
    mentions = tuple(one for here, _ in found for one in here)
    named = [one.things[0] for one in mentions if len(one.things) == 1]
    kept = lasting.fill([one for one in candidates if one.score >= rules.least], timed, named, rules, names)
    return Reading(
        tuple(sentences),
        mentions,
        tuple(one for _, when in found for one in when),
        tuple(in_time(one, published) for one in kept),
    )


def _collect_values(cues: Iterable[Cue]) -> dict[str, str]:
    """Return what cues write; the weightier one first, then the one that the file has first."""
    found: dict[str, str] = {}
    for cue in sorted(cues, key=lambda cue: -cue.weight):
        for key, value in cue.values.items():
            found.setdefault(key, value)
    return found


def values(sentence: Sentence, rules: Rules) -> dict[str, str]:
    """Return what the cues of a sentence write."""
    text = fold(sentence.words).text
    return _collect_values(cue for cue in rules.languages[sentence.language].cues if cue.words.search(text))


def _way(folded: Folded, language: Language) -> times.Way:
    """Return what tells whether the words nearest to a span speak of what is to come, or is over."""
    places = sorted(
        (found.start(), cue.ahead)
        for cue in language.cues
        if cue.ahead or cue.past
        for found in cue.words.finditer(folded.text)
    )

    def way(start: int, end: int) -> int:
        first, last = bisect_left(places, (start, False)), bisect_left(places, (end, False))
        beside = [*places[max(0, first - 2) : first], *places[last : last + 2]]  # "May" in "in May" is no verb
        near = sorted((abs(there - start), not is_ahead, there) for there, is_ahead in beside)
        if not near or near[0][0] > _NEAR:
            return 0
        _, is_past, there = near[0]
        if _END.search(folded.text, min(start, there), max(start, there)):
            return 0
        return -1 if is_past else 1

    return way


class _Reader:
    """Reads one sentence after another, and remembers what was named."""

    def __init__(
        self,
        words: str,
        folded: Folded,
        language: Language,
        rules: Rules,
        names: Gazetteer,
        memory: _Memory,
        without: frozenset[str],
        published: date | None,
    ) -> None:
        self.words, self.folded, self.language, self.rules = words, folded, language, rules
        self.names, self.memory, self.without = names, memory, without
        self.mentions = names.find(words, folded, language, rules.things)
        found = [] if "times" in without else times.find(folded, language, published, _way(folded, language))
        self.times = [one for one in found if not times.is_dateline(words, one)]

    def list_mentions(self, sentence: Sentence) -> list[Mention]:
        """Return what a sentence names."""
        return [*within(self.mentions, sentence.start, sentence.end)]

    def is_aside(self, sentence: Sentence, mention: Mention) -> bool:
        """Tell whether a name is no party, but what a war or a sanction is about."""
        before = self.words[max(sentence.start, mention.start - _BEFORE) : mention.start]
        return self.language.aside.search(fold(before).text) is not None

    def types(self, thing: str) -> frozenset[str]:
        """Return the types of a thing."""
        known = self.names.things.get(thing)
        return known.types if known else frozenset()

    def side(self, thing: str) -> str:
        """Return the party that a thing is counted with: itself, where the rules say nothing."""
        return self.rules.sides.get(thing, thing)

    def remember(self, mentions: Sequence[Mention]) -> None:
        """Keep what a sentence names."""
        for one in mentions:
            if len(one.things) == 1:
                name = one.things[0]
                if name in self.memory.named:
                    self.memory.named.remove(name)
                self.memory.named.append(name)
                for owner in (name, *self.names.things[name].of):
                    self.memory.first.setdefault(owner, len(self.memory.first))

    def candidate(self, sentence: Sentence, mentions: Sequence[Mention], when: Sequence[Time]) -> Candidate | None:
        """Return what a sentence may claim, with its score; nothing where nothing speaks for it."""
        text = fold(sentence.words).text
        cues = self.cues(text)
        if any(cue.drops for cue in cues) or not (cues or mentions):
            return None
        parties = self.parties(mentions)
        things = self.list_named(mentions, self.rules.things)
        reasons: dict[str, float] = {}
        self.weigh("names", len(parties) > 0, f"names {', '.join(one.id for one in parties)}", reasons)
        apart = len({self.side(one.id) for one in parties}) > 1
        back = () if apart or "back" in self.without else self.back(text, mentions)
        if back:
            self.weigh("back", True, f"points back to {', '.join(one.id for one in back)}", reasons)
            parties = join_parts(parties, back)
        things = things if "back" in self.without else tuple(dict.fromkeys((*self.things_back(text), *things)))
        if not apart and not back:
            parties = self.add_owners(parties, things, reasons)
        best = max((cue.weight for cue in cues), default=0.0)
        for cue in cues:
            if cue.weight:
                reasons[f"says {cue.name}"] = cue.weight if cue.weight in (best,) or cue.weight < 0 else cue.weight / 4
        sides = {self.side(one.id) for one in parties}
        others = len(sides) == 1 and any(cue.others for cue in cues)
        if len(sides) < 2 and not others and "context" not in self.without:
            parties = self.complete(parties, sides, things, best, reasons)
            sides = {self.side(one.id) for one in parties}
        self.weigh("sides", len(sides) > 1, f"{len(sides)} sides", reasons)
        self.weigh("things", bool(things), f"about {', '.join(things)}", reasons)
        self.weigh("dated", bool(when), "says when", reasons)
        self.weigh("others", others, "others without a name", reasons)
        self.weigh("alone", len(sides) < 2 and not others, "one side at most", reasons)
        score = round(min(1.0, max(0.0, sum(reasons.values()))), 2)
        if not parties and not things:
            return None
        claimant = None if "speech" in self.without else self.claimant(sentence, mentions)
        values, ahead = (
            {**self.rules.values, **_collect_values(one)} for one in (cues, (cue for cue in cues if not cue.past))
        )
        told = tuple(f"{reason} {weight:+.2f}" for reason, weight in reasons.items())
        return Candidate(
            sentences=(sentence,),
            parties=parties,
            things=things,
            times=tuple(_points(when) if any(cue.point and cue.weight == best for cue in cues) else when),
            claimant=claimant,
            values=values,
            score=score,
            reasons=told,
            strongest=best,
            coming=any(cue.ahead for cue in cues) and not any(cue.past and cue.weight for cue in cues),
            ahead=ahead,
        )

    def cues(self, text: str) -> list[Cue]:
        """Return the cues of a sentence; a word that only points back, such as "the agreement", is none."""
        begun = self.begun_back(text)
        rest = text if begun is None or "back" in self.without else f"{text[: begun.start()]}\0{text[begun.end() :]}"
        return [cue for cue in self.language.cues if cue.family not in self.without and cue.words.search(rest)]

    def weigh(self, name: str, holds: bool, reason: str, reasons: dict[str, float]) -> None:
        """Note a reason with its weight where it holds."""
        weight = float(self.rules.weights.get(name, 0))
        if holds and weight:
            reasons[reason] = weight

    def list_named(self, mentions: Iterable[Mention], types: frozenset[str]) -> tuple[str, ...]:
        """Return the things of these types that are named, each once, in reading order."""
        found = [one.things[0] for one in mentions if len(one.things) == 1 and self.types(one.things[0]) & types]
        return tuple(dict.fromkeys(found))

    def parties(self, mentions: Sequence[Mention]) -> tuple[Part, ...]:
        """Return the parties that a sentence names; one that only an adjective points to, where no other is of it."""
        rows = self.without_places(
            [one for one in mentions if len(one.things) == 1 and self.types(one.things[0]) & self.rules.parties]
        )
        whole = {self.side(one.things[0]) for one in rows if one.things[0] in self.rules.sides}
        found: dict[str, Part] = {}
        for one in rows:
            name = one.things[0]
            if name in whole and name not in self.rules.sides:
                continue
            known = {fold(said).text for names in self.names.things[name].names.values() for said in names}
            found.setdefault(name, Part(name, "" if fold(one.words).text in known or not one.whole else one.words))
        return tuple(found.values())

    def without_places(self, rows: list[Mention]) -> list[Mention]:
        """Return the names of parties without those of where it is, if two other sides are left."""
        there = [one for one in rows if one.whole and self.is_place(one)]
        left = [one for one in rows if one not in there]
        return left if len({self.side(one.things[0]) for one in left}) > 1 else rows

    def is_place(self, one: Mention) -> bool:
        """Tell whether a name stands after a word such as "in", and nothing is said to be its own."""
        before = fold(self.words[max(0, one.start - _BEFORE) : one.start]).text
        return self.language.where.search(before) is not None and self.words[one.end : one.end + 1] not in ("'", "’")

    def add_owners(
        self, parties: tuple[Part, ...], things: Sequence[str], reasons: dict[str, float]
    ) -> tuple[Part, ...]:
        """Add the parties whose the named things are, where that brings in another side."""
        if "owners" in self.without:
            return parties
        sides = {self.side(one.id) for one in parties}
        owners = dict.fromkeys(owner for one in things for owner in self.names.things[one].of)
        new = [one for one in owners if self.side(one) not in sides]
        if not new or len(sides | {self.side(one) for one in new}) < 2:
            return parties
        self.weigh("owners", True, f"about what is of {', '.join(new)}", reasons)
        return join_parts(parties, tuple(Part(one, "") for one in new))

    def back(self, text: str, mentions: Sequence[Mention]) -> tuple[Part, ...]:
        """Return the parties that words such as "the two agencies" stand for."""
        here = {one.things[0] for one in mentions if len(one.things) == 1}
        for row in self.language.back:
            if row.take < 2 or not row.words.search(text):
                continue
            for _, pair in reversed(self.memory.pairs):
                alike = tuple(one for one in pair if not row.of or self.types(one.id) & row.of)
                if len(alike) == row.take or (alike and not row.of):
                    return tuple(Part(one.id, "") for one in alike)
            earlier = [name for name in self.memory.named if self.types(name) & self.rules.parties and name not in here]
            fit = [name for name in earlier if not row.of or self.types(name) & row.of]
            if len(fit) < row.take:
                sides = [self.side(name) for name in earlier]
                fit = list(dict.fromkeys(name for name in sides if self.types(name) & (row.of or self.types(name))))
            apart: dict[str, str] = {}
            for name in reversed(fit):
                apart.setdefault(self.side(name), name)
            taken = list(apart.values())[: row.take]
            if len(taken) == row.take:
                return tuple(Part(name, "") for name in reversed(taken))
        return ()

    def things_back(self, text: str) -> tuple[str, ...]:
        """Return the undertaking that words such as "the probe" stand for: of those named, the latest that can be."""
        for row in self.language.back:
            if row.take == 1 and row.words.search(text):
                fit = [name for name in self.memory.named if self.types(name) & (row.of or self.rules.things)]
                whole = [name for name in fit if row.parts or not self.is_part(name)]
                return tuple((whole or fit)[-1:])
        return ()

    def is_part(self, thing: str) -> bool:
        """Tell whether a thing is part of others, or carries them, so that "the mission" never means it."""
        values = self.names.things[thing].values
        return any(values.get(key) in names for key, names in self.rules.parts.items())

    def complete(
        self, parties: tuple[Part, ...], sides: set[str], things: Sequence[str], best: float, reasons: dict[str, float]
    ) -> tuple[Part, ...]:
        """Add the other side of what was told before; both sides, where a sentence goes on about their undertaking."""
        often = [one.id for _, pair in self.memory.pairs for one in pair]
        lately = [one for _, pair in self.memory.pairs[-_LATELY:] for one in pair]
        if not parties:
            told = [pair for about, pair in self.memory.pairs if set(about) & set(things)] if best > 0 else []
            others = list(told[-1]) if told else []
        elif lately and (best > 0 or things):
            first = self.memory.first
            ranked = sorted(lately, key=lambda one: (-often.count(one.id), first.get(one.id, len(first))))
            others = [one for one in ranked if self.side(one.id) not in sides][:1]
        elif best >= self.rules.weights.get("strong", 1):
            earlier = [name for name in self.memory.named if self.types(name) & self.rules.parties]
            others = [Part(name, "") for name in earlier if self.side(name) not in sides][-1:]
        else:
            others = []
        if not others:
            return parties
        self.weigh("context", True, f"goes on about {', '.join(one.id for one in others)}", reasons)
        return join_parts(parties, tuple(Part(one.id, "") for one in others))

    def claimant(self, sentence: Sentence, mentions: Sequence[Mention]) -> str | None:
        """Return who is said to say it: the person or party next to a verb of speech, where we know who that is."""
        if self.language.speech is None:
            return None
        speakers = self.rules.people | self.rules.parties
        folded = fold(sentence.words)
        for found in self.language.speech.finditer(folded.text):
            start, end = (sentence.start + place for place in folded.span(found.start(), found.end()))
            near = [
                (min(abs(start - one.end), abs(one.start - end)), one.things[:2])
                for one in mentions
                if one.whole and (len(one.things) != 1 or self.types(one.things[0]) & speakers)
            ]
            if near and min(near)[0] <= _BEFORE:
                nearest = min(near)[1]
                return nearest[0] if len(nearest) == 1 else None  # one without a name of ours is the speaker
        return None

    def add(self, candidates: list[Candidate], new: Candidate) -> None:
        """Add a candidate, or join it to the one before where it only goes on about the same."""
        last = candidates[-1] if candidates else None
        if last is None or "join" in self.without:
            candidates.append(new)
        elif self.goes_on(last, new):
            candidates[-1] = join(last, new)
        elif self.leads_to(last, new):
            candidates[-1] = replace(join(new, last), sentences=(*last.sentences, *new.sentences))
        else:
            candidates.append(new)
        if len({self.side(one.id) for one in candidates[-1].parties}) > 1:
            self.memory.pairs.append((candidates[-1].things, candidates[-1].parties))
            del self.memory.pairs[:-_REMEMBERED]

    def goes_on(self, last: Candidate, new: Candidate) -> bool:
        """Tell whether a candidate says more of the one before: no other thing, time or side, and words that say so."""
        if not self.adjoin(last, new) or last.score < self.rules.least or not alike(last, new):
            return False
        ours, theirs = ({self.side(one.id) for one in side.parties} for side in (last, new))
        text = fold(new.sentences[0].words).text
        step = new.values.get("step")
        if self.language.more.search(text) or (step and step == last.values.get("step")):
            return theirs <= ours or ours <= theirs
        if self.language.further.search(text) or not theirs <= ours:
            return False
        weights = self.rules.weights
        if new.score < self.rules.least:
            return new.score >= weights.get("near", 1)
        return new.strongest < weights.get("strong", 1) and self.begun_back(text) is not None

    def adjoin(self, last: Candidate, new: Candidate) -> bool:
        """Tell whether nothing stands between two candidates, and they are short enough to be one."""
        if len(last.sentences) + len(new.sentences) > _MOST:
            return False
        return not self.words[last.sentences[-1].end : new.sentences[0].start].strip()

    def leads_to(self, last: Candidate, new: Candidate) -> bool:
        """Tell whether a candidate too weak to be proposed is what the next one begins with a word for."""
        weak = last.score < self.rules.least or len({self.side(one.id) for one in last.parties}) < 2
        weak = weak and self.rules.weights.get("lead", 1) <= last.score and new.score >= self.rules.least
        return weak and self.adjoin(last, new) and self.begun_back(fold(new.sentences[0].words).text) is not None

    def begun_back(self, text: str) -> re.Match[str] | None:
        """Return the word for what was named before with which a folded sentence begins, or what follows its comma."""
        places = [0, *(found.end() for found in _COMMA.finditer(text[:_OPENING]))][:2]
        found = (row.words.match(text, place) for row in self.language.back for place in places)
        return next((one for one in found if one is not None), None)


def _points(when: Iterable[Time]) -> Iterator[Time]:
    """Yield times, those without an end as their beginning."""
    for one in when:
        yield replace(one, value=one.value.removesuffix("/.."))
