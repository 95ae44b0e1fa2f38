"""The aggregators' own rules, which `make rules` fetches, find nothing in out/, and find what is broken on purpose."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.preflight import judging, rulebooks
from spacecoop.preflight.judging import Outcome

JUDGES = ("dcat-ap", "archivo", "ldes")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path)
    shutil.copytree(REPOSITORY / "out", tmp_path / "out")
    shutil.copytree(rulebooks.cache(workspace.read(REPOSITORY)), tmp_path / ".cache" / "rules")
    return tmp_path


def results(folder: Path, *aggregators: str) -> dict[str, Outcome]:
    every = judging.judge(workspace.read(folder), aggregators)
    return {one.rule: one.outcome for one in every if "-shacl" in one.rule}


def test_they_find_no_violation(ours: Path) -> None:
    found = results(ours, *JUDGES)

    assert {rule for rule, outcome in found.items() if outcome in (Outcome.FAIL, Outcome.UNCHECKED)} == set()
    passed = {"archivo-shacl (vocabularies)", "ldes-shacl (feed.trig)", "ldes-shacl (pages)"}
    assert {rule for rule, outcome in found.items() if outcome is Outcome.PASS} == passed
    assert found["dcat-ap-shacl spdx:algorithm Node"] is Outcome.WARN  # theirs, see the rulebook


@pytest.mark.parametrize(
    ("aggregator", "path", "pattern", "new"),
    [
        ("dcat-ap", "catalog.ttl", r"dcat:accessURL", "rdfs:x"),
        ("dcat-ap", "catalog.ttl", r"foaf:name", "rdfs:x"),
        ("dcat-ap", "catalog.ttl", r"a dcterms:MediaType ", "a rdfs:x "),
        ("archivo", "kind.ttl", r"dcterms:license", "rdfs:x"),
        ("ldes", "feed.trig", r"tree:node <[^>]+>", 'tree:node "text"'),
        ("ldes", "feed.trig", r"a ldes:EventStream", "a ldes:Stream"),
        ("ldes", "feed/1.trig", r"a ldes:EventStream", "a ldes:Stream"),
    ],
)
def test_they_find_a_defect(ours: Path, aggregator: str, path: str, pattern: str, new: str) -> None:
    file = ours / "out" / path
    text, count = re.subn(pattern, new, file.read_text("utf-8"))
    assert count
    file.write_text(text, "utf-8")

    assert Outcome.FAIL in results(ours, aggregator).values()
