"""A folded text and things with their names in, what the text names out; what two things are called is told."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from spacecoop.drafts.folding import Folded, fold
from spacecoop.drafts.rules import Language, Pointers, Thing
from spacecoop.drafts.spans import Taken, longest

_CAPITAL = r"[A-ZÀ-ÖØ-Þ]"
_UNKNOWN = re.compile(
    rf"{_CAPITAL}[\w'’]*(?:-\w+)*(?:[ \u00a0](?:d[eu] |of |al-)?(?:{_CAPITAL}[\w'’]*(?:-\w+)*|\d+\w?\b))+"
    rf"|{_CAPITAL}[A-ZÀ-ÖØ-Þ0-9]{{2,}}(?:-\d+)?(?![\w])"
)
_SPELT = re.compile(rf"(?:{_CAPITAL}[\w'’-]*[ \u00a0]+)+\($")
"""Words with capitals before a bracket, in which a text gives their initials."""
_ACRONYM = 5
"""So many letters at most, and capitals alone: the name is told from a word by them."""
_SPOKEN = 4


@dataclass(frozen=True)
class Mention:
    """A name in a text: where it stands, and what it names."""

    start: int
    end: int
    words: str
    things: tuple[str, ...]
    """The ids of what is called so: one, or several where the name is ambiguous; none where nothing is known of it."""
    whole: bool = True
    """Whether it is a name, and not a word that points to one, such as an adjective."""


class Gazetteer:
    """The names of all things, ready to be looked for."""

    def __init__(self, things: Iterable[Thing], same: Mapping[str, str] | None = None) -> None:
        self.same = same or {}
        """By the id that the rules have for a thing: the id that the workspace has."""
        self.things: dict[str, Thing] = {}
        self.starts: defaultdict[str, dict[str, dict[str, set[str]]]] = defaultdict(lambda: defaultdict(dict))
        for thing in things:
            if thing.id not in self.things:
                self.things[thing.id] = thing
                for name in {name for names in thing.names.values() for name in names}:
                    plain = fold(name).text
                    if len(plain) > 1:
                        self.starts[plain[:2]][plain].setdefault(thing.id, set()).add(name)
        self.longest = {start: sorted(names, key=len, reverse=True) for start, names in self.starts.items()}

    def types(self, mention: Mention) -> frozenset[str]:
        """Return the types of all that a mention may name."""
        return frozenset[str]().union(*(self.things[one].types for one in mention.things))

    def find(self, words: str, folded: Folded, language: Language, inside: frozenset[str]) -> list[Mention]:
        """Return what a text names, in reading order; the longest name wins.

        In the name of a thing of the types *inside*, an adjective points to a thing too, where it is not known whose
        that is. A capital stands for its party, but where it is said that something is or happens there.
        """
        seats = _longest([*self._seats(words, folded, language)])
        stand = {(one.start, one.end) for one in seats}
        named = [one for one in _longest([*self._names(words, folded, inside)]) if (one.start, one.end) not in stand]
        named = self._as_spelt(words, _longest([*named, *seats]))
        pointed = _longest([*self._pointers(words, folded, language)])
        shut = Taken(one for one in named if not self.types(one) & inside or self.things[one.things[0]].of)
        free = [one for one in pointed if shut.free(one.start, one.end)]
        taken = [*named, *free]
        return sorted([*taken, *_unknown(words, language, taken)], key=lambda one: (one.start, one.end))

    def _names(self, words: str, folded: Folded, inside: frozenset[str]) -> Iterator[Mention]:
        text = folded.text
        for place in range(len(text) - 1):
            if place and text[place - 1].isalnum() and _letters(text[place - 1 : place + 1]):
                continue
            for name in self.longest.get(text[place : place + 2], ()):
                end = place + len(name)
                if not text.startswith(name, place) or (end < len(text) and _letters(text[end - 1 : end + 1])):
                    continue
                start, stop = folded.span(place, end)
                here = words[start:stop]
                spelt = self.starts[name[:2]][name]
                fit = (
                    one
                    for one, written in spelt.items()
                    if any(_same_case(name, here, not self.things[one].types & inside) for name in written)
                )
                things = tuple(sorted(fit))
                if things:
                    yield Mention(start, stop, here, things)
                    break

    def _as_spelt(self, words: str, named: Sequence[Mention]) -> list[Mention]:
        """Return the mentions, without the acronyms that the text spells out as something else: those are unknown."""
        others = {one.words for one in named if self._is_another(words, one)}
        return [one for one in named if one.words not in others]

    def _is_another(self, words: str, one: Mention) -> bool:
        """Tell whether a text has its own words for an acronym, none of which is in a name of what we call so."""
        found = _SPELT.search(words, max(0, one.start - 120), one.start)
        if found is None or not one.words.isupper() or words[one.end : one.end + 1] != ")":
            return False
        spelt = fold(found[0][:-1]).text.split()[-len(one.words) :]
        known = {word for thing in one.things for name in _plain(self.things[thing]) for word in name.split()}
        return "".join(word[0] for word in spelt) == fold(one.words).text and known.isdisjoint(spelt)

    def _ours(self, pointers: Pointers, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Yield the things that a text points to, by the workspace's ids; none of what nobody knows by a name."""
        for thing, found in pointers.find(text):
            name = self.same.get(thing, thing)
            if name in self.things:
                yield name, found

    def _seats(self, words: str, folded: Folded, language: Language) -> Iterator[Mention]:
        for thing, found in self._ours(language.seats, folded.text):
            if not language.at.search(folded.text, max(0, found.start() - 40), found.start()):
                start, stop = folded.span(found.start(), found.end())
                yield Mention(start, stop, words[start:stop], (thing,), whole=False)

    def _pointers(self, words: str, folded: Folded, language: Language) -> Iterator[Mention]:
        for thing, found in self._ours(language.names, folded.text):
            start, stop = folded.span(found.start(), found.end())
            whole = words[start].isupper() and language.people
            yield Mention(start, stop, words[start:stop], (thing,), whole)


