from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Run
from spacecoop import cli


def test_help_says_what_each_command_is_for_and_what_to_do_first(run: Run) -> None:
    done = run("--help")

    assert done.returncode == 0
    for name, about in cli.COMMANDS.items():
        assert name in done.stdout
        assert about.split()[0] in done.stdout
    assert "first steps" in done.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_explains_itself(name: str, run: Run) -> None:
    done = run(name, "--help")

    assert done.returncode == 0
    assert f"spacecoop {name}" in done.stdout
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize("words", [[], ["nonsense"], ["build", "--nonsense"], ["anchor", "--text"]])
def test_wrong_usage_exits_with_2_and_no_traceback(words: list[str], run: Run) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert "usage:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_a_workspace_a_command_says_how_to_make_one(tmp_path: Path, run: Run) -> None:
    done = run("build", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        f"spacecoop build: no spacecoop.toml in {tmp_path} or above it; `spacecoop init DIR` makes a workspace\n"
    )


def test_findings_come_in_the_language_asked_for_or_of_the_locale(birds: Path, run: Run) -> None:
    article = birds / "articles" / "cranes.yaml"
    article.write_text(article.read_text("utf-8").replace("species: crane", "species: crone"), "utf-8")

    english = run("-C", birds, "validate")
    french = run("-C", birds, "--lang", "fr", "validate")
    by_locale = run("-C", birds, "validate", LC_ALL="fr_FR.UTF-8")

    assert english.returncode == french.returncode == 1
    assert english.stdout.splitlines() == [
        "articles/cranes.yaml:5:33: violation: no species 'crone' in entities/species.yaml [unknown-name]",
        "     5 |   - {id: this:morning, species: crone, count: 40, weather: {sky: clear, wind: 2.50}}",
        "       |                                 ^^^^^",
        "       = help: did you mean 'crane'?",
        "1 violation (unknown-name 1)",
    ]
    assert "aucun species 'crone' dans entities/species.yaml" in french.stdout
    assert "vouliez-vous dire 'crane' ?" in french.stdout
    assert by_locale.stdout == french.stdout


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda birds: (birds / "spacecoop.toml").write_text("["), "spacecoop.toml:1:"),
        (lambda birds: (birds / "spacecoop.toml").write_text("[dataset]\nbase = 'x'"), "toml:2:1: violation"),
        (lambda birds: (birds / "ontology" / "context.jsonld").unlink(), "context.jsonld:1:1: violation"),
        (lambda birds: (birds / "ontology" / "context.jsonld").write_text("{"), "the context cannot be used"),
        (lambda birds: (birds / "ontology" / "context.jsonld").write_text('{"@context": "http://x/"}'), "is fetched"),
        (lambda birds: (birds / "shapes" / "core.ttl").write_text("<a"), "shapes/core.ttl:1:"),
        (lambda birds: (birds / "queries" / "derive" / "flock.rq").write_text("SELECT"), "flock.rq:1:1: violation"),
        (lambda birds: (birds / "queries" / "derive" / "flock.rq").write_bytes(b"\xff"), "flock.rq:1:1: violation"),
        (lambda birds: (birds / "ontology" / "vocabulary.ttl").write_text("a b"), "vocabulary.ttl:1:"),
        (lambda birds: shutil.rmtree(birds / "articles"), "there is no fact file in articles/"),
        (lambda birds: (birds / "articles" / "My Birds.yaml").write_text("a: b"), "'My Birds' cannot be part of"),
        (lambda birds: (birds / "articles" / "cranes.ttl").write_text("<a> <b> <c> ."), "'cranes' is described here"),
        (lambda birds: (birds / "articles" / "cranes.yaml").write_bytes(b"\xff\xfe"), "cranes.yaml:1:1: violation"),
        (lambda birds: (birds / "articles" / "cranes.yaml").write_text(""), "cranes.yaml:1:1: violation"),
        (lambda birds: (birds / "articles" / "cranes.yaml").write_text("- a"), "cranes.yaml:1:1: violation"),
        (lambda birds: (birds / "articles" / "storks.ttl").write_text("<a> <b>"), "storks.ttl:1:"),
        (lambda birds: (birds / "articles" / "gone.yaml").symlink_to("nowhere.yaml"), "gone.yaml:1:1: violation"),
    ],
)
def test_whatever_is_wrong_is_said_in_a_line_and_nothing_is_published(
    birds: Path,
    run: Run,
    spoil: Callable[[Path], object],
    said: str | None,
) -> None:
    spoil(birds)

    done = run("-C", birds, "build")

    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if said else 0), done.stdout
    assert (said or "published") in done.stdout + done.stderr
    assert (birds / "out").exists() == (said is None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["anchor", "--check"], "queries/check/anchors.rq is not there"),
        (["anchor", "articles/cranes.yaml", "--text", "text.txt"], "spacecoop.toml does not say how an anchor"),
    ],
)
def test_a_workspace_that_knows_no_anchors_says_what_is_missing(
    birds: Path, run: Run, words: list[str], said: str
) -> None:
    (birds / "text.txt").write_text("Forty cranes.", "utf-8")

    done = run("-C", birds, *words)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
