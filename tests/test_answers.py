from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from spacecoop.links import answers
from spacecoop.links.wikidata import LABEL, Item

Q = "http://www.wikidata.org/entity/Q"
OLD = Item(f"{Q}1", ((LABEL, Literal('a "name"\n', language="fr")),), frozenset({f"{Q}5"}), "2026-10-01")
NEW = Item(f"{Q}2", (("http://example.org/p", NamedNode(f"{Q}7")),), None, "2026-11-20")
GONE = Item(f"{Q}3", (), frozenset(), "2026-11-20")


def test_answers_are_kept_as_they_came_even_that_an_item_is_not_there(tmp_path: Path) -> None:
    answers.save(tmp_path / "links", "https://example.org/a", "what?", [NEW, OLD, GONE])

    kept = answers.load(tmp_path / "links", "https://example.org/a", "what?")

    assert kept == {one.iri: one for one in (OLD, NEW, GONE)}
    assert [path.suffix for path in (tmp_path / "links").iterdir()] == [".json"]


@pytest.mark.parametrize(
    ("endpoint", "questions"), [("https://example.org/b", "what?"), ("https://example.org/a", "who?")]
)
def test_another_endpoint_or_question_has_no_answers_and_loses_none(
    tmp_path: Path, endpoint: str, questions: str
) -> None:
    answers.save(tmp_path, "https://example.org/a", "what?", [OLD])

    assert answers.load(tmp_path, endpoint, questions) == {}
    answers.save(tmp_path, endpoint, questions, [NEW])
    assert list(answers.load(tmp_path, "https://example.org/a", "what?")) == [OLD.iri]


def test_what_is_too_old_is_asked_for_again() -> None:
    kept = {one.iri: one for one in (OLD, NEW)}

    assert list(answers.fresh(kept, "2026-11-23", 3)) == [NEW.iri]
    assert list(answers.fresh(kept, "2026-11-23", 2)) == []
    assert list(answers.fresh(kept, "2026-11-23", 90)) == [OLD.iri, NEW.iri]


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"items": {"x": {}}}', '{"items": {"x": {"facts": "<", "classes": null}}}']
)
def test_a_damaged_file_is_asked_for_again(tmp_path: Path, damage: str) -> None:
    answers.save(tmp_path, "https://example.org/a", "what?", [OLD])
    next(tmp_path.iterdir()).write_text(damage, "utf-8")

    assert answers.load(tmp_path, "https://example.org/a", "what?") == {}