def _letters(pair: str) -> bool:
    """Tell whether two characters are of one word of a script that sets words apart."""
    return all(one.isalnum() and ord(one) < 0x2E80 for one in pair)


def _same_case(name: str, here: str, spoken: bool) -> bool:
    """Tell whether what stands here can be the name: a capital for a capital, an acronym for an acronym.

    One that is *spoken*, of four letters and more, may have one capital alone, as newspapers write it.
    """
    if name.isupper() and len(name) <= _ACRONYM:
        capitals = sum(one.isupper() for one in here)
        return capitals >= 2 or (spoken and len(name) >= _SPOKEN and here[:1].isupper())
    return not name[:1].isupper() or here[:1].isupper()


def _longest(mentions: Sequence[Mention]) -> list[Mention]:
    """Return the mentions of which none overlaps a longer one."""
    return longest(sorted(mentions, key=lambda one: (one.start - one.end, one.start, one.things)))


def _unknown(words: str, language: Language, taken: Sequence[Mention]) -> Iterator[Mention]:
    """Yield what looks like a name and is none that we know: several words with capitals, or an acronym."""
    if not language.spaced:
        return
    places = Taken(taken)
    for found in _UNKNOWN.finditer(words):
        start, end = found.span()
        while True:
            first = re.match(r"[\w'’-]+[ \u00a0]", words[start:end])
            head = re.match(r"\w+['’](?=\w)", words[start:end])
            if head is not None and fold(head[0]).text in language.before:
                start += head.end()
            elif first is not None and fold(first[0].strip()).text in language.before:
                start += first.end()
            else:
                break
        name = words[start:end]
        several = " " in name or "\u00a0" in name or (len(name) > 2 and name.isupper())
        if several and places.free(start, end) and fold(name).text not in language.before:
            yield Mention(start, end, name, ())


def gather(things: Iterable[Thing], known: Iterable[Thing]) -> Gazetteer:
    """Return a gazetteer of a workspace's things, and of those that drafting knows beside them.

    Where both have a thing, by its id or by a name, it is the workspace's that is meant.
    """
    ours = {thing.id: thing for thing in things}
    named: defaultdict[str, set[str]] = defaultdict(set)
    for thing in ours.values():
        for name in _plain(thing):
            named[name].add(thing.id)
    kept: list[Thing] = []
    same: dict[str, str] = {}
    for thing in known:
        twins = {thing.id} & ours.keys() or set[str]().union(*(named[name] for name in _plain(thing) & named.keys()))
        alike = sorted(one for one in twins if thing.id in ours or ours[one].types & thing.types)
        if alike:
            same[thing.id] = alike[0]
            twin = ours[alike[0]]
            names = dict(twin.names)
            if twin.id == thing.id:
                names |= {key: (*twin.names.get(key, ()), *value) for key, value in thing.names.items()}
            ours[twin.id] = replace(twin, names=names, of=thing.of, values={**thing.values, **twin.values})
        elif not twins:
            kept.append(thing)
    both = [*ours.values(), *kept]
    return Gazetteer([replace(one, of=tuple(same.get(name, name) for name in one.of)) for one in both], same)


def _plain(thing: Thing) -> set[str]:
    return {fold(name).text for names in thing.names.values() for name in names}
