"""What is no JSON, or is nested too deep to be read, is one error for all who read JSON of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import Run
from spacecoop import jsontext

SOURCE = Path(__file__).parent.parent / "src" / "spacecoop"
OWN = {"jsontext", "bulk", "definitions", "pool", "worker", "whole", "answers"}
"""Who tell where in a file the fault is, and who read only what they wrote a moment ago."""
DEEP = "[" * 100_000


@pytest.mark.parametrize("text", ["", "{", b"\xff", DEEP, DEEP.encode(), '{"a":' * 50_000])
def test_what_cannot_be_read_is_one_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        jsontext.parse(text)


def test_json_of_others_is_read_in_one_way() -> None:
    readers = {path.stem for path in SOURCE.rglob("*.py") if re.search(r"\bjson\.loads?\(", path.read_text("utf-8"))}

    assert readers <= OWN


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("links/wikidata.json", ["links", "check", "--offline"]),
        ("out/manifest.json", ["build", "--check"]),
        ("out/manifest.json", ["push", "--dry-run", "http://127.0.0.1:9/"]),
    ],
)
def test_a_file_that_is_nested_too_deep_is_no_fault_of_the_program(
    run: Run, birds: Path, file: str, command: list[str]
) -> None:
    (birds / file).parent.mkdir(exist_ok=True)
    (birds / file).write_text(DEEP, "utf-8")
    if file.startswith("links/"):
        (birds / file).with_suffix(".nt").write_text("", "utf-8")

    done = run(*command, cwd=birds)

    assert done.returncode in (1, 2)
    assert "fault of the program" not in done.stderr
    assert "Traceback" not in done.stderr
