"""A workspace and its out/ in; whether a build would write what stands there already, out."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacecoop import cache, folders, jsontext, output
from spacecoop.cache import Cache
from spacecoop.findings import Finding, as_data, from_data
from spacecoop.folders import MANIFEST
from spacecoop.output import Written
from spacecoop.workspace import SETTINGS, Workspace

SOURCES = ("articles", "entities", "links", "ontology", "pages", "queries", "shapes", "stories")
"""The folders that a build reads, whole."""
_ENTRY = "built"
_LATELY = 50_000_000
"""Nanoseconds in which a file may change twice and a file system tell one time only."""


@dataclass(frozen=True)
class Standing:
    """What the last build wrote, which stands in out/ as it was; and what it had to say."""

    files: tuple[Written, ...]
    articles: int
    findings: tuple[Finding, ...]
    strangers: tuple[str, ...]
    """The paths of files in out/ that no build wrote."""


def inputs(workspace: Workspace, engine: str, pages: bool = True) -> str:
    """Return a digest of all that a build depends on beside the history: the program, how it is called, the sources."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    parts = [cache.program(), engine.encode(), str(pages).encode(), epoch.encode(), str(workspace.root).encode()]
    for path in [*sources(workspace), *sorted(workspace.archives, key=workspace.name)]:
        parts += [workspace.name(path).encode(), _digest(path)]
    return cache.key(*parts)


def sources(workspace: Workspace) -> list[Path]:
    """Return the files that a build reads, but for the history, sorted."""
    found = [workspace.root / SETTINGS]
    for folder in SOURCES:
        found += (path for path in (workspace.root / folder).rglob("*") if path.is_file())
    return sorted(found)


def _digest(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        return b"-"
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b""  # the build will tell what is the matter


def find(workspace: Workspace, history: Path, given: str) -> Standing | None:
    """Return what stands in out/, where a build of these *inputs* wrote it and every file is what it was.

    A file that has the size, the times and the number that it had then is believed; any other is read, and its digest
    compared with the manifest's.
    """
    try:
        record = jsontext.parse(_cache(workspace).load()[_ENTRY])
        if record["key"] != _key(given, history) or record["manifest"] != _digest(workspace.out / MANIFEST).hex():
            return None
        return _read(record, workspace)
    except (KeyError, TypeError, ValueError, AttributeError, OSError):
        return None  # no record, or none of ours


def _read(record: dict[str, Any], workspace: Workspace) -> Standing | None:
    rows = {row["path"]: Written(**row) for row in folders.list_files(workspace.out)}
    signs, read = record["signs"], False
    if rows.keys() != signs.keys():
        return None
    for path, written in rows.items():
        sign = _sign(f"{workspace.out}/{path}")
        if sign is None:
            return None
        if sign != signs[path]:
            read = True
            if output.measure(workspace.out, workspace.out / path, written.statements) != written:
                return None
            signs[path] = sign
    if read:
        _cache(workspace).keep({_ENTRY: json.dumps(record).encode()}, ())
    strangers = sorted(name for name in folders.names(workspace.out) if name not in rows and name != MANIFEST)
    told = tuple(from_data(found) for found in record["findings"])
    return Standing(tuple(rows[path] for path in signs), int(record["articles"]), told, tuple(strangers))


def keep(
    workspace: Workspace,
    history: Path,
    given: str,
    files: Sequence[Written],
    articles: int,
    findings: Iterable[Finding],
    ended: int,
) -> None:
    """Keep what a build of these *inputs* wrote and said; *ended* is when it had written, in nanoseconds."""
    signs = {}
    for one in files:
        sign = _sign(f"{workspace.out}/{one.path}")
        signs[one.path] = sign if sign and sign[1] < ended - _LATELY else []  # the others are read the next time
    record = {
        "key": _key(given, history),
        "manifest": _digest(workspace.out / MANIFEST).hex(),
        "articles": articles,
        "findings": [as_data(found) for found in findings],
        "signs": signs,
    }
    _cache(workspace).keep({_ENTRY: json.dumps(record).encode()}, ())


def now() -> int:
    """Return the time of files, in nanoseconds."""
    return time.time_ns()


def _sign(path: str) -> list[int] | None:
    """Return what changes when a file does: its size, times and number; None where it is no regular file."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino] if stat.S_ISREG(found.st_mode) else None


def _key(given: str, history: Path) -> str:
    return cache.key(given.encode(), _digest(history))


def _cache(workspace: Workspace) -> Cache:
    return Cache(workspace.root / ".cache" / "standing")
