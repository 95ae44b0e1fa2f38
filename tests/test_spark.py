"""Apache Spark gives the same bytes as the processes of one machine, and what is wrong with it is told in a line."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from spacecoop import cli, publish, spark, workspace
from spacecoop.findings import Finding

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed; `.ci/extended` installs it")
pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(not shutil.which("java"), reason="there is no Java"),
]

MASTER = "local[2]"
SKIES = ("grey", "blue", "dark", "light", "odd", "red", "low", "high", "far", "near", "dull")


@pytest.fixture(scope="module")
def started() -> Iterator[None]:
    """One Spark for all tests: it takes the longest to start."""
    with spark.session(MASTER):
        yield


@pytest.fixture
def many(birds: Path) -> Path:
    """Fourteen leaflets about birds, two of them in one file of lines."""
    text = (birds / "articles" / "cranes.yaml").read_text("utf-8")
    for sky in SKIES:
        changed = text.replace("leaflets/1", f"leaflets/{sky}").replace("sky: clear", f"sky: {sky}")
        (birds / "articles" / f"{sky}.yaml").write_text(changed, "utf-8")
    line = '{"slug": "%s", "id": "https://example.org/leaflets/%s", "a": "Leaflet", '
    line += (
        '"printed": {"on": "2026-03-01T08:00:00Z"}, "sightings": [{"id": "this:x", "species": "crane", "count": 2}]}'
    )
    (birds / "articles" / "more.jsonl").write_text(f"{line % ('one', 'one')}\n{line % ('two', 'two')}\n", "utf-8")
    return birds


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def built(place: Path, partitions: int | None = None) -> tuple[dict[str, bytes], tuple[Finding, ...]]:
    """Build by Spark, from nothing."""
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "history.tsv").unlink(missing_ok=True)
    done = publish.publish(workspace.read(place), cached=False, run=spark.runs_on(MASTER, partitions))
    return files(place / "out"), done.findings


@pytest.mark.usefixtures("started")
def test_every_file_has_the_same_bytes_whatever_does_the_work(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = publish.publish(workspace.read(many), cached=False)
    wanted = files(many / "out"), done.findings
    assert len(wanted[0]) > 12 * 4

    for partitions in (1, 2):
        assert built(many, partitions) == wanted

    with monkeypatch.context() as patch:  # workers that see another disk: the files come back with the results
        patch.setattr(spark, "_show", lambda *_: None)
        patch.setattr(spark, "BLOCK", 5)
        patch.setattr(spark, "TASK", 2)
        assert built(many) == wanted


@pytest.mark.usefixtures("started")
def test_a_task_that_is_killed_is_done_again(many: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    publish.publish(workspace.read(many), cached=False)
    wanted, killed, task = files(many / "out"), str(tmp_path / "killed"), spark._task

    def dying(*given: Any) -> Callable[[Iterable[Any]], Iterator[Any]]:
        whole = task(*given)

        def run(rows: Iterable[Any]) -> Iterator[Any]:
            for number, row in enumerate(whole(rows)):
                yield row
                if number == 2 and not os.path.exists(killed):  # noqa: PTH110  a worker has no Path of this module
                    open(killed, "x").close()  # noqa: PTH123
                    os._exit(1)

        return run

    monkeypatch.setattr(spark, "_task", dying)

    assert built(many, 2)[0] == wanted
    assert Path(killed).exists()


@pytest.mark.usefixtures("started")
def test_a_stage_that_is_tried_twice_gives_the_same_bytes(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.publish(workspace.read(many), cached=False, pages=False)
    wanted = files(many / "out")
    shutil.rmtree(many / "out")
    (many / "history.tsv").unlink()
    monkeypatch.setattr(pyspark.RDD, "persist", lambda self, _: self)  # nothing is kept, so all is done once more

    publish.publish(workspace.read(many), cached=False, pages=False, run=spark.runs_on(MASTER, 3))

    assert files(many / "out") == wanted


@pytest.mark.usefixtures("started")
def test_findings_are_the_same_and_a_refused_build_leaves_nothing(many: Path) -> None:
    place = workspace.read(many)
    (many / "articles" / "grey.yaml").write_text("sky: [", "utf-8")
    (many / "articles" / "blue.yaml").write_text("wings: 3\n", "utf-8")
    (many / "articles" / "folder.yaml").mkdir()
    lines = (
        (many / "articles" / "more.jsonl").read_text("utf-8").replace('"two"', '"../two"').replace("crane", "nobody")
    )
    (many / "articles" / "more.jsonl").write_text(lines, "utf-8")
    (many / "articles" / "link.yaml").symlink_to("cranes.yaml")
    wanted = publish.validate(place, cached=False)

    assert len({found.place.file for found in wanted}) >= 4
    assert publish.validate(place, cached=False, run=spark.runs_on(MASTER, 3)) == wanted
    outside = many.parent / "outside.yaml"
    shutil.copy(many / "articles" / "blue.yaml", outside)
    sources = [outside, many / "articles" / "absent.yaml", many / "articles" / "dark.yaml"]
    assert publish.validate(place, sources, run=spark.runs_on(MASTER)) == publish.validate(place, sources)
    with pytest.raises(publish.Rejected):
        publish.publish(place, cached=False, run=spark.runs_on(MASTER))
    assert [path.name for path in many.iterdir() if "out" in path.name] == []


@pytest.mark.usefixtures("started")
def test_workers_with_another_program_or_none_are_told(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = workspace.read(many)
    with monkeypatch.context() as patch:
        patch.setattr(spark, "_program", lambda: (b"another", "1"))
        with pytest.raises(spark.SparkError, match="another spacecoop"):
            publish.publish(place, cached=False, run=spark.runs_on(MASTER))

    def absent(*_: Any) -> Callable[[Iterable[Any]], Iterator[Any]]:
        def run(_: Iterable[Any]) -> Iterator[Any]:
            raise ModuleNotFoundError("No module named 'pyoxigraph'")
            yield

        return run

    with monkeypatch.context() as patch:
        patch.setattr(spark, "_task", absent)
        with pytest.raises(spark.SparkError, match=r"cannot use spacecoop: No module named 'pyoxigraph'; install"):
            publish.publish(place, cached=False, run=spark.runs_on(MASTER))
    assert not place.out.exists()


@pytest.mark.usefixtures("started")
def test_archives_and_the_dataset_may_lie_wherever_spark_reads_and_writes(
    many: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish.publish(workspace.read(many), cached=False, pages=False)
    wanted = files(many / "out")
    shutil.rmtree(many / "out")
    (many / "history.tsv").unlink()
    lines, there = tmp_path / "made elsewhere" / "more.jsonl", tmp_path / "100% there"
    lines.parent.mkdir()
    (many / "articles" / "more.jsonl").replace(lines)
    (lines.parent / "_SUCCESS").touch()
    with spark.session(MASTER) as context:  # another file system than that of this machine
        mounted = f"fs.viewfs.mounttable.library.link./{tmp_path.name}"
        context._jsc.hadoopConfiguration().set(mounted, f"file://{tmp_path}")
    library = f"viewfs://library/{tmp_path.name}"
    archive = ["--on", MASTER, "--articles", f"{library}/{lines.parent.name}"]

    build = ["-C", str(many), "build", "--no-site", "--no-cache", *archive, "--to"]
    assert cli.main([*build, f"{library}/{there.name}"]) == 0
    arrived = {name: data for name, data in files(there).items() if not name.endswith(".crc")}  # Hadoop's own
    assert arrived == files(many / "out") == wanted
    assert f"{len(wanted) - 1} changed files written" in capsys.readouterr().out

    (there / "article" / "one.nq").write_text("changed by hand, in size too")
    assert cli.main([*build, str(there)]) == 0
    assert "1 changed files written" in capsys.readouterr().out
    assert files(there).items() >= wanted.items()

    lines.write_text(lines.read_text("utf-8").replace("crane", "nobody", 1), "utf-8")
    assert cli.main(["-C", str(many), "validate", *archive, "--format", "jsonl"]) == 1
    (found,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (found["file"], found["line"]) == (f"{library}/{lines.parent.name}/{lines.name}", 1)
    assert cli.main([*build, str(there)]) == 1
    assert files(there).items() >= wanted.items()


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s3a://library/made", "s3a: needs the package org.apache.hadoop:hadoop-aws, and credentials"),
        ("nowhere://library/made", 'No FileSystem for scheme "nowhere"'),
        ("file:/nowhere/at/all", "holds no archive: none of its files ends in .jsonl, .jsonl.gz, .parquet"),
        ("s3a:", "cannot be read by this Spark"),
    ],
)
def test_a_path_that_spark_does_not_read_is_told_in_one_line(
    birds: Path, capsys: pytest.CaptureFixture[str], place: str, said: str
) -> None:
    assert cli.main(["-C", str(birds), "validate", "--on", MASTER, "--articles", place]) == 1

    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_paths_elsewhere_need_a_spark(birds: Path, run: Run) -> None:
    said = run("-C", birds, "build", "--to", "s3a://library/out")

    assert said.returncode == 2
    assert "--articles and --to go through Apache Spark: say which by --on" in said.stderr


def test_a_spark_that_cannot_be_used_is_told_in_one_line(birds: Path, run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"spark://127.0.0.1:{taken.getsockname()[1]}"  # bound, and not listened to
        said = run("-C", birds, "build", "--on", nobody)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"spacecoop build: nobody answers at {nobody}: Connection refused; is the master up")

    said = run("--lang", "fr", "-C", birds, "validate", "--on", "cluster")
    assert said.stderr.startswith("spacecoop validate: cluster n'est pas un maître Spark ; en voici : local[*]")
    said = run("-C", birds, "build", "--on", MASTER, JAVA_HOME=str(tmp_path))
    assert (
        said.stderr
        == "spacecoop build: Spark needs Java 17 or newer, and there is none: install one, or set JAVA_HOME\n"
    )


@pytest.mark.parametrize(
    ("java", "said"),
    [
        ('java.io.IOException: Cannot run program "/nowhere/python": error=2, No such file', "Python, /nowhere/python"),
        ("PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has 3.12", "have another spacecoop, Python"),
        ("ModuleNotFoundError: No module named 'spacecoop'", "cannot use spacecoop: No module named 'spacecoop'"),
        ("java.lang.OutOfMemoryError: Java heap space", "Spark gave up on local: java.lang.OutOfMemoryError"),
    ],
)
def test_what_java_says_of_workers_is_told_in_our_words(java: str, said: str) -> None:
    error = RuntimeError(f"An error occurred while calling o1.count.\n: org.apache.spark.SparkException: x\n{java}\n")

    assert said in str(spark._failure("local", error))


def test_a_spark_of_another_version_than_pyspark_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        version = "3.5.1"
        sparkContext = None  # noqa: N815  as Spark has it
        stopped = False

        def stop(self) -> None:
            Other.stopped = True

    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    monkeypatch.setattr("pyspark.sql.SparkSession.Builder.getOrCreate", lambda _: Other())

    with pytest.raises(spark.SparkError, match=r"and here is 3\.5\.1; install pyspark"), spark.session("local"):
        pass
    assert Other.stopped


def test_a_pyspark_that_is_absent_or_another_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pyspark, "__version__", "3.5.1")
        with pytest.raises(spark.SparkError, match=r"works with Spark 4, and here is 3\.5\.1"):
            spark.check(MASTER)
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pyspark", None)
        with pytest.raises(spark.SparkError, match="not installed"):
            spark.check(MASTER)
