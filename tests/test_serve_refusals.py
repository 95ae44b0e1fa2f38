"""A refusal is said in the reader's language, and what a reader sends costs no time to be said."""

from __future__ import annotations

import time

import pytest

from spacecoop.server.refusals import Refused, choose_language
from test_serve import ask, birds_site, port, query

__all__ = ["birds_site", "port"]
NOWHERE = "/sparql?query=ASK%7B%7D&default-graph-uri=urn:x"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("FR-CA, en;q=0.9", "fr"),
        ("en;q=0.3, fr;q=0.8", "fr"),
        ("fr;q=0", "en"),
        ("de, *", "en"),
        ("en;q=0, *;q=0.1", "fr"),
        ("en, fr", "en"),
        ("fr;q=nonsense", "en"),
        (", ,;;=\xff" * 9_000, "en"),
    ],
)
def test_the_language_that_is_wanted_most_is_chosen(accept: str | None, language: str) -> None:
    assert choose_language(accept) == language


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        (NOWHERE, 400, "il n'y a pas de graphe <urn:x>"),
        ("/sparql?query=SELECT", 400, "ceci n'est pas du SPARQL 1.1 Query : error at 1:7"),
        ("/sparql?query=ASK%7B%7D&format=zip", 406, "pas de format 'zip' (il y a : json, xml"),
        ("/nowhere", 404, "Introuvable : il n'y a pas un tel document ici"),
        ("/query/flocks?nope=1", 400, "prend"),
    ],
)
def test_a_refusal_is_in_the_language_of_its_reader(port: int, target: str, status: int, words: str) -> None:
    answered, headers, body = ask(port, target, **{"Accept-Language": "fr-FR, en;q=0.5"})

    assert (answered, headers["content-language"]) == (status, "fr")
    assert "Accept-Language" in headers["vary"]
    assert words in body.decode()


def test_others_get_english(port: int) -> None:
    status, headers, body = ask(port, NOWHERE, **{"Accept-Language": "zh"})

    assert (status, headers["content-language"], body) == (400, "en", b"there is no graph <urn:x>\n")
    assert "content-language" not in query(port, "ASK {}")[1]


@pytest.mark.parametrize("unit", [": ", "; ", "a: b; c, ", "{}", "did you mean 'y'? "])
def test_what_a_reader_sends_costs_no_time(unit: str) -> None:
    begun = time.process_time()

    for refused in (Refused(400, unit * 9_000), Refused(400, (unit * 300)[:300]), Refused(400, "no {}", unit * 9_000)):
        assert unit in refused.tell("fr")

    assert time.process_time() - begun < 1
