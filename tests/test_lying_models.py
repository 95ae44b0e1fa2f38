"""What a model could smuggle into a draft past the words of the text, and how each is met."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from spacecoop.drafts import models, names, proposals, rules
from spacecoop.drafts.models import Answer, Ground, Model

RULES = rules.read(Path(__file__).parent.parent / "drafting")
NAMES = names.gather([], RULES.known)
TEXT = (
    "Le CNES et la CNSA ont signé un accord. Les deux agences lanceront une sonde en 2031. "
    "Le Japon n'a pas signé d'accord avec la Russie. Cette année, il a plu. "
    "Le CNES et la JAXA veulent participer à MMX. Le DLR a aussi un instrument."
)
CLAIM = {"quote": "ont signé un accord", "parties": ["cnes", "cnsa"], "things": [], "modality": "done"}
CHOICES = {
    "modality": ("done", "planned", "wished", "announced"),
    "negated": ("true",),
    "type": ("Agreement", "Cooperation"),
}


def propose(*claims: dict[str, Any]) -> Answer:
    """Hold what a model says of the text against it."""
    reading = proposals.read(TEXT, "fr", RULES, NAMES, date(2026, 1, 15))
    types = {name: thing.types for name, thing in NAMES.things.items()}
    ground = Ground(
        TEXT,
        reading,
        types,
        RULES.parties,
        RULES.things,
        CHOICES,
        RULES.values,
        lambda sentence: proposals.values(sentence, RULES),
    )
    said = json.dumps({"choices": [{"message": {"content": json.dumps({"claims": claims})}}]}).encode()
    return models.propose(Model("http://127.0.0.1", "liar"), "", "fence", ground, "text", lambda *_: said)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"quote": TEXT}, "too-long"),
        ({"parties": ["cnes", "dlr"]}, "named-later"),
        ({"things": ["cnes"]}, "no-thing"),
        ({"things": ["mmx"]}, "named-later"),
        ({"parties": ["cnes", "esa"]}, "not-named"),
        ({"quote": "ont signé un accord secret"}, "not-in-text"),
    ],
)
def test_a_true_quote_bears_out_no_more_than_it_says(lie: dict[str, Any], reason: str) -> None:
    made = propose({**CLAIM, **lie})

    assert made.candidates == ()
    assert [found.message["en"].rpartition(": ")[2] for found in made.findings] == [reason]


def test_the_same_claim_again_is_dropped() -> None:
    assert len(propose(CLAIM, CLAIM, CLAIM).candidates) == 1


@pytest.mark.parametrize(
    ("lie", "doubt"),
    [
        ({"quote": "lanceront une sonde", "modality": "done"}, "the rules read modality planned here"),
        ({"quote": "n'a pas signé", "parties": ["japan", "russia"]}, "the rules read negated true here"),
        ({"quote": "il a plu"}, "the rules find no claim here"),
        ({"quote": "lanceront une sonde", "modality": "planned"}, "cnsa is not named in this sentence"),
    ],
)
def test_what_the_rules_read_otherwise_is_said_beside_the_claim(lie: dict[str, Any], doubt: str) -> None:
    (one,) = propose({**CLAIM, **lie}).candidates

    assert f"DOUBT: {doubt}" in one.reasons


def test_an_honest_claim_has_no_doubts() -> None:
    (one,) = propose(CLAIM).candidates

    assert one.reasons == ("a model said so",)
