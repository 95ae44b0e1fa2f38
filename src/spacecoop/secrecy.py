"""A text of another side in, the same without our secrets, in whatever spelling it gives them back, out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from html import escape
from urllib.parse import quote, quote_plus


def hide(text: str, *secrets: str) -> str:
    """Return a text without the secrets, be they plain, escaped, in hexadecimals or in base64.

    >>> hide("I was told Basic bWU6czNjcmV0 for s3cret", "s3cret")
    'I was told Basic bWU6*** for ***'
    """
    spellings = {spelling for secret in secrets if secret for spelling in _spell(secret)}
    for spelling in sorted(spellings, key=lambda one: (-len(one), one)):
        text = text.replace(spelling, "***")
    return text


def _spell(secret: str) -> Iterator[str]:
    """Yield how a secret is written: in a text, in an address, in JSON and HTML, in bytes read otherwise."""
    data = secret.encode("utf-8", "surrogateescape")
    for plain in {secret, data.decode("latin-1"), data.decode("utf-8", "replace")}:
        yield plain
        yield json.dumps(plain)[1:-1]
        yield from (escape(plain), escape(plain, quote=False))
    yield from (quote(data, safe=""), quote_plus(data))
    if len(data) > 1:
        yield from (data.hex(), data.hex().upper())
    yield from _encode(data)


def _encode(data: bytes) -> Iterator[str]:
    """Yield what base64 makes of a secret, wherever it stands in what is encoded."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from (encode(data).decode(), encode(data).decode().rstrip("="))
        for before, skipped in enumerate((0, 2, 3)):
            whole = encode(bytes(before) + data).decode().rstrip("=")
            core = whole[skipped : len(whole) - ((before + len(data)) % 3 != 0)]
            if len(core) >= 4:
                yield core
                yield from (whole[skipped:] + padding for padding in ("==", "=", ""))  # where nothing follows it
