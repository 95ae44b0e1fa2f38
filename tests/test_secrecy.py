"""What another side gives back of our secrets is not told, in whatever spelling it comes."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from spacecoop.secrecy import hide

SECRETS = ["s3cret-pass", 'a "b" <c>&', "caf\u00e9 \u4e2d\u56fd", "0123456789abcdef"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", "x", "me:", "user:", "\u00e9:"])
def test_a_secret_is_hidden_in_base64_wherever_it_stands(secret: str, before: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        said = encode(f"{before}{secret} and more".encode()).decode()
        told = hide(f"you sent {said}", secret)
        assert "***" in told
        core = encode(secret.encode()).decode()[:8]
        assert core not in told


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_in_other_spellings(secret: str) -> None:
    data = secret.encode()
    spellings = [secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret)]
    spellings += [data.hex(), data.hex().upper(), data.decode("latin-1")]
    for spelling in spellings:
        assert hide(f"you sent {spelling}!", secret) == "you sent ***!"


def test_what_is_no_secret_stays() -> None:
    assert hide("nothing of it", "", "s3cret") == "nothing of it"
