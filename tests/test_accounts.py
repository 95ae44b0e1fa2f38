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
        ("https://example.org/space-news/article/other#launch", "unknown-name"),  # what another article has of its own
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


@pytest.mark.parametrize(
    ("quantity", "rule"),
    [
        ("{measures: mass, value: 930}", "UnitFits"),  # no unit
        ("{measures: mass, value: 930, unit: km}", "UnitFits"),
        ("{measures: cost, value: 930, unit: kg}", "UnitFits"),
        ("{measures: count, value: 930, unit: kg}", "UnitFits"),
        ("{measures: mass, value: 930, unit: [kg, t]}", "Quantity-unit"),
    ],
)
def test_a_unit_that_is_missing_or_does_not_fit_is_refused(small: Path, quantity: str, rule: str) -> None:
    said(small)
    article = small / "articles" / "example.yaml"
    text = article.read_text("utf-8")
    article.write_text(text.replace("    kind: launch\n", f"    kind: launch\n    quantity: {quantity}\n"), "utf-8")

    found = publish.validate(workspace.read(small))

    assert rule in {one.rule for one in found if one.place.file == "articles/example.yaml"}


def test_that_a_party_took_no_part_may_stand_beside_that_it_did(small: Path) -> None:
    said(small, "example-launch")
    article = small / "articles" / "example.yaml"
    text = article.read_text("utf-8")
    claim, matter = (
        text[text.index("  - id: this:A-02") : text.index("matters:")],
        text[text.index("  - id: this:launch") :],
    )
    denial = claim.replace("A-02", "A-03").replace("this:launch", "this:no-launch").replace("is to be", "is not to be")
    denied = matter.replace("this:launch", "this:no-launch")
    denied += "    participation: [{party: examplia, role: lead}]\n"
    text = text.replace("matters:\n", f"{denial.rstrip()}\n    negated: true\n\nmatters:\n")
    text = text.replace("Le lancement du satellite est prévu", "Rien n'est prévu", 1)
    matter += "    participation: [{party: examplia, role: lead}]\n"
    article.write_text(text[: text.index("  - id: this:launch")] + matter + denied, "utf-8")

    assert [str(one) for one in publish.validate(workspace.read(small)) if one.place.file.startswith("articles")] == []
