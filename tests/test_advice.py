"""What helps with a curator's common mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacecoop import findings, publish, workspace

SAMPLE = "articles/example.yaml"


def judged(folder: Path, old: str, new: str) -> list[findings.Finding]:
    """Replace something in the example article, and return what is said of it."""
    path = folder / SAMPLE
    source = path.read_text("utf-8")
    assert old in source
    path.write_text(source.replace(old, new, 1), "utf-8")
    return list(publish.validate(workspace.read(folder), cached=False))


@pytest.mark.parametrize(
    ("old", "new", "names", "meaning"),
    [
        ("modality: agreed", "modality: signed", {"planned", "done", "agreed"}, "settled between the parties"),
        ("role: lead", "role: zzz", {"partner", "lead"}, "partner (A role"),
    ],
)
def test_a_name_that_a_scheme_does_not_have_is_answered_with_what_it_has(
    old: str, new: str, names: set[str], meaning: str, small: Path
) -> None:
    (found,) = judged(small, old, new)

    assert found.rule == "unknown-name"
    assert all(f"{name} (" in found.help[language] for name in names for language in ("en", "fr"))
    assert meaning in found.help["en"]


def test_a_prefix_makes_no_two_names_alike() -> None:
    assert findings.suggest("this:nobody", ["this:funding", "this:launch"]) is None
    assert findings.suggest("this:lunch", ["this:funding", "this:launch"]) == "this:launch"


@pytest.mark.parametrize(
    ("name", "names", "near"),
    [
        ("moon-base", ["common-cause", "lunar-exploration"], None),  # half alike by chance
        ("sample-land", ["samplia", "examplia"], "samplia"),
        ("zhina", ["china", "india"], "china"),
    ],
)
def test_what_is_only_half_alike_and_begins_otherwise_is_no_suggestion(
    name: str, names: list[str], near: str | None
) -> None:
    assert findings.suggest(name, names) == near


@pytest.mark.parametrize("value", ["2029", "true"])
def test_a_number_where_a_text_is_wanted_needs_quotes(value: str, small: Path) -> None:
    found = judged(small, 'stated: "2029"', f"stated: {value}")

    assert [(one.rule, one.help["en"]) for one in found] == [("bare-number", f'put it in quotes: "{value}"')]


@pytest.mark.parametrize("rest", ["in 2029", "France"])
def test_a_comma_that_ends_a_text_is_told(rest: str, small: Path) -> None:
    found = judged(small, "{en: Launch of ExampleSat, fr:", f"{{en: Launch of ExampleSat, {rest}, fr:")

    assert [(one.rule, one.place.line) for one in found] == [("comma-in-text", 40)]
    assert f"…, {rest}" in found[0].help["fr"]


def test_a_text_that_is_missing_under_its_language_is_no_comma(small: Path) -> None:
    found = judged(small, "{en: Launch of ExampleSat, fr:", "{en: Launch of ExampleSat, de: , fr:")

    assert {one.rule for one in found} == {"empty-value"}


def test_a_missing_text_is_told_once_for_a_file(small: Path) -> None:
    source = (small / SAMPLE).read_text("utf-8")
    (line,) = (line for line in source.splitlines(keepends=True) if line.startswith("text:"))

    found = judged(small, line, "")

    assert [one.rule for one in found] == ["Article-text"]
    assert "spacecoop anchor" in found[0].message["en"]
    assert "spacecoop anchor" in found[0].message["fr"]
