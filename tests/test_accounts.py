"""What an article tells of a shared matter: which joins are refused, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacecoop import findings, publish, workspace

SHARED = """
  - {id: example-launch, type: Milestone, kind: launch, label: {en: A launch, fr: Un lancement}}
  - {id: example-signing, type: Milestone, kind: signing, label: {en: A signing, fr: Une signature}}
"""


def said(small: Path, account: str = "", entity: str = "") -> list[str]:
    """Let the launch of the new workspace's article be an account; return the rules that speak, each with its file."""
    shared = small / "entities" / "example.yaml"
    shared.write_text(
        f"entities:{SHARED}{entity}" if not shared.exists() else shared.read_text("utf-8") + SHARED + entity
    )
    article = small / "articles" / "example.yaml"
    text = article.read_text("utf-8")
    if account:
        assert text.count("    kind: launch\n") == 1
        article.write_text(text.replace("    kind: launch\n", f"    kind: launch\n    accountOf: {account}\n"))
    found = publish.validate(workspace.read(small))
    return [f"{one.place.file}: {one.rule}" for one in found if one.severity is findings.Severity.VIOLATION]


def test_an_account_of_a_shared_matter_is_accepted(small: Path) -> None:
    assert said(small, "example-launch") == []


def test_a_shared_signing_need_not_say_what_is_signed(small: Path) -> None:
    assert said(small) == []


@pytest.mark.parametrize(
    ("account", "rule"),
    [
        ("this:launch", "Matter-accountOf"),  # of itself
        ("this:satellite-cooperation", "Matter-accountOf"),  # of an account
        ("example-sat", "AccountSameClass"),
        ("examplia", "Matter-accountOf"),  # a party is no matter
        ("example-lunch", "unknown-name"),
        ("[example-launch, example-signing]", "Matter-accountOf"),
    ],
)
def test_what_is_no_shared_matter_of_the_same_class_is_refused(small: Path, account: str, rule: str) -> None:
    assert f"articles/example.yaml: {rule}" in said(small, account)


@pytest.mark.parametrize(
    "more",
    [
        "time: {stated: '2029', resolved: '2029'}",
        "participation: [{party: examplia, role: lead}]",
        "accountOf: example-launch",  # so that no circle can be
        "location: examplia",
    ],
)
def test_a_shared_matter_says_nothing_of_its_own(small: Path, more: str) -> None:
    entity = f"  - {{id: told, type: Milestone, kind: launch, label: {{en: One, fr: Une}}, {more}}}\n"

    assert any(one.startswith("entities/example.yaml: ") for one in said(small, entity=entity))
