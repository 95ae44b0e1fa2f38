"""A query of a workspace that does not end, or is none, is told with its file, by every command that asks it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from spacecoop import cli, sandbox, starter

ENDLESS = " ".join(f"?a{number} ?b{number} ?c{number} ." for number in range(9)) + " FILTER(?a0 = ?c8 && ?b1 = <a:b>)"
REACHING = " SERVICE SILENT <http://127.0.0.1:9/> { ?s ?p ?o } "
ARTICLE = """url: https://example.org/gazette/{name}
type: NewsArticle
publisher: example-gazette
language: en
published: {day}
text: {{id: this:text, type: TextObject, sha256: {digest}, normalForm: NFC, codePoints: 157}}
record: {{created: 2026-01-16T09:00:00Z, creator: https://example.org/}}
claims:
  - id: this:A-01
    gloss: {{en: The satellite {name} is to be launched., fr: Le satellite {name} doit être lancé.}}
    claimant: example-gazette
    modality: planned
    asserts: this:launch
    evidence: [{{sentence: 1, at: {{start: 0, end: 76}}, sha256: {digest}}}]
matters:
  - id: this:launch
    type: Milestone
    kind: launch
    accountOf: sat-launch
    label: {{en: Launch of ExampleSat, fr: Lancement d'ExampleSat}}
    concerns: example-sat
    time: {{stated: "{year}", resolved: "{year}"}}
"""
MATTER = "  - {id: sat-launch, type: Milestone, kind: launch, label: {en: Launch of ExampleSat, fr: Lancement}}\n"
ASKED = {
    "compare/time": ("build", "--no-site"),
    "joins/kind": ("validate",),
    "quality/label": ("validate", "--vocabulary"),
    "check/anchors": ("anchor", "--check"),
    "nanopub/list": ("nanopub", "--claims"),
    "nanopub/claim": ("nanopub", "--claims"),
    "links/give-back": ("links", "quickstatements", "--dry-run"),
}
"""Files of queries/, each with a command that asks them."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which two articles tell of one matter; it was built."""
    root = tmp_path_factory.mktemp("bounds") / "home"
    starter.create(root)
    for name, year, day in (("one", 2029, "2026-01-15"), ("two", 2030, "2026-02-15")):
        text = ARTICLE.format(name=name, year=year, day=day, digest="0" * 64)
        (root / "articles" / f"{name}.yaml").write_text(text, "utf-8")
    entities = root / "entities" / "example.yaml"
    entities.write_text(entities.read_text("utf-8") + MATTER, "utf-8")
    (root / "texts" / "one.txt").write_text("Any words.", "utf-8")
    assert cli.main(["-C", str(root), "build", "--no-site"]) == cli.DONE
    return root


@pytest.fixture
def workspace(home: Path, tmp_path: Path) -> Path:
    """A copy of it, without its caches."""
    root = tmp_path / "workspace"
    shutil.copytree(home, root, ignore=shutil.ignore_patterns(".cache"))
    return root


def spoil(root: Path, name: str, change: str) -> str:
    """Write something into the pattern of a query, or in the place of all of it; return the file."""
    file = root / "queries" / f"{name}.rq"
    text = file.read_text("utf-8")
    end = text.rindex("}")
    front = "".join(re.findall(r"#\+.*\n", text))
    file.write_text(front + change if change.startswith("ASK") else text[:end] + change + text[end:], "utf-8")
    return file.relative_to(root).as_posix()


@pytest.mark.skipif(not sandbox.can_fork(), reason="there is no bound where a process cannot be forked")
@pytest.mark.parametrize("name", ASKED)
def test_a_rule_that_does_not_end_is_ended_and_told(
    workspace: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sandbox, "EACH", sandbox.Limits(seconds=1.5, megabytes=4096))
    file = spoil(workspace, name, f" OPTIONAL {{ {ENDLESS} }} ")
    assert cli.main(["-C", str(workspace), *ASKED[name]]) == cli.REPAIR
    told = "".join(capfd.readouterr())
    assert file in told
    assert "stopped after 1.5 s" in told
    assert "fault of the program" not in told


@pytest.mark.parametrize(
    "change", ["ASK { ?s ?p ?o }", "ASK { no", " SERVICE SILENT <http://127.0.0.1:9/> { ?s ?p ?o } "]
)
@pytest.mark.parametrize("name", ASKED)
def test_a_rule_of_another_form_is_told(
    workspace: Path, name: str, change: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = spoil(workspace, name, change)
    assert cli.main(["-C", str(workspace), *ASKED[name]]) == cli.REPAIR
    told = "".join(capfd.readouterr())
    assert file in told
    assert "fault of the program" not in told


def test_a_rule_by_which_accounts_are_compared_is_judged_where_there_is_nothing_to_compare(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "workspace"
    starter.create(root)
    file = spoil(root, "compare/time", REACHING)
    assert cli.main(["-C", str(root), "validate"]) == cli.REPAIR
    assert f"{file}:1:1: violation" in capfd.readouterr().out
