"""Why a request is not answered, and which languages its reader knows, in; the reason in one of them out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spacecoop import messages

LONGEST = 300
"""Characters of a reason from elsewhere that is looked up, with FEW colons: what people send is in it, as they like."""
FEW = 4


class Refused(Exception):
    """A request is not answered; *status* is that of HTTP (RFC 9110, section 15).

    *reason* is a sentence of the catalogue, with ``{}`` for each of the values, or a text from elsewhere without any.
    """

    def __init__(self, status: int, reason: str, *values: object) -> None:
        self.status = status
        self.reason = reason
        self.values = tuple(map(str, values))
        super().__init__(messages.fill(reason, self.values) if values else reason)

    def tell(self, language: str) -> str:
        """Return the reason in a language; in English where it has no other."""
        text = str(self)
        if language == messages.ENGLISH:
            return text
        sentence = messages.catalogue(language).get(self.reason)
        if sentence is not None and self.reason.count("{}") == len(self.values):
            return messages.fill(sentence, self.values)
        if len(text) <= LONGEST and text.count(":") <= FEW:
            return messages.translate(text, language)
        return text


def choose_language(accept_language: str | None) -> str:
    """Return the language that is wanted most of those that there are (RFC 9110, section 12.5.4).

    >>> choose_language("de, fr-CA;q=0.8, en;q=0.5")
    'fr'
    """
    wanted: Mapping[str, float] = {}
    for part in (accept_language or "")[:LONGEST].lower().split(","):
        if found := re.fullmatch(
            r"\s*(\*|[a-z]{1,8})(?:-[a-z0-9-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", part
        ):
            wanted = {found[1]: float(found[2] or 1), **wanted}
    rest = wanted.get("*", 0)
    return max(messages.languages(), key=lambda language: wanted.get(language, rest))
