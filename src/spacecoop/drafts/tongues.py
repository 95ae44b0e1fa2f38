"""Words in, how much of them is of a language out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spacecoop.drafts.folding import fold
from spacecoop.drafts.rules import Rules, Sample

_LEAST = 0.1
_SURELY = 2.0
"""So many times the share of the language that was named makes another one likely."""


def share(words: str, sample: Sample) -> float:
    """Return how much of a text is common words of a language, from 0 to 1."""
    text = fold(words).text
    units = re.findall(r"\w+", text) if sample.spaced else re.findall(r"[^\W\d_a-z]", text)
    letters = sum(map(str.isalpha, text)) or 1
    weight = 1.0 if sample.spaced else len(units) / letters
    met = [unit for unit in units if unit in sample.common]
    return weight * len(met) / max(1, len(units)) if len(met) > 1 else 0.0  # "a" alone is a word of many languages


_SENTENCE = 30
"""A sentence with fewer characters tells no language."""


def recognise(words: str, language: str, rules: Rules) -> str:
    """Return the language of words: the one that is named, where no other is much likelier."""
    shares: Mapping[str, float] = {code: share(words, one) for code, one in rules.samples.items()}
    best = max(shares, key=lambda code: (shares[code], code), default=language)
    sure = best in shares and shares[best] > max(_LEAST, _SURELY * shares.get(language, 0))
    return best if sure else language


def tongue(sentence: str, language: str, rules: Rules) -> str:
    """Return the language of a sentence of a text in *language*."""
    wide = sum(2 if ord(one) > 0x2E7F else 1 for one in sentence)
    return recognise(sentence, language, rules) if wide >= _SENTENCE else language
