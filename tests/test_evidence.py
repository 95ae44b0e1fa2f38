from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

from conftest import REPOSITORY, Run
from spacecoop import documents
from spacecoop.facts import quotes, texts
from spacecoop.facts.quotes import Anchored
from spacecoop.facts.texts import Text
from spacecoop.sentences import split

WORDS = "Il pleut. M. Ji est là ! « Très bien » dit-il.\nÀ bientôt.\n"
FIELDS = ["sentence: %(sentence)s", "at: {start: %(start)s, end: %(end)s}", "sha256: %(sha256)s"]


TEXT_FIELDS = ["id: this:text", "sha256: %(sha256)s", "normalForm: NFC", "codePoints: %(codePoints)s"]
FORM = quotes.Form("evidence", FIELDS, "text", TEXT_FIELDS, "language")
OLD = "Old words that nobody has any more."


def text(words: str = WORDS, language: str = "fr") -> Text:
    return Text(words, digest(words), language)


def digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def anchored(source: str, words: str = WORDS) -> Anchored:
    return quotes.anchor(source, documents.read(source.encode(), "a.yaml"), text(words), FORM)


def rules(done: Anchored) -> list[str]:
    return [found.rule for found in done.findings]


def test_a_title_before_a_name_and_a_quotation_do_not_end_a_sentence() -> None:
    found = [text().find(quote)[0].sentence for quote in ("Il pleut.", "M. Ji", "« Très", "À bientôt.")]

    assert found == [1, 2, 3, 4]


def test_a_quote_becomes_its_place_and_digest_and_nothing_else_changes() -> None:
    source = "# kept\nclaims:\n  - id: this:a\n    quote: 'M. Ji est là !'   # kept too\n    modality: done\n"

    done = anchored(source)

    expected = f"evidence: [{{sentence: 2, at: {{start: 10, end: 24}}, sha256: {digest('M. Ji est là !')}}}]"
    block = f"text: {{id: this:text, sha256: {digest(WORDS)}, normalForm: NFC, codePoints: {len(WORDS)}}}\n"
    assert done.source == source.replace("quote: 'M. Ji est là !'", expected).replace("claims:", f"{block}claims:")
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

    read = texts.read(path)

    assert read.words == "éa\nbc"
    assert read.find("bc")[0].start == 3


def test_a_passage_that_has_moved_is_found_again_by_its_digest() -> None:
    found = [
        text(words).find_digest(10, digest("À bientôt.")) for words in ("Bon. À bientôt.", "Bon, À bientôt.", "Adieu.")
    ]

    assert [one and (one.start, one.end) for one in found] == [(5, 15), (5, 15), None]


@pytest.mark.parametrize(
    ("language", "words", "count"),
    [
        ("zh", "第一句。第二句。", 2),
        ("zh", "他走了。（第二句。）第三句！", 3),
        ("he", "זה משפט אחד. (זה משפט שני.) זה שלישי.", 3),
        ("en", "Dr. Smith of the U.S. Air Force met J.-Y. Le Gall on Jan. 5. He left. (It was late.) So it ends.", 4),
        ("fr", "Selon M. Ji et Mme. Wu, c'est fait. Le Dr. A. Li y était.\n\nUn titre sans point\nFin.", 4),
    ],
)
def test_sentences_end_by_the_customs_of_the_language(language: str, words: str, count: int) -> None:
    assert len(text(words, language).sentences) == count


@pytest.mark.parametrize(
    ("language", "words", "told"),
    [
        ("fr", "Il l'a dit lundi. « Au-delà du succ", "« Au-delà du succ"),
        ("en", "He said so on Monday. “Beyond the succ", "“Beyond the succ"),
        ("en", 'He said so. "Beyond it. And th', '"Beyond it.'),
        ("en", "He said so. (Beyond the succ", "(Beyond the succ"),
        ("zh", "他说了。“很好", "“很好"),
    ],
)
def test_a_quotation_that_the_text_does_not_close_begins_its_own_sentence(language: str, words: str, told: str) -> None:
    found = split(words, language)

    assert [words[begin:end] for begin, end in found][1] == told


