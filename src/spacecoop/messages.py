"""A message for the user in English in, the same in the user's language out; each language is a file.

Errors are raised in English, with their values in them. A catalogue, such as ``languages/fr.toml``, has the sentences,
as gettext does; what stands where a sentence has ``{}`` is a value, which is looked up in its turn. What is not an
error, such as a heading or what a setting is to be, is `Words`: they stand in the catalogue's table ``texts``, and a
value with the same letters is not taken for them. Tests hold what is said against the catalogues.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

LONGEST = 20_000
"""Characters of a message that is still looked up; what is longer is no sentence of ours."""
ENGLISH = "en"
DEEPEST = 5
"""Values within values that are looked up."""

_HOLE = re.compile(r"\{(\d*)\}")


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the languages of messages: English, and those that have a file."""
    files = (path.name for path in resources.files("spacecoop").joinpath("languages").iterdir())
    return (ENGLISH, *sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@functools.cache
def _read(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return a language's sentences and its texts, both by their English; empty where it has no file."""
    if language == ENGLISH or language not in languages():
        return {}, {}
    sentences = tomllib.loads(resources.files("spacecoop").joinpath(f"languages/{language}.toml").read_text("utf-8"))
    return sentences, sentences.pop("texts")


def load() -> None:
    """Read what every language has, for those who cannot open a file later."""
    for language in languages():
        _read(language)


def catalogue(language: str) -> Mapping[str, str]:
    """Return the sentences of a language by their English; empty for a language that has none."""
    return _read(language)[0]


class Words(Mapping[str, str]):
    """A text in every language, looked up when it is read, with a value for each ``{}``.

    >>> Words("at most {} definitions", 100_000)["en"], Words("at most {} definitions", 100_000)["fr"]
    ('at most 100,000 definitions', '100 000 définitions au plus')
    """

    def __init__(self, english: str, *values: object) -> None:
        self._english = english
        self._values = values

    def __getitem__(self, language: str) -> str:
        if language not in languages():
            raise KeyError(language)
        return self.text(language)

    def __iter__(self) -> Iterator[str]:
        return iter(languages())

    def __len__(self) -> int:
        return len(languages())

    def text(self, language: str) -> str:
        """Return the text in a language; in English where it has no other."""
        sentences, texts = _read(language)
        sentence = texts.get(self._english) or sentences.get(self._english) or self._english
        return fill(sentence, [_show(value, language) for value in self._values]) if self._values else sentence


def _show(value: object, language: str) -> str:
    """Return a value as a language writes it: a number in groups of three, a text for each language in that one."""
    if isinstance(value, int):
        return f"{value:,}" if language == ENGLISH else f"{value:,}".replace(",", " ")
    if isinstance(value, Words):
        return value.text(language)
    return str(value.get(language) or value[ENGLISH]) if isinstance(value, Mapping) else str(value)


def translate(text: str, language: str) -> str:
    """Return a message in a language; what the catalogue does not have stays as it is.

    >>> translate("nothing is called 'x'; did you mean 'y'?", "fr")
    "rien ne s'appelle 'x' ; vouliez-vous dire 'y' ?"
    """
    if language == ENGLISH or len(text) > LONGEST or not catalogue(language):
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
