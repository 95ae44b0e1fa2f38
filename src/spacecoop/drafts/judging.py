"""A text and rules in, what stands against drafting from it out: too long, empty, markup, another language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spacecoop.drafts.folding import fold
from spacecoop.drafts.rules import Language, Rules
from spacecoop.findings import Finding, Place, finding

LONGEST = 400_000
"""In code points. A longer text is no article."""
_MARKUP = re.compile(r"<!doctype|</?(?:html|head|body|div|span|article|script|p|br|table)\b[^<>]*>", re.IGNORECASE)
_SAMPLE = 20_000


def judge(words: str, language: str, rules: Rules, file: str) -> Iterator[Finding]:
    """Yield what is wrong with a text; a violation where nothing can be drafted."""
    if not re.search(r"\w", words):
        yield finding("draft-empty", Place(file))
        return
    if len(words) > LONGEST:
        yield finding("draft-long", Place(file), size=len(words), limit=LONGEST)
        return
    markup = _MARKUP.search(words)
    if markup is not None:
        line = words.count("\n", 0, markup.start()) + 1
        yield finding("draft-markup", Place(file, line, markup.start() - words.rfind("\n", 0, markup.start())))
    if language not in rules.languages:
        there = ", ".join(sorted(rules.languages))
        yield finding("draft-no-rules", Place(file), language=language, there=there)
        return
    shares = {code: share(words[:_SAMPLE], one) for code, one in rules.languages.items()}
    best = max(shares, key=lambda code: (shares[code], code))
    if shares[best] > 0.1 and shares[best] > 2 * shares[language]:
        yield finding("draft-language", Place(file), best, language=language)


def share(words: str, language: Language) -> float:
    """Return how much of a text is common words of a language, from 0 to 1."""
    text = fold(words).text
    units = re.findall(r"\w+", text) if language.spaced else re.findall(r"[^\W\d_a-z]", text)
    letters = sum(map(str.isalpha, text)) or 1
    weight = 1.0 if language.spaced else len(units) / letters
    return weight * sum(unit in language.common for unit in units) / max(1, len(units))