def test_a_mark_that_ends_a_line_stays_with_its_sentence() -> None:
    assert split("Il l'a dit. «", "fr") == ((0, 13),)


@pytest.mark.parametrize(
    ("quote", "start"), [('"Très bien"\u00a0dit - il.', 25), ("A\u0300  bientôt .", 47), ("M.Ji est là!", 10)]
)
def test_a_quote_with_other_marks_is_found_and_told(quote: str, start: int) -> None:
    done = anchored(yaml.safe_dump({"claims": [{"id": "this:a", "quote": quote}]}, allow_unicode=True))

    assert rules(done) == ["quote-alike"]
    assert yaml.safe_load(done.source)["claims"][0]["evidence"][0]["at"]["start"] == start


@pytest.mark.parametrize(
    "claim",
    [
        "  - quote: Oui.\n    nth: 2\n    id: this:a\n",
        "  - nth: 2\n    quote: Oui.\n    id: this:a\n",
        "  - id: this:a\n    nth: 2\n    quote: Oui.\n",
        "  - {id: this:a, nth: 2, quote: Oui.}\n",
        "  - {nth: 2, quote: Oui., id: this:a}\n",
        "  - id: this:a\n    evidence:\n      - quote: Oui.\n        nth: 2\n",
        "  - id: this:a\n    evidence: [{quote: Oui., nth: 2}]\n",
    ],
)
def test_a_quote_that_stands_twice_may_say_which(claim: str) -> None:
    done = anchored(f"claims:\n{claim}", "Oui. Non. Oui.")

    written = yaml.safe_load(done.source)["claims"][0]
    assert written["id"] == "this:a"
    assert "nth" not in done.source
    assert written["evidence"] == [{"sentence": 3, "at": {"start": 10, "end": 14}, "sha256": digest("Oui.")}]


def test_an_occurrence_that_is_not_there_is_told() -> None:
    assert rules(anchored("claims:\n  - {quote: Oui., nth: 3}\n", "Oui. Non. Oui.")) == ["quote-nth"]


@pytest.mark.parametrize(
    "claim",
    [
        "  - quote: [Il pleut., À bientôt.]\n    id: this:a\n",
        "  - quote:\n      - Il pleut.\n      - À bientôt.\n    id: this:a\n",
        "  - id: this:a\n    evidence: [{quote: [Il pleut., À bientôt.]}]\n",
        "  - id: this:a\n    evidence:\n      - quote: [Il pleut., À bientôt.]\n",
    ],
)
def test_two_passages_make_two_anchors(claim: str) -> None:
    written = yaml.safe_load(anchored(f"claims:\n{claim}").source)["claims"][0]

    assert written["id"] == "this:a"
    assert [one["sha256"] for one in written["evidence"]] == [digest("Il pleut."), digest("À bientôt.")]


def test_the_nearest_sentence_is_shown_for_a_quote_that_is_missing() -> None:
    found = anchored("claims:\n  - quote: Ji est ici !\n").findings

    assert "M. Ji est là !" in found[0].help["en"]
    assert "M. Ji est là !" in found[0].help["fr"]


def test_a_part_of_a_sentence_is_told_and_anchored() -> None:
    done = anchored("claims:\n  - quote: Très bien\n")

    assert (rules(done), done.replaced) == (["quote-part"], 1)


def test_a_changed_text_renews_its_description_and_moves_the_anchors() -> None:
    first = anchored("language: fr\nclaims:\n  - quote: À bientôt.\n").source

    done = anchored(first, f"Un titre\n{WORDS}")

    now = yaml.safe_load(done.source)
    assert now["text"]["sha256"] == digest(f"Un titre\n{WORDS}")
    assert now["text"]["codePoints"] == len(WORDS) + 9
    assert now["claims"][0]["evidence"][0]["at"] == {"start": 56, "end": 66}
    assert now["claims"][0]["evidence"][0]["sentence"] == 5


