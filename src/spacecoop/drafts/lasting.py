"""Candidates of a text in, the same with the values that last, such as its field, out.

What a sentence says counts most, then what its things are about, then what the text around it speaks of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from spacecoop.drafts.candidates import Candidate
from spacecoop.drafts.folding import fold
from spacecoop.drafts.names import Gazetteer
from spacecoop.drafts.rules import Language, Rules, pattern
from spacecoop.drafts.sentences import Sentence
from spacecoop.drafts.times import Time

_OF_THINGS = 1.5
_OF_TEXT = 0.5
_VAGUE = 0.3
_STEM = 5
"""A word of a label with so many letters may have another ending."""


class Topics:
    """Counts in sentences the words that write a lasting key: those of the rules, and the labels of its values."""

    def __init__(self, rules: Rules, key: str) -> None:
        self.rules, self.key = rules, key
        self.ready: dict[str, list[tuple[str, list[re.Pattern[str]]]]] = {}

    def count(self, sentence: Sentence, times: Iterable[Time]) -> Counter[str]:
        """Return how often each value is spoken of, but in words that tell a time."""
        words, found = sentence.words, Counter[str]()
        for one in times:
            start, end = one.start - sentence.start, one.end - sentence.start
            words = f"{words[:start]}{' ' * (end - start)}{words[end:]}"
        text = fold(words).text
        for value, patterns in self._words(self.rules.languages[sentence.language]):
            spans = {match.start() for one in patterns for match in one.finditer(text)}
            if spans:
                found[value] += len(spans)
        return found

    def _words(self, language: Language) -> list[tuple[str, list[re.Pattern[str]]]]:
        if language.code not in self.ready:
            words: dict[str, list[re.Pattern[str]]] = {}
            for cue in language.cues:
                if self.key in cue.values and not cue.weight:
                    words.setdefault(cue.values[self.key], []).append(cue.words)
            for value, names in self.rules.labels.get(self.key, {}).get(language.code, {}).items():
                words.setdefault(value, []).append(pattern([_stem(one) for one in names], language.spaced))
            self.ready[language.code] = [*words.items()]
        return self.ready[language.code]


def fill(
    candidates: Sequence[Candidate],
    sentences: Mapping[Sentence, Sequence[Time]],
    named: Sequence[str],
    rules: Rules,
    names: Gazetteer,
) -> list[Candidate]:
    """Give each candidate the value of each lasting key that is spoken of most where it stands.

    *sentences* are those of the text, each with its times; *named* are the things that it names, each as often.
    """
    done = list(candidates)
    for key in rules.lasting if candidates else ():
        topics = Topics(rules, key)
        told = {one: topics.count(one, times) for one, times in sentences.items()}
        whole = sum(told.values(), Counter(_values(named, key, names)))
        for number, one in enumerate(done):
            here = sum((told[sentence] for sentence in one.sentences), Counter[str]())
            about = Counter(_values(one.things, key, names))
            best = _choose(here, about, whole, rules.vague)
            if best is not None:
                values, ahead = ({**side, key: best} for side in (one.values, one.ahead))
                done[number] = replace(one, values=values, ahead=ahead)
    return done


def _values(things: Iterable[str], key: str, names: Gazetteer) -> Iterator[str]:
    """Yield what things that have a value of a key have."""
    for thing in things:
        if key in names.things[thing].values:
            yield names.things[thing].values[key]


def _choose(
    here: Mapping[str, int], about: Mapping[str, int], whole: Mapping[str, int], vague: frozenset[str]
) -> str | None:
    """Return the value with the greatest weight; of equal ones, that which is said first."""
    total = sum(whole.values()) or 1
    weights = {
        value: (here.get(value, 0) + _OF_THINGS * bool(about.get(value)) + _OF_TEXT * whole.get(value, 0) / total)
        * (_VAGUE if value in vague else 1)
        for value in dict.fromkeys((*here, *about, *whole))
    }
    best = max(weights, key=lambda value: weights[value], default=None)
    return None if best in vague and not (here.get(best) or about.get(best)) else best


def _stem(label: str) -> str:
    """Return a label as rules write words, so that its plural is met too."""
    return " ".join(f"{word.rstrip('s')}*" if len(word) > _STEM else word for word in label.split())
