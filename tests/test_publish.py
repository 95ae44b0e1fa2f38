from __future__ import annotations

import filecmp
import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, heed_interrupts
from spacecoop import folders, publish, work, workspace
from spacecoop.pages.kept import Kept
from spacecoop.publish import Rejected

GOLDEN = REPOSITORY / "tests" / "golden" / "birds"


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, by path, with the digest of its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_another_vocabulary_is_published_by_the_same_program(birds: Path, accept: bool) -> None:
    publish.publish(workspace.read(birds))

    if accept:
        subprocess.run(["rm", "-rf", GOLDEN], check=True)
        subprocess.run(["cp", "-r", birds / "out", GOLDEN], check=True)
    assert folders.compare(birds / "out", GOLDEN) == []


def test_the_committed_out_is_what_the_articles_give() -> None:
    assert publish.check(workspace.read(REPOSITORY)) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4242", "TZ": "America/Lima", "LC_ALL": "tr_TR.UTF-8", "LANG": "fr_FR.UTF-8"},
    ],
)
def test_hash_seed_time_zone_and_locale_change_no_byte(birds: Path, run: Run, settings: dict[str, str]) -> None:
    done = run("-C", birds, "build", **settings)

    assert done.returncode == 0, done.stderr
    assert tree(birds / "out") == tree(GOLDEN)


def test_the_order_in_which_files_are_found_and_written_changes_no_byte(birds: Path) -> None:
    article = birds / "articles" / "cranes.yaml"
    head, sightings = article.read_text("utf-8").split("sightings:\n")
    reordered = "sightings:\n" + "".join(reversed(sightings.splitlines(keepends=True))) + head
    article.write_text(reordered, "utf-8")
    entities = birds / "entities" / "species.yaml"
    (birds / "entities" / "z.yaml").write_text(
        "things:\n" + entities.read_text("utf-8").splitlines(keepends=True)[1], "utf-8"
    )
    entities.write_text("things:\n" + entities.read_text("utf-8").splitlines(keepends=True)[2], "utf-8")

    publish.publish(workspace.read(birds))

    assert tree(birds / "out") == tree(GOLDEN)


