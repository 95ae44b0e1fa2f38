"""What a page shows as text: an IRI or a text with its language, bounded and without characters that mislead."""

from __future__ import annotations

import re
from dataclasses import dataclass

LABEL, TEXT = 300, 4000
"""Characters that are shown of a label, and of any other text."""
_CONTROLS = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What no page shows: control characters, and those that turn the direction of the text around them."""


@dataclass(frozen=True, order=True, slots=True)
class Value:
    """An IRI, or a text with its language; templates write it as it is, escaped."""

    text: str
    language: str = ""
    is_iri: bool = False

    def __str__(self) -> str:
        return self.text


def bound(value: str, most: int) -> str:
    r"""Return a text without control characters, and with an ellipsis where it is too long.

    >>> bound("ab\u202ecd", 3)
    'abc…'
    """
    clean = _CONTROLS.sub("", value)
    return clean if len(clean) <= most else f"{clean[:most]}…"
