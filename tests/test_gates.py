"""What is named like a file of a workspace is read only where it is one, lies inside, and can be judged."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spacecoop import cli, publish, reports, shared, work, workspace
from spacecoop.documents import Unreadable
from spacecoop.reports import Report

NAMES = (
    "articles/odd.yaml",
    "entities/odd.yaml",
    "ontology/odd.ttl",
    "shapes/odd.ttl",
    "links/odd.tsv",
    "queries/odd.rq",
    "queries/derive/odd.rq",
)
ODD: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "dangling": lambda path: path.symlink_to("nowhere"),
}


def rules(root: Path) -> list[tuple[str, str]]:
    return [(one.rule, one.place.file) for one in publish.validate(workspace.read(root), cached=False)]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_like_a_file_and_is_none_is_told_and_never_read(birds: Path, name: str, odd: str) -> None:
    (birds / name).parent.mkdir(exist_ok=True)
    ODD[odd](birds / name)

    found = publish.validate(workspace.read(birds), cached=False)

    assert [(one.rule, one.place.file) for one in found] == [("not-a-file", name)]
    assert name in reports.text(Report(found, "fr", birds))


@pytest.mark.parametrize("name", ["ontology/context.jsonld", "spacecoop.toml", "history.tsv"])
def test_a_pipe_in_the_place_of_a_file_that_is_needed_is_not_waited_for(
    birds: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (birds / name).unlink(missing_ok=True)
    os.mkfifo(birds / name)

    assert cli.main(["-C", str(birds), "build"]) == cli.REPAIR
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_a_link_that_leaves_the_workspace_is_not_read_unless_that_is_allowed(
    birds: Path, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the word is swordfish", "utf-8")
    (birds / name).parent.mkdir(exist_ok=True)
    (birds / name).symlink_to(secret)

    refused = publish.validate(workspace.read(birds), cached=False)
    with (birds / "spacecoop.toml").open("a") as settings:
        settings.write("\n[workspace]\noutside = true\n")
    try:
        allowed = [one.rule for one in publish.validate(workspace.read(birds), cached=False)]
    except Unreadable as error:
        allowed = [error.finding.rule]

    assert [(one.rule, one.place.file) for one in refused] == [("outside", name)]
    assert "swordfish" not in str(refused) + reports.text(Report(refused, "en", birds))
    assert "outside" not in allowed
    assert allowed


def test_a_folder_that_is_a_link_out_of_the_workspace_is_not_read(birds: Path, tmp_path: Path) -> None:
    shutil.move(birds / "articles", tmp_path / "elsewhere")
    (birds / "articles").symlink_to(tmp_path / "elsewhere")

    assert ("outside", "articles/cranes.yaml") in rules(birds)


def test_what_lies_in_a_folder_above_which_a_link_leaves_the_workspace_is_not_read(birds: Path, tmp_path: Path) -> None:
    (birds / "queries" / "derive").mkdir(exist_ok=True)
    (birds / "queries" / "derive" / "rule.rq").write_text("CONSTRUCT WHERE { ?s ?p ?o }", "utf-8")
    shutil.move(birds / "queries", tmp_path / "elsewhere")
    (birds / "queries").symlink_to(tmp_path / "elsewhere")

    assert ("outside", "queries/derive/rule.rq") in rules(birds)


def test_a_context_that_is_a_link_out_of_the_workspace_is_not_read(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("the word is swordfish", "utf-8")
    (birds / "ontology" / "context.jsonld").unlink()
    (birds / "ontology" / "context.jsonld").symlink_to(tmp_path / "secret")

    assert cli.main(["-C", str(birds), "validate"]) == cli.REPAIR
    told = "".join(capsys.readouterr())
    assert "ontology/context.jsonld:1:1: violation: this link leaves the workspace" in told
    assert "swordfish" not in told


@pytest.mark.parametrize("where", [".", "..", "articles", "ontology"])
def test_out_that_leads_to_files_of_the_workspace_is_refused(birds: Path, where: str) -> None:
    before = sorted(path for path in birds.rglob("*") if ".cache" not in path.parts)
    (birds / "out").symlink_to(where)

    with pytest.raises(Unreadable) as caught:
        publish.publish(workspace.read(birds))
    (birds / "out").unlink()

    assert caught.value.finding.rule == "out-source"
    assert sorted(path for path in birds.rglob("*") if ".cache" not in path.parts) == before


def test_out_may_lead_to_a_folder_of_its_own_in_the_workspace(birds: Path) -> None:
    (birds / "public").mkdir()
    (birds / "out").symlink_to("public")

    publish.publish(workspace.read(birds))
    publish.publish(workspace.read(birds), cached=False)

    assert (birds / "public" / "manifest.json").is_file()


def test_a_template_that_is_a_link_out_of_the_workspace_is_not_included(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.html").write_text("the word is swordfish", "utf-8")
    (birds / "pages").mkdir(exist_ok=True)
    (birds / "pages" / "secret.html").symlink_to(tmp_path / "secret.html")
    (birds / "pages" / "layout.html").write_text("{% include 'secret.html' %}", "utf-8")

    assert cli.main(["-C", str(birds), "build"]) == cli.REPAIR
    assert "swordfish" not in "".join(capsys.readouterr())
    assert not (birds / "out").exists()


def test_a_file_named_on_the_command_line_may_lie_anywhere_but_no_link_may_lead_out(
    birds: Path, tmp_path: Path
) -> None:
    shutil.copy(birds / "articles" / "cranes.yaml", tmp_path / "cranes.yaml")
    (birds / "articles" / "link.yaml").symlink_to(tmp_path / "cranes.yaml")
    common = shared.load(workspace.read(birds))

    assert work.describe(common, tmp_path / "cranes.yaml").findings == ()
    assert [one.rule for one in work.describe(common, birds / "articles" / "link.yaml").findings] == ["outside"]


@pytest.mark.parametrize("text", [None, "", "@prefix sh: <http://www.w3.org/ns/shacl#> .\n"])
def test_without_a_shape_nothing_is_judged_nor_published(birds: Path, text: str | None) -> None:
    shutil.rmtree(birds / "shapes")
    if text is not None:
        (birds / "shapes").mkdir()
        (birds / "shapes" / "empty.ttl").write_text(text, "utf-8")

    assert ("no-shapes", "shapes") in rules(birds)
    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(birds))
    assert not (birds / "out").exists()


def test_out_that_is_a_link_is_told(birds: Path, tmp_path: Path) -> None:
    (birds / "out").symlink_to(tmp_path / "served")

    first = publish.publish(workspace.read(birds))
    again = publish.publish(workspace.read(birds))

    assert [one.rule for one in first.findings] == ["out-link"]
    assert [one.rule for one in again.findings] == ["out-link"]


@pytest.mark.parametrize(
    "words",
    [
        ("export", "nq\x1b[31m"),
        ("build", "--x\x1b[31m"),
        ("\x1b[31m",),
        ("query", "red", "--help"),
        ("build", "--check"),
    ],
)
def test_what_a_user_or_a_file_of_theirs_says_is_shown_escaped(
    birds: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (birds / "queries" / "red.rq").write_text('#+ summary: "\\e[31m red"\nASK {}\n', "utf-8")
    (birds / "out").mkdir()
    (birds / "out" / "a\x1b[31m").write_text("", "utf-8")
    with contextlib.suppress(SystemExit):
        cli.main(["-C", str(birds), *words])
    told = "".join(capsys.readouterr())
    assert "\x1b" not in told
    assert "\\x1b[31m" in told


@pytest.mark.parametrize("more", ["", "claims: []\n"])
def test_a_fact_file_that_says_its_address_and_nothing_more_is_refused(small: Path, more: str) -> None:
    (small / "articles" / "bare.yaml").write_text(f"url: https://example.org/gazette/bare\n{more}", "utf-8")

    assert ("no-publication-info", "articles/bare.yaml") in rules(small)
    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(small))


def test_a_file_name_with_escape_sequences_is_shown_escaped(birds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (birds / "articles" / "a\x1b[2Jb.yaml").write_text("a: \x1b[31m", "utf-8")
    (birds / "queries" / "c\x1b[2Jd.rq").write_text("nonsense", "utf-8")

    for command in (["validate"], ["build"], ["query", "--list"], ["query", "c\x1b[2Jd"]):
        cli.main(["-C", str(birds), *command])
    told = capsys.readouterr()

    assert "\x1b" not in told.out + told.err
    assert "a\\x1b[2Jb.yaml" in told.out


@pytest.mark.parametrize("folder", shared.FOLDERS)
def test_a_change_of_any_shared_file_is_seen_in_spite_of_the_cache(birds: Path, folder: str) -> None:
    place = workspace.read(birds)
    publish.validate(place)
    before = shared.files(place)
    for ending in shared.FOLDERS[folder]:
        path = birds / folder / f"new{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"# nothing is said here\n")

        assert path in set(shared.files(place)) - set(before)


def test_a_shape_that_comes_is_applied_to_an_article_that_was_judged_before(birds: Path) -> None:
    assert rules(birds) == []
    publish.validate(workspace.read(birds))
    (birds / "shapes" / "new.ttl").write_text(
        "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix bird: <https://example.org/birds/vocabulary#> .\n"
        '<https://example.org/New> a sh:NodeShape ; sh:targetClass bird:Flock ; sh:message "never"@en ;\n'
        "  sh:property [ sh:path bird:never ; sh:minCount 1 ] .\n",
        "utf-8",
    )

    assert publish.validate(workspace.read(birds))


def test_hundreds_of_bad_claims_in_one_file_are_all_told_with_their_causes_in_seconds(small: Path) -> None:
    source = (small / "articles" / "example.yaml").read_text("utf-8")
    head, rest = source.split("claims:\n")
    claims, matters = rest.split("\nmatters:\n")
    bad = claims.split("  - id: this:A-02")[0].replace("start: 0, end: 76", "start: 0, end: -1")
    many = "".join(bad.replace("A-01", f"B-{number:03}") for number in range(300))
    (small / "articles" / "example.yaml").write_text(f"{head}claims:\n{many}\nmatters:\n{matters}", "utf-8")
    common = shared.load(workspace.read(small))

    started = time.process_time()
    every = work.describe(common, small / "articles" / "example.yaml").findings
    found = [one for one in every if one.because and one.value == "-1"]
    seconds = time.process_time() - started

    assert len({one.place.line for one in found}) == 300
    assert len({tuple(cause["en"] for cause in one.because) for one in found}) == 1
    assert seconds < 15  # one after the other, they take minutes
