"""Fact files in, what was done with each out: as ``work`` does it, by the workers of an Apache Spark.

The work is a function of one article and the files that all share, so a worker needs nothing but their bytes: those
travel once, by broadcast; articles travel with their tasks. A worker writes what it makes aside. Where it sees the new
folder of the build it moves the files there, whole; elsewhere the files come back with the results. A task that is
repeated makes the same bytes, so it may run as often as Spark likes. Counts, dumps and the manifest are made after
that, by the one process that was started: the same as without Spark.
"""

from __future__ import annotations

import atexit
import math
import os
import re
import shutil
import socket
import sys
import tempfile
import uuid
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from spacecoop import cache, shared, standing, work, workspace
from spacecoop.documents import Unreadable
from spacecoop.facts.bulk import Line
from spacecoop.work import Done, Source, Work

MAJOR = "4"
"""The Spark that was tried."""
TASK = 100
"""How many articles a task does, at most: what is lost when one dies."""
WAVES = 3
"""How many tasks each processor does, at least, so that a slow one is not waited for by the others."""
LEAST = 10
"""How many articles a task does where there are enough: to begin one costs as much as an article or two."""
BLOCK = 5_000
"""How many articles are with the workers at a time, at least: what the main process holds of them."""
SECONDS = 5.0
"""How long the master of a cluster may take to answer at all."""
_ASIDE = ".tasks"
_SIGN = ".sign"
_OTHER = "spacecoop: another program"


class SparkError(Exception):
    """Spark is not there, or cannot do the work; what is the matter, and what would help."""


@dataclass(frozen=True)
class _Job:
    """What each task is to know beside its articles and the shared files."""

    engine: str
    program: tuple[bytes, str]
    folder: str | None
    """Where the build writes; None where nothing is to be written."""
    sign: str
    """What stands in a file of that folder: a worker that reads it there sees the same folder."""


@dataclass(frozen=True)
class _Row:
    """An article as it travels."""

    name: str
    """The file that it stands in, from the workspace."""
    slug: str
    line: int
    """Its line in a file of many; 0 where it has a file of its own."""
    data: bytes

    def source(self, root: Path) -> Source:
        """Put the article down in a workspace, and return where it stands there."""
        if not self.line:
            (root / self.name).write_bytes(self.data)
            return root / self.name
        path = root / "articles" / f"{cache.key(self.slug.encode())}.line"
        path.write_bytes(self.data)
        return Line(origin=self.origin(root), number=self.line, slug=self.slug, path=path, start=0, size=len(self.data))

    def origin(self, root: Path) -> Path:
        """Return what stands for the file of many in a workspace; it need not be there."""
        inside = self.name.startswith("articles/")
        return root / (self.name if inside else f"articles/{cache.key(self.name.encode())}.archive")


def runs_on(master: str, partitions: int | None = None) -> work.Run:
    """Return what does the work on articles by a Spark *master*, each time in so many *partitions*.

    Raises SparkError at once where there is no Spark that could be started.
    """
    check(master)

    def run(todo: Work, sources: Sequence[Source]) -> Generator[Done]:
        if not sources:
            return
        with session(master) as context:
            yield from _run(context, master, todo, sources, partitions)

    return run


def check(master: str) -> None:
    """Raise SparkError where Spark cannot be started, before anything is read."""
    try:
        import pyspark
    except ImportError as error:
        raise SparkError(
            "`--on` needs pyspark, and it is not installed; `pip install 'spacecoop[spark]'` brings it"
        ) from error
    if pyspark.__version__.partition(".")[0] != MAJOR:
        raise _other_version(MAJOR, pyspark.__version__)
    if not re.fullmatch(r"local(\[(\*|\d+)(,\d+)?\])?|local-cluster\[\d+,\d+,\d+\]|yarn|(spark|k8s)://\S+", master):
        raise SparkError(
            f"{master} is no master of Spark; one is local[*], local[2], local-cluster[2,1,1024], "
            "spark://host:7077, yarn or k8s://…"
        )
    home = os.environ.get("JAVA_HOME")
    if not (Path(home, "bin", "java").is_file() if home else shutil.which("java")):
        raise SparkError("Spark needs Java 17 or newer, and there is none: install one, or set JAVA_HOME")
    if master.startswith("spark://"):
        _reach(master)


def _other_version(wanted: str, found: str) -> SparkError:
    return SparkError(
        f"this works with Spark {wanted}, and here is {found}; install pyspark {wanted}, and unset SPARK_HOME where it "
        "leads to another"
    )


def _reach(master: str) -> None:
    """Raise SparkError where none of a cluster's masters can be connected to: Spark would try for a minute."""
    reason: object = "no host and port"
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
        else:
            return
    raise SparkError(f"nobody answers at {master}: {reason}; is the master up, and is this its address?")


