"""A text in JSON in, its value out; whatever is wrong with it is one error, what is nested too deep included."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """Return the value of a text in JSON (RFC 8259); raises ValueError for what is none, or too deep to read.

    Python's own reader ends with a RecursionError there, which those who expect bad input would not expect.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
