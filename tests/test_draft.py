"""From a text to a draft that a person can finish: what is proposed, what is refused, what is owed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spacecoop.cli import main

REPOSITORY = Path(__file__).parent.parent
TEXT = """L'agence européenne n'était pas là. Jeudi, M. Jean-Yves Le Gall, président du CNES, et Zhang Kejian, de la \
CNSA, ont signé à Pékin un accord sur un instrument lunaire. Les deux agences construiront ensemble la mission \
Chang'e-6 en 2031. Il faisait beau.
"""
SAY = ["--url", "https://news.example.org/accord", "--language", "fr", "--published", "2026-01-15"]


@pytest.fixture
def desk(frozen: Path, tmp_path: Path) -> Path:
    """The frozen workspace with the rules of drafting, to write in."""
    folder = Path(shutil.copytree(frozen, tmp_path / "desk", ignore=shutil.ignore_patterns("out", ".cache")))
    shutil.copytree(REPOSITORY / "drafting", folder / "drafting", ignore=shutil.ignore_patterns("proposed"))
    (folder / "texts").mkdir()
    return folder


def draft(desk: Path, text: str, *more: str, name: str = "accord") -> tuple[int, str]:
    """Draft from a text; return the exit code and the draft, empty where none was written."""
    (desk / "texts" / f"{name}.txt").write_text(text, "utf-8")
    code = main(
        ["-C", str(desk), "--lang", "en", "draft", f"texts/{name}.txt", *(more or (*SAY, "--publisher", "numerama"))]
    )
    written = desk / "articles" / f"{name}.yaml"
    return code, written.read_text("utf-8") if written.exists() else ""


def finished(source: str) -> str:
    """Return a draft as a person leaves it: its empty fields filled, its first line deleted."""
    said = iter(range(1, 100))

    def own_words(found: re.Match[str]) -> str:
        number = next(said)
        return f"{found[1]}: {{en: In own words {number}, fr: En propres mots {number}}}"

    source = re.sub(r"(gloss|label): \{en: , fr: \}", own_words, source)
    source = source.replace("created: ,", "created: 2026-01-16T09:00:00Z,")
    return re.sub(r"^draft: .*\n", "", source, flags=re.MULTILINE)


def test_a_draft_has_claims_in_reading_order_with_quotes_parties_and_times(desk: Path) -> None:
    code, source = draft(desk, TEXT)

    assert code == 0
    assert source.count("quote:") == 2
    assert source.index("ont signé") < source.index("Les deux agences construiront")
    assert 'time: {resolved: "2026-01-15"}' in source
    assert 'time: {resolved: "2031"}' in source
    assert source.count("party: cnes") == source.count("party: cnsa") == 2
    assert "concerns: [change-6]" in source


def test_a_draft_lists_what_is_owed_and_is_not_built(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft(desk, TEXT)
    capsys.readouterr()

    assert main(["-C", str(desk), "--lang", "en", "validate", "articles/accord.yaml"]) == 1
    told = capsys.readouterr().out.splitlines()
    rules = {line.rpartition("[")[2].rstrip("]") for line in told if "accord.yaml:" in line}
    assert rules == {"draft-left", "empty-value", "quote-left"}

    assert main(["-C", str(desk), "build"]) == 1


def test_a_draft_with_its_empty_fields_filled_and_anchored_validates(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, source = draft(desk, TEXT)
    path = desk / "articles" / "accord.yaml"
    path.write_text(finished(source), "utf-8")

    assert main(["-C", str(desk), "anchor", "articles/accord.yaml", "--text", "texts/accord.txt"]) == 0
    capsys.readouterr()
    assert main(["-C", str(desk), "--lang", "en", "validate", "articles/accord.yaml"]) == 0, capsys.readouterr().out
    assert main(["-C", str(desk), "anchor", "--check", "--texts", "texts", "articles/accord.yaml"]) == 0
    assert "ont signé" not in path.read_text("utf-8")


def test_a_file_that_is_there_is_left_as_it_is(desk: Path) -> None:
    (desk / "articles" / "accord.yaml").write_text("mine: true\n")

    assert draft(desk, TEXT) == (1, "mine: true\n")


def test_what_entities_lack_is_proposed_in_a_file_beside(desk: Path) -> None:
    draft(desk, "La France et l'Algérie ont signé un accord spatial. Karim Ouali l'a lu.")

    proposed = (desk / "drafting" / "proposed" / "accord.yaml").read_text("utf-8")
    assert "id: algeria" in proposed
    assert "Karim Ouali" in proposed
    assert "france" not in proposed


def test_a_text_without_cooperation_gives_what_is_known_of_the_article_and_says_so(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, source = draft(desk, "Il a plu toute la journée sur la ville, et les gens sont restés chez eux.")

    assert code == 0
    assert "claims:" not in source
    assert "published: 2026-01-15" in source
    assert "draft-nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "draft-empty"),
        ("\n  …\n", "draft-empty"),
        ("<html><body><p>La France et la Chine</p></body></html>", "draft-markup"),
        ("La Lune. " * 60_000, "draft-long"),
        ("La Lune. " * 1_200_000, "yaml-size"),
    ],
)
def test_what_is_no_article_is_refused(desk: Path, text: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert draft(desk, text) == (1, "")
    assert f"[{rule}]" in capsys.readouterr().err


def test_a_language_that_the_text_is_not_in_is_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = draft(desk, TEXT, "--language", "en")

    assert code == 0
    assert "--language fr" in capsys.readouterr().err


def test_a_language_without_rules_is_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draft(desk, TEXT, "--language", "de") == (1, "")
    assert "drafting/de.toml" in capsys.readouterr().err


def test_a_text_that_has_a_fact_file_is_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft(desk, TEXT)

    assert draft(desk, TEXT, name="again") == (1, "")
    assert "articles/accord.yaml is of this text already" in capsys.readouterr().err


def test_wrong_accents_width_and_dashes_hide_no_name(desk: Path) -> None:
    _, source = draft(desk, "La ＣＮＳＡ et le CNES ont signe un accord sur Chang’e‑6, selon des sources a Pekin.")

    assert "party: cnsa" in source
    assert "party: cnes" in source
    assert "concerns: [change-6]" in source


def test_a_chinese_text_has_its_sentences_names_and_dates(desk: Path) -> None:
    text = "中国国家航天局6月8日与法国国家空间研究中心签署备忘录。今天天气很好。"
    _, source = draft(desk, text, "--language", "zh", "--published", "2023-06-13", "--publisher", "numerama")

    assert 'quote: "中国国家航天局6月8日与法国国家空间研究中心签署备忘录。"' in source
    assert 'resolved: "2023-06-08"' in source
    assert "party: cnes" in source
    assert "天气" not in source


def test_the_same_text_gives_the_same_draft_under_any_hash_seed(desk: Path) -> None:
    (desk / "texts" / "accord.txt").write_text(TEXT, "utf-8")
    seen = set()
    for seed in ("1", "2", "3"):
        command = [sys.executable, "-m", "spacecoop", "-C", str(desk), "draft", "texts/accord.txt", *SAY]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY / "src")},
        )
        path = desk / "articles" / "accord.yaml"
        seen.add(path.read_bytes())
        path.unlink()
        (desk / "drafting" / "proposed" / "accord.yaml").unlink(missing_ok=True)
    assert len(seen) == 1