@contextmanager
def session(master: str) -> Iterator[Any]:
    """Give a context of Spark: the one that is there already, else one of our own, which is stopped at the end."""
    import pyspark
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        yield active.sparkContext
        return
    builder = SparkSession.builder.master(_patient(master)).appName("spacecoop")
    for key, value in _settings(master).items():
        builder = builder.config(key, value)
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        started = builder.getOrCreate()
    except (PySparkException, _java_error(), OSError, TypeError, AttributeError) as error:
        raise SparkError(
            f"Spark did not start on {master}: {_reason(error)}; is it Spark {MAJOR} that runs there?"
        ) from error
    try:
        if started.version != pyspark.__version__:
            raise _other_version(pyspark.__version__, started.version)
        yield started.sparkContext
    finally:
        started.stop()


def _settings(master: str) -> dict[str, str]:
    """Return our settings; Spark's own files of settings, and PYSPARK_SUBMIT_ARGS, bring all others."""
    java = f"-Dlog4j2.configurationFile={Path(__file__).with_name('spark.properties').as_uri()}"
    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    if master.startswith("local"):
        java += " -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # Java does little here: it starts in half the time
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        settings["spark.executor.extraJavaOptions"] = java
    return {**settings, "spark.driver.extraJavaOptions": java}


def _patient(master: str) -> str:
    """Let a task be tried four times, as on clusters, where a local master names no number: Spark's would be one.

    >>> _patient("local[2]"), _patient("local"), _patient("local[*,1]"), _patient("yarn")
    ('local[2,4]', 'local[1,4]', 'local[*,1]', 'yarn')
    """
    found = re.fullmatch(r"local(?:\[(\*|\d+)\])?", master)
    return f"local[{found[1] or 1},4]" if found else master


def _run(context: Any, master: str, todo: Work, sources: Sequence[Source], partitions: int | None) -> Iterator[Done]:
    """Do the work block by block; results come back in the order of the sources."""
    home, folder = todo.common.workspace, todo.folder
    files = context.broadcast(_shared_files(home))
    sign = uuid.uuid4().hex
    job = _Job(todo.engine, _program(), None if folder is None else str(folder), sign)
    if folder is not None:
        _show(folder, sign)
    cores = context.defaultParallelism
    block = max(BLOCK, cores * TASK)
    try:
        for start in range(0, len(sources), block):
            part = sources[start : start + block]
            rows = [_row(home, source) for source in part]
            sent = [row for row in rows if row is not None]
            slices = partitions or _slices(len(sent), cores)
            stay = [source for source, row in zip(part, rows, strict=True) if row is None]
            with (
                closing(work.process(todo, stay)) as here,
                closing(
                    _send(context=context, master=master, files=files, job=job, rows=sent, slices=slices, folder=folder)
                ) as back,
            ):
                for row in rows:
                    yield next(here if row is None else back)
    finally:
        files.destroy()
        if folder is not None:
            shutil.rmtree(folder / _ASIDE, ignore_errors=True)
            (folder / _SIGN).unlink(missing_ok=True)


def _slices(number: int, cores: int) -> int:
    """Return in how many tasks so many articles are done: all processors are busy until the end.

    >>> [_slices(number, 2) for number in (1, 30, 300, 5_000)]
    [2, 4, 6, 50]
    """
    waves = max(min(WAVES, math.ceil(number / (LEAST * cores))), math.ceil(number / (TASK * cores)))
    return cores * waves


def _show(folder: Path, sign: str) -> None:
    """Let workers that see the folder know it."""
    (folder / _ASIDE).mkdir()
    (folder / _SIGN).write_text(sign)


def _shared_files(home: workspace.Workspace) -> dict[str, bytes]:
    """Return what a build reads beside the articles, by path."""
    paths = [path for path in standing.sources(home) if not home.name(path).startswith("articles/")]
    return {home.name(path): path.read_bytes() for path in dict.fromkeys([*shared.files(home), *paths])}


def _row(home: workspace.Workspace, source: Source) -> _Row | None:
    """Return an article as it travels; nothing of one that is to be worked on here: it lies elsewhere, or is none."""
    name = work.name(home, source)
    path = source if isinstance(source, Path) else source.origin
    if name != f"articles/{path.name}" and path not in home.archives:
        return None
    if not path.exists() or home.misfit(path) is not None:
        return None
    try:
        return _Row(name, work.slug(source), 0 if isinstance(source, Path) else source.number, work.load(source, name))
    except Unreadable:
        return None


def _program() -> tuple[bytes, str]:
    """Return what the bytes of files depend on beside the input."""
    return cache.program(), zlib.ZLIB_RUNTIME_VERSION