def test_an_article_gives_the_same_bytes_alone_and_among_many(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    alone = tree(birds / "out" / "article")
    text = (birds / "articles" / "cranes.yaml").read_text("utf-8")
    for number in range(30):
        (birds / "articles" / f"cranes-{number}.yaml").write_text(text.replace("leaflets/1", f"leaflets/{number + 9}"))

    publish.publish(workspace.read(birds))

    many = tree(birds / "out" / "article")
    assert alone.items() < many.items()
    assert len(many) == 5 * 32  # four syntaxes and the page


def test_an_article_that_takes_too_long_is_given_up_and_the_rule_named(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SECONDS", 3.0)
    (birds / "shapes" / "slow.ttl").write_text(SLOW, "utf-8")

    found = publish.validate(workspace.read(birds), [birds / "articles" / "cranes.yaml"])

    assert [str(one) for one in found] == [
        "articles/cranes.yaml:1:1: violation: the article took more than 3 seconds to read and validate,"
        " and was given up; what takes so long: Slow [overdue]"
    ]


def test_rules_that_derive_are_blamed_where_it_is_they_that_take_too_long(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SECONDS", 3.0)
    pattern = " ".join(f"?a{number} ?b{number} ?c{number} ." for number in range(12))
    (birds / "queries" / "derive").mkdir(parents=True, exist_ok=True)
    (birds / "queries" / "derive" / "slow.rq").write_text(
        f"CONSTRUCT {{ ?a0 <a:b> ?c0 }} WHERE {{ {pattern} FILTER(CONCAT(STR(?a0), STR(?c9)) = STR(?b1)) }}", "utf-8"
    )

    found = publish.validate(workspace.read(birds))

    assert [(one.rule, one.help["en"]) for one in found] == [
        ("overdue", "what takes so long: queries/derive/slow.rq") for _ in found
    ]
    assert len(found) == 2


SLOW = '''
@prefix bird: <https://example.org/birds/vocabulary#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
<https://example.org/birds/shapes#Slow> a sh:NodeShape ;
  sh:targetSubjectsOf bird:reportedIn ;
  sh:sparql <https://example.org/birds/shapes#Slow-query> .
<https://example.org/birds/shapes#Slow-query> a sh:SPARQLConstraint ;
  sh:select """SELECT $this WHERE {
    ?s0 ?p0 ?o0 . ?s1 ?p1 ?o1 . ?s2 ?p2 ?o2 . ?s3 ?p3 ?o3 . ?s4 ?p4 ?o4 .
    ?s5 ?p5 ?o5 . ?s6 ?p6 ?o6 . ?s7 ?p7 ?o7 . ?s8 ?p8 ?o8
    FILTER (CONCAT(
      STR(?o0), STR(?o1), STR(?o2), STR(?o3), STR(?o4),
      STR(?o5), STR(?o6), STR(?o7), STR(?o8)
    ) = "never")
  }""" .
'''


def test_a_violation_leaves_the_old_out_untouched(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    before = tree(birds / "out")
    article = birds / "articles" / "cranes.yaml"
    article.write_text(article.read_text("utf-8").replace("count: 40", "count: 0"), "utf-8")

    with pytest.raises(Rejected) as caught:
        publish.publish(workspace.read(birds))

    said = "violation: A sighting has a count of at least one bird. [Sighting-count]"
    assert [str(found) for found in caught.value.findings] == [f"articles/cranes.yaml:5:47: {said}"]
    assert tree(birds / "out") == before
    assert sorted(path.name for path in birds.iterdir() if "out" in path.name) == ["out"]


def test_the_manifest_tells_size_digest_and_statements_of_every_file(birds: Path) -> None:
    publish.publish(workspace.read(birds))

    listed = {row["path"]: row for row in folders.list_files(birds / "out")}
    digests = tree(birds / "out")
    assert {path: row["sha256"] for path, row in listed.items()} == {
        path: digest for path, digest in digests.items() if path != "manifest.json"
    }
    lines = (birds / "out" / "dataset.nq").read_text("utf-8").count("\n")
    assert {listed[f"dataset.{ending}"]["statements"] for ending in ("nq", "trig", "jsonld")} == {lines}


def test_check_names_the_files_that_are_out_of_date_and_writes_nothing(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    (birds / "out" / "dataset.ttl").write_text("changed", "utf-8")
    (birds / "out" / "extra").write_text("not ours", "utf-8")
    before = tree(birds / "out")

    assert publish.check(workspace.read(birds)) == ["dataset.ttl", "extra"]
    assert tree(birds / "out") == before


def test_check_proves_by_the_manifest_what_version_control_does_not_hold(birds: Path, run: Run) -> None:
    publish.publish(workspace.read(birds))
    (birds / "out" / "dataset.nq").unlink()
    (birds / "out" / "feed.atom").unlink(missing_ok=True)

    done = run("--lang", "en", "-C", birds, "build", "--check")
    assert (done.returncode, publish.check(workspace.read(birds))) == (0, [])
    assert "of its files are not here, and their digests in the manifest are right" in done.stdout

    manifest = birds / "out" / "manifest.json"
    digest = hashlib.sha256((GOLDEN / "dataset.nq").read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text("utf-8").replace(digest, "0" * 64), "utf-8")
    assert publish.check(workspace.read(birds)) == ["manifest.json"]

    manifest.unlink()
    assert "dataset.nq" in publish.check(workspace.read(birds))


def checkout(folder: Path) -> None:
    """Copy what version control holds of this repository, as a fresh clone has it, and put it into a new repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ":!tests", ":!docs"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "as it is")


def git(folder: Path, *words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_fresh_clone_builds_the_rest_of_out_and_one_edit_changes_a_handful_of_its_files(tmp_path: Path) -> None:
    checkout(tmp_path)
    assert len(git(tmp_path, "ls-files", "out")) < len(folders.read_names(tmp_path / "out" / "manifest.json")) / 2
    assert not (tmp_path / "out" / "dataset.nq").exists()

    assert publish.check(workspace.read(tmp_path)) == []
    publish.publish(workspace.read(tmp_path))
    assert (tmp_path / "out" / "dataset.nq").is_file()
    assert git(tmp_path, "status", "--porcelain") == []

    article = tmp_path / "articles" / "a001.yaml"
    text = article.read_text("utf-8")
    article.write_text(re.sub(r"(gloss:\s+en: )(\w)", r"\1Edited, \2", text, count=1), "utf-8")
    assert article.read_text("utf-8") != text
    publish.publish(workspace.read(tmp_path))
    changed = git(tmp_path, "status", "--porcelain")
    assert " M out/article/a001.trig" in changed
    assert " M out/manifest.json" in changed
    assert len(changed) <= 5
    assert publish.check(workspace.read(tmp_path)) == []


def test_out_is_a_function_of_the_sources_alone(tmp_path: Path) -> None:
    checkout(tmp_path)
    publish.publish(workspace.read(tmp_path))
    before = tree(tmp_path / "out")

    shutil.rmtree(tmp_path / "out")
    shutil.rmtree(tmp_path / ".cache")
    publish.publish(workspace.read(tmp_path))

    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("after", [0.02, 0.1, 0.25, 0.4, 0.5, 0.6])
def test_a_build_that_is_killed_leaves_the_old_out_or_the_new_one(small: Path, run: Run, after: float) -> None:
    assert run("-C", small, "build").returncode == 0
    old = tree(small / "out")
    article = small / "articles" / "example.yaml"
    article.write_text(article.read_text("utf-8").replace("satellite together", "craft together"), "utf-8")

    build = subprocess.Popen([sys.executable, "-m", "spacecoop", "-C", small, "build"], stdout=subprocess.DEVNULL)
    time.sleep(after)
    build.kill()
    build.wait()

    found = tree(small / "out")
    assert run("-C", small, "build").returncode == 0
    assert found in (old, tree(small / "out"))
    assert not [path for path in small.iterdir() if path.name.startswith(".out")]


def test_ctrl_c_ends_the_build_with_one_line_and_leaves_nothing_behind(small: Path) -> None:
    text = (small / "articles" / "example.yaml").read_text("utf-8")
    for number in range(600):
        (small / "articles" / f"example-{number}.yaml").write_text(text.replace("two-states", f"{number}-states"))
    command = [sys.executable, "-m", "spacecoop", "-C", str(small), "build"]
    build = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    )
    time.sleep(1.5)

    os.killpg(build.pid, signal.SIGINT)

    _, errors = build.communicate(timeout=20)
    assert build.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert not [path for path in small.iterdir() if "out" in path.name]


def test_an_interrupt_while_progress_is_told_ends_the_processes_that_still_write(small: Path) -> None:
    text = (small / "articles" / "example.yaml").read_text("utf-8")
    for number in range(60):
        (small / "articles" / f"example-{number}.yaml").write_text(text.replace("two-states", f"{number}-states"))

    def interrupt(done: int, _of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish.publish(workspace.read(small), progress=interrupt)

    assert not multiprocessing.active_children()
    assert not [path for path in small.iterdir() if "out" in path.name]


def test_an_interrupt_while_pages_are_written_ends_their_processes(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (small / "articles" / "example.yaml").read_text("utf-8")
    for number in range(40):
        (small / "articles" / f"example-{number}.yaml").write_text(text.replace("two-states", f"{number}-states"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Kept, "keep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish.publish(workspace.read(small))

    assert not multiprocessing.active_children()
    assert not [path for path in small.iterdir() if "out" in path.name]


def test_two_folders_are_the_same_only_with_the_same_files_and_bytes(tmp_path: Path) -> None:
    for name, text in (("one/a", "x"), ("other/a", "x"), ("one/b", "x"), ("other/b", "y"), ("other/c/d", "z")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert folders.compare(tmp_path / "one", tmp_path / "other") == ["b", "c/d"]
    assert filecmp.cmp(tmp_path / "one" / "a", tmp_path / "other" / "a")
