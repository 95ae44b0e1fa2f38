from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

from conftest import REPOSITORY, Run
from spacecoop import documents
from spacecoop.facts import evidence
from spacecoop.facts.evidence import Anchored, Text

WORDS = "Il pleut. M. Ji est là ! « Très bien » dit-il.\nÀ bientôt.\n"
FIELDS = ["sentence: %(sentence)s", "at: {start: %(start)s, end: %(end)s}", "sha256: %(sha256)s"]


def text(words: str = WORDS) -> Text:
    return Text(words, hashlib.sha256(words.encode()).hexdigest())


def anchored(source: str) -> Anchored:
    return evidence.anchored(source, documents.read(source.encode(), "a.yaml"), text(), "evidence", FIELDS)


def test_a_title_before_a_name_and_a_quotation_do_not_end_a_sentence() -> None:
    found = [text().find(quote)[0].sentence for quote in ("Il pleut.", "M. Ji", "« Très", "À bientôt.")]

    assert found == [1, 2, 3, 4]


def test_a_quote_becomes_its_place_and_digest_and_nothing_else_changes() -> None:
    source = "# kept\nclaims:\n  - id: this:a\n    quote: 'M. Ji est là !'   # kept too\n    modality: done\n"

    done = anchored(source)

    digest = hashlib.sha256("M. Ji est là !".encode()).hexdigest()
    expected = f"evidence: [{{sentence: 2, at: {{start: 10, end: 24}}, sha256: {digest}}}]"
    assert done.source == source.replace("quote: 'M. Ji est là !'", expected)
    assert done.replaced == 1


@pytest.mark.parametrize("form", ["evidence: [{quote: Il pleut.}]", "evidence:\n      - quote: Il pleut."])
def test_a_quote_inside_of_evidence_is_filled_in_where_it_stands(form: str) -> None:
    done = anchored(f"claims:\n  - id: this:a\n    {form}\n")

    claim = yaml.safe_load(done.source)["claims"][0]
    assert claim["evidence"][0]["at"] == {"start": 0, "end": 9}


def test_a_quote_over_several_lines_is_found_whatever_its_white_space() -> None:
    done = anchored("claims:\n  - quote: >\n      Très bien »\n      dit-il. À bientôt.\n    id: this:a\n")

    claim = yaml.safe_load(done.source)["claims"][0]
    assert (claim["id"], claim["evidence"][0]["at"]) == ("this:a", {"start": 27, "end": 57})


def test_a_quote_that_the_text_does_not_hold_once_leaves_the_file_as_it_was() -> None:
    source = "- quote: Il neige\n- quote: i\n- quote: Il pleut.\n"

    done = anchored(source)

    assert done.source == source
    assert [str(found).partition(" violation: ")[2].split(";")[0] for found in done.findings] == [
        "the text does not hold this quote",
        "the text holds this quote 5 times",
    ]


def test_positions_are_counted_in_nfc_code_points_with_lf(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("e\u0301a\r\nbc".encode())

    read = evidence.read(path)

    assert read.words == "éa\nbc"
    assert read.find("bc")[0].start == 3


def test_a_passage_that_has_moved_is_found_again_by_its_digest() -> None:
    digest = hashlib.sha256("À bientôt.".encode()).hexdigest()

    assert text("Bon. À bientôt.").find_digest(10, digest) == "5 to 15"
    assert text("Adieu.").find_digest(10, digest) is None


@pytest.mark.skipif(
    "SPACECOOP_TEXTS" not in os.environ, reason="SPACECOOP_TEXTS names no folder with the articles' texts"
)
def test_every_anchor_of_the_articles_whose_text_is_at_hand_is_what_it_gives(run: Run) -> None:
    folder = Path(os.environ["SPACECOOP_TEXTS"])
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.txt")}
    articles = {path: yaml.safe_load(path.read_text("utf-8")) for path in (REPOSITORY / "articles").glob("*.yaml")}
    at_hand = {path: data for path, data in articles.items() if data["text"]["sha256"] in digests}
    anchors = sum(len(claim["evidence"]) for data in at_hand.values() for claim in data["claims"])
    assert anchors, "none of the folder's texts is an article's"

    done = run("anchor", "--check", *map(str, at_hand))

    assert done.stdout == f"{anchors} anchors checked, 0 differ, 0 skipped (their text is not at hand)\n"