def _send(
    context: Any, master: str, files: Any, job: _Job, rows: Sequence[_Row], slices: int, folder: Path | None
) -> Generator[Done]:
    """Send articles to the workers; yield what was done, in order, and write the files that come back."""
    from pyspark import StorageLevel

    if not rows:
        return
    spread = context.parallelize(rows, min(slices, len(rows)))
    made = spread.mapPartitions(_task(files, job)).persist(StorageLevel.DISK_ONLY)
    try:
        _do_all(made)
        for row in made.toLocalIterator():
            if isinstance(row, Done):
                yield row
            else:
                assert folder is not None
                path = folder / row[0]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(row[1])
    except _java_error() as error:
        raise _failure(master, error) from error
    finally:
        with suppress(_java_error()):
            made.unpersist()


def _do_all(made: Any) -> None:
    """Have all partitions done side by side; what they made waits with the workers, and Java alone counts it."""
    made._jrdd.count()  # count() itself would have a second process of Python for each processor do it


def _task(files: Any, job: _Job) -> Callable[[Iterable[_Row]], Iterator[Any]]:
    """Return what Spark runs on each partition."""
    return partial(do, files, job)


def do(files: Any, job: _Job, rows: Iterable[_Row]) -> Iterator[Any]:
    """Do the work on the articles of one partition: yield the files that must travel, then what was done."""
    if _program() != job.program:
        raise RuntimeError(_OTHER)
    common, rows = _common(files.value), list(rows)
    names = {row.origin(common.workspace.root): row.name for row in rows if row.line}
    home = replace(common.workspace, archives=names)
    place, seen = _make_folder(job)
    try:
        (home.root / "articles").mkdir(exist_ok=True)
        sources = [row.source(home.root) for row in rows]
        done = list(work.process(Work(replace(common, workspace=home), job.engine, place), sources, 1))
        if place is not None:
            yield from _hand_over(place, Path(job.folder or "") if seen else None)
        yield from done
    finally:
        shutil.rmtree(home.root / "articles", ignore_errors=True)
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)


def _common(files: Mapping[str, bytes]) -> shared.Shared:
    """Return the shared files, read once in each process of a worker."""
    from pyspark import SparkFiles

    key = cache.key(*(part for name in sorted(files) for part in (name.encode(), files[name])))
    if key not in _read:
        root = Path(tempfile.mkdtemp(dir=SparkFiles.getRootDirectory()))  # Spark deletes it in the end
        atexit.register(shutil.rmtree, root, ignore_errors=True)
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        _read.clear()
        _read[key] = shared.load(workspace.read(root))
    return _read[key]


_read: dict[str, shared.Shared] = {}


def _make_folder(job: _Job) -> tuple[Path | None, bool]:
    """Return a new folder for what a task writes, and whether it lies in the build's own."""
    from pyspark import SparkFiles

    if job.folder is None:
        return None, False
    folder = Path(job.folder)
    with suppress(OSError):
        if (folder / _SIGN).read_text() == job.sign:
            return Path(tempfile.mkdtemp(dir=folder / _ASIDE)), True
    return Path(tempfile.mkdtemp(dir=SparkFiles.getRootDirectory())), False


def _hand_over(place: Path, folder: Path | None) -> Iterator[tuple[str, bytes]]:
    """Move the files of a task into the build's folder, where it is seen; else yield them with their bytes."""
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        name = path.relative_to(place)
        if folder is None:
            yield name.as_posix(), path.read_bytes()
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(folder / name)


def _java_error() -> type[Exception]:
    from py4j.protocol import Py4JError

    found: type[Exception] = Py4JError
    return found


def _failure(master: str, error: Exception) -> SparkError:
    """Return what the matter is with a job that Spark gave up."""
    text = str(error)
    absent = re.search(r"(?:ModuleNotFound|Import)Error: ([^\n)]+)", text)
    started = re.search(r'Cannot run program "([^"]+)"', text)
    if started:
        return SparkError(f"the workers of {master} cannot start their Python, {started[1]} (PYSPARK_PYTHON names it)")
    if _OTHER in text or "PYTHON_VERSION_MISMATCH" in text:
        return SparkError(
            f"the workers of {master} have another spacecoop, Python, library or zlib than this one, "
            "so that their files could be others; install the same in their Python (PYSPARK_PYTHON "
            "names it)"
        )
    if absent:
        return SparkError(
            f"the workers of {master} cannot use spacecoop: {absent[1].strip()}; install it, in the "
            "same version, in their Python (PYSPARK_PYTHON names it)"
        )
    return SparkError(f"Spark gave up on {master}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return the most telling line of an error of Spark."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if re.search(r"(Exception|Error): \S", line) and not line.startswith("at ")]
    return (causes[-1] if causes else lines[0] if lines else type(error).__name__)[:300]
