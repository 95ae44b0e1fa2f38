"""A text and rules in, what stands against drafting from it out: too long, empty, markup, another language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spacecoop.drafts.rules import Rules
from spacecoop.drafts.tongues import recognise
from spacecoop.findings import Finding, Place, finding

LONGEST = 200_000
"""In code points. A longer text is no article."""
_MARKUP = re.compile(
    r"<!doctype|</?(?:html|head|body|div|span|article|section|script|p|br|table|a|b|i|em|strong|img|ul|li|h[1-6])\b[^<>]*>"
    r"|&(?:nbsp|amp|lt|gt|quot|[lr]aquo|[lr][sd]quo|hellip|[mn]dash|[a-z](?:acute|grave|circ|uml|cedil)|#\d+|#x[0-9a-f]+);",
    re.IGNORECASE,
)
_SAMPLE = 20_000


_FEW = 3
"""So many keys of a fact file at the beginnings of lines: the text is one."""


def judge(words: str, language: str, rules: Rules, file: str, keys: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Yield what is wrong with a text; a violation where nothing can be drafted.

    *keys* are those that a draft has at the beginnings of lines, by which one is known.
    """
    if not re.search(r"\w", words):
        yield finding("draft-empty", Place(file))
        return
    if len(words) > LONGEST:
        yield finding("draft-long", Place(file), size=len(words), limit=LONGEST)
        return
    if len(keys & {*re.findall(r"""^["']?([\w-]+)["']?:(?=\s)""", words, re.MULTILINE)}) >= _FEW:
        yield finding("draft-fact-file", Place(file))
        return
    markup = _MARKUP.search(words)
    if markup is not None:
        line = words.count("\n", 0, markup.start()) + 1
        yield finding("draft-markup", Place(file, line, markup.start() - words.rfind("\n", 0, markup.start())))
    if language not in rules.languages:
        there = ", ".join(sorted(rules.languages))
        yield finding("draft-no-rules", Place(file), language=language, there=there)
        return
    likely = recognise(words[:_SAMPLE], language, rules)
    if likely != language:
        yield finding("draft-language", Place(file), likely, language=language)
