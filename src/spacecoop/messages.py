"""A message for the user in English in, the same in the user's language out.

Errors are raised in English, with their values in them. The catalogue ``messages.toml`` has the sentences, as gettext
does; what stands where a sentence has ``{}`` is a value, which is looked up in its turn. A test holds every message of
the commands that speak French against the catalogue.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

LONGEST = 20_000
"""Characters of a message that is still looked up; what is longer is no sentence of ours."""
DEEPEST = 5
"""Values within values that are looked up."""

_HOLE = re.compile(r"\{(\d*)\}")


@functools.cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the sentences of a language by their English; empty for a language that has none."""
    import tomllib  # here, since the server's workers need fill() alone, and start often
    from importlib import resources

    every = tomllib.loads(resources.files("spacecoop").joinpath("messages.toml").read_text("utf-8"))
    return dict(every.get(language, {}))


def translate(text: str, language: str) -> str:
    """Return a message in a language; what the catalogue does not have stays as it is.

    >>> translate("nothing is called 'x'; did you mean 'y'?", "fr")
    "rien ne s'appelle 'x' ; vouliez-vous dire 'y' ?"
    """
    if language == "en" or len(text) > LONGEST or not catalogue(language):
        return text
    return _translate(text, language, DEEPEST)


def _translate(text: str, language: str, depth: int) -> str:
    """Return a text by the sentence that fits it best, else line by line, else after a colon, else in a list."""
    bare = text.strip(" ")
    if not depth or not bare:
        return text
    said = catalogue(language)
    if bare in said or text in said:
        return said[text] if text in said else text.replace(bare, said[bare])
    for pattern, sentence in _patterns(language):
        if found := pattern.fullmatch(text):
            values = [_translate(value, language, depth - 1) for value in found.groups()]
            return fill(sentence, values)
    if "\n" in text:
        return "\n".join(_translate(line, language, depth) for line in text.split("\n"))
    start, colon, rest = text.partition(": ")
    if colon and (known := _translate(rest, language, depth - 1)) != rest:
        return f"{start} : {known}"
    parts = text.split(", ")
    known_parts = [_translate(part, language, depth - 1) for part in parts] if 1 < len(parts) <= DEEPEST else parts
    return ", ".join(known_parts) if all(map(str.__ne__, parts, known_parts)) else text


@functools.cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what recognises each sentence that has values; those with the most words of their own first."""
    sentences = [(english, said) for english, said in catalogue(language).items() if "{}" in english]
    sentences.sort(key=lambda pair: (-len(pair[0].replace("{}", "")), pair[0]))
    return tuple((re.compile(_pattern(english), re.DOTALL), said) for english, said in sentences)


def _pattern(english: str) -> str:
    first, *parts = map(re.escape, english.split("{}"))
    pattern, before = first, first or None
    for part in parts:
        # a value behind a value is what may be said besides: "; did you mean …?", ", with …"
        pattern += ("(.*?)" if before != "" else "((?:[;,] .*?)?)") + part
        before = part
    return pattern


def fill(sentence: str, values: Sequence[str]) -> str:
    """Put the values into a sentence: {} takes the next one, {2} the second."""
    ahead = iter(range(1, len(values) + 1))

    def value(hole: re.Match[str]) -> str:
        return values[(int(hole[1]) if hole[1] else next(ahead)) - 1]

    return _HOLE.sub(value, sentence)
