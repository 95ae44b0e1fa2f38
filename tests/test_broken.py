"""Fact files with one defect each, and exactly what is said of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spacecoop import findings, publish, workspace

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("engine", ["fast", "pyshacl"])
def test_each_defect_is_said_at_its_place_in_both_languages(path: Path, engine: str, small: Path, accept: bool) -> None:
    article = small / "articles" / "example.yaml"
    shutil.copy(path, article)

    found = publish.validate(workspace.read(small), [article], engine)

    said = "".join(f"{one.line(language)}\n" for language in ("en", "fr") for one in found)
    expected = path.with_suffix(".txt")
    if accept and engine == "fast":
        expected.write_text(said, "utf-8")
    assert said == expected.read_text("utf-8")
    assert found, "this file is not broken"
    assert findings.is_refusal(found) == (path.stem not in WARNED)


WARNED = {"no-french-label", "matter-without-a-claim", "cooperation-of-nobody"}
"""Those that may be published all the same."""