def test_an_anchor_whose_passage_is_gone_leaves_the_file_as_it_was() -> None:
    first = anchored("claims:\n  - quote: À bientôt.\n").source

    done = anchored(first, OLD)

    assert (rules(done), done.source) == (["anchor-differs"], first)


def test_a_sentence_of_the_article_in_the_fact_file_is_told() -> None:
    words = "Two states have agreed to build a satellite. It is small."

    assert rules(anchored(f"gloss: {{en: {words[:43]}}}\n", words)) == ["copied-sentence"]
    assert rules(anchored("gloss: {en: It is small.}\n", words)) == []


SAMPLE = "articles/example.yaml"


def put(folder: Path, old: str, new: str) -> None:
    path = folder / SAMPLE
    source = path.read_text("utf-8")
    assert old in source
    path.write_text(source.replace(old, new, 1), "utf-8")


def change(folder: Path, before: str = "", after: str = "") -> None:
    path = folder / "texts" / "example.txt"
    path.write_text(before + path.read_text("utf-8") + after, "utf-8")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [("", "word", ["text-differs"]), ("A headline\n", "", ["text-differs", "anchor-moved", "anchor-moved"])],
)
def test_the_check_tells_a_changed_text_and_looks_its_passages_up(
    before: str, after: str, told: list[str], small: Path, run: Run
) -> None:
    change(small, before, after)

    done = run("-C", str(small), "anchor", "--check", "--texts", "texts", cwd=small)

    *findings, last = done.stdout.splitlines()
    assert [line.rpartition("[")[2].rstrip("]") for line in findings] == told
    assert last == "2 anchors checked, 0 differ, 0 skipped (their text is not at hand)"
    assert done.returncode == 1


def test_anchoring_a_changed_text_makes_the_check_content_again(small: Path, run: Run) -> None:
    change(small, "A headline\n")

    done = run("anchor", SAMPLE, "--text", "texts/example.txt", cwd=small)

    assert done.stdout == f"{SAMPLE}: 0 quotes replaced\n"
    assert run("anchor", "--check", "--texts", "texts", cwd=small).stdout.startswith("2 anchors checked, 0 differ")
    assert run("validate", cwd=small).stdout == "no findings\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ("bd608e9f", "00000000", 1, "text-differs"),
        ("sentence: 2", "sentence: 7", 0, "sentence-number"),
        ("start: 77, end: 156", "start: 78, end: 157", 1, "anchor-differs"),
    ],
)
def test_the_check_tells_what_a_fact_file_has_wrong(
    old: str, new: str, code: int, told: str, small: Path, run: Run
) -> None:
    put(small, old, new)

    done = run("anchor", "--check", "--texts", "texts", cwd=small)

    assert [line.rpartition("[")[2] for line in done.stdout.splitlines()[:-1]] == [f"{told}]"]
    assert done.returncode == code


def test_a_gloss_that_is_the_article_s_sentence_is_told_at_its_place(small: Path, run: Run) -> None:
    sentence = (small / "texts" / "example.txt").read_text("utf-8").splitlines()[0]
    sentence = text(sentence, "en").words[: text(sentence, "en").sentences[0][1]]
    put(small, "Examplia and Samplia have agreed to build a satellite together.", sentence)

    done = run("anchor", "--check", "--texts", "texts", cwd=small)

    assert done.stdout.startswith(f"{SAMPLE}:13:11: violation: these are the article's own words")
    french = run("--lang", "fr", "anchor", "--check", "--texts", "texts", cwd=small)
    assert french.stdout.count("les mots mêmes de l'article") == 1


def test_a_text_that_is_given_for_the_check_is_the_file_s(small: Path, run: Run) -> None:
    (small / "other.txt").write_text("Nothing of it.\n")

    done = run("anchor", "--check", SAMPLE, "--text", "other.txt", cwd=small)

    assert "2 anchors checked, 2 differ" in done.stdout
    assert run("anchor", "--check", "--text", "other.txt", cwd=small).returncode == 1


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
