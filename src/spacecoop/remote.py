"""Paths that Spark reads and writes in; copies of archives here, and a dataset's files there, out.

What a path may be is Hadoop's to say: ``file:``, ``hdfs:``, ``s3a:`` and others, by the settings of Spark.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spacecoop import jsontext

SENDERS = 8
"""How many files are on their way at a time."""
MANIFEST = "manifest.json"


class RemoteError(Exception):
    """A path cannot be read or written; why, and what would help."""


def fetch(context: Any, places: Sequence[str], endings: tuple[str, ...], folder: Path) -> dict[Path, str]:
    """Copy the files at *places*, or in the folders there, to a *folder*; return each copy with its path there.

    Files whose size and time are what they were are not fetched again. Raises RemoteError where a place holds none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[Path, str] = {}
    for place in places:
        with _telling("read", place):
            system, there = _open(context, place)
            files = [one for one in _list(system, there) if one[0].endswith(endings)]
            if not files:
                raise RemoteError(f"{place} holds no archive: none of its files ends in {', '.join(endings)}")
            for name, size, time in files:
                sign = hashlib.sha256(f"{name}\n{size}\n{time}".encode()).hexdigest()[:16]
                copy = folder / f"{sign}-{name.rpartition('/')[2]}"
                if not copy.exists():
                    beside = folder / f".{os.getpid()}"
                    system.copyToLocalFile(False, _path(context, name), _local(context, beside), True)
                    beside.replace(copy)
                found[copy] = name
    for path in set(folder.iterdir()) - set(found):
        path.unlink()
    return found


def send(context: Any, folder: Path, place: str) -> int:
    """Make the files at *place* those of a built *folder*, the manifest last; return how many were sent.

    What the manifest there says to be the same is not sent again; other files there stay. Where there is no manifest,
    the last sending was cut off. Raises RemoteError.
    """
    ours = _digests((folder / MANIFEST).read_bytes())
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    with _telling("written", place):
        system, there = _open(context, place)
        system.setWriteChecksum(False)
        top = str(there.toString())
        lying = {name.removeprefix(f"{top}/"): size for name, size, _ in _list(system, there, deep=True)}
        theirs = _there(context, system, top) if MANIFEST in lying else {}
        same = {name for name in names & set(ours) if ours[name] == theirs.get(name)}
        changed = sorted(names - {name for name in same if lying.get(name) == (folder / name).stat().st_size})
        system.delete(_path(context, f"{top}/{MANIFEST}"), False)

        def put(name: str) -> None:
            system.copyFromLocalFile(False, True, _local(context, folder / name), _path(context, f"{top}/{name}"))

        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(put, changed))
        for name in sorted((set(theirs) - set(ours)) & set(lying)):
            system.delete(_path(context, f"{top}/{name}"), False)
        put(MANIFEST)
    return len(changed)


def _there(context: Any, system: Any, top: str) -> dict[str, str]:
    """Return the digests that the manifest at a place tells; none where it is not one of ours."""
    stream = system.open(_path(context, f"{top}/{MANIFEST}"))
    try:
        return _digests(bytes(context._jvm.org.apache.commons.io.IOUtils.toByteArray(stream)))
    except (ValueError, LookupError, TypeError):
        return {}
    finally:
        stream.close()


def _digests(manifest: bytes) -> dict[str, str]:
    return {row["path"]: row["sha256"] for row in jsontext.parse(manifest)["files"]}


def _path(context: Any, name: str) -> Any:
    return context._jvm.org.apache.hadoop.fs.Path(name)


def _local(context: Any, path: Path) -> Any:
    """Return a path of this machine as Hadoop has it: it knows no percent signs."""
    return _path(context, f"file://{path.absolute().as_posix()}")


def _open(context: Any, place: str) -> tuple[Any, Any]:
    """Return the file system of a place, and the whole path of the place in it."""
    path = _path(context, place)
    system = path.getFileSystem(context._jsc.hadoopConfiguration())
    return system, system.makeQualified(path)


def _list(system: Any, there: Any, deep: bool = False) -> Iterator[tuple[str, int, int]]:
    """Yield path, size and time of a file, or of each in a folder, sorted; nothing of what Spark wrote beside."""
    if not system.exists(there):
        return
    found, files = [], system.listFiles(there, deep)
    while files.hasNext():
        one = files.next()
        if deep or not one.getPath().getName().startswith(("_", ".")):
            found.append((str(one.getPath().toString()), int(one.getLen()), int(one.getModificationTime())))
    yield from sorted(found)


@contextmanager
def _telling(done: str, place: str) -> Iterator[None]:
    """Have what Java says of a path be an error of ours."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise RemoteError(f"{place} cannot be {done} by this Spark: {_reason(error)}{_advice(place)}") from error


def _reason(error: Exception) -> str:
    """Return what Java says, without its class's package and its stack."""
    lines = str(error).splitlines()
    told = next((line for line in lines[1:] if line.startswith((": ", "java", "org"))), lines[0] if lines else "")
    return re.sub(r"^:? ?([a-z]\w*\.)+", "", told)[:300]


def _advice(place: str) -> str:
    """Return what would help, by the scheme of a place."""
    scheme = place.partition(":")[0]
    with suppress(KeyError):
        return f"; {scheme}: needs {NEEDS[scheme]}"
    return ""


NEEDS = {
    "s3a": "the package org.apache.hadoop:hadoop-aws, and credentials (see docs/scale.md)",
    "gs": "Google's connector for Hadoop, and credentials (see docs/scale.md)",
    "abfss": "the package org.apache.hadoop:hadoop-azure, and credentials (see docs/scale.md)",
    "hdfs": "a name node that can be reached (see docs/scale.md)",
}
"""What Spark lacks for some schemes."""
