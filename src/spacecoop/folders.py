"""Write a folder aside, under a lock, and let it take the place of the one that was there."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spacecoop import jsontext
from spacecoop.documents import Unreadable
from spacecoop.findings import Place, finding

MANIFEST = "manifest.json"
PAGES = "pages.json"
"""What lists the files of the pages as the manifest lists all others, and itself."""
SECONDS = 600.0
"""How long a build waits for another one to end."""


@dataclass(frozen=True)
class Holder:
    """Who builds here now: a process, on which machine, since when."""

    process: int
    host: str
    since: str


Waiting = Callable[[Holder], None]
"""Told whom a build has to wait for."""


def wait_silently(holder: Holder) -> None:
    """Say nothing about the wait."""


@contextlib.contextmanager
def hold(lock: Path, waiting: Waiting = wait_silently) -> Iterator[None]:
    """Hold a lock, so that only one process at a time replaces a folder; the system frees it when a holder dies.

    Raises Unreadable where another process holds it for too long, or the lock cannot be made.
    """
    note = lock.with_suffix(".json")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        guard = FileLock(lock)
        try:
            guard.acquire(timeout=0)
        except Timeout:
            waiting(_read_holder(note))
            guard.acquire(timeout=SECONDS)
    except Timeout as error:
        holder = _read_holder(note)
        place = Place(f"{lock.parent.name}/{lock.name}")
        raise Unreadable(finding("build-held", place, **asdict(holder))) from error
    except OSError as error:
        place = Place(f"{lock.parent.name}/{lock.name}")
        raise Unreadable(finding("unreadable", place, reason=error.strerror or error)) from error
    try:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        note.write_text(json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), now))), "utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        guard.release()


def _read_holder(note: Path) -> Holder:
    """Read who holds a lock; a note that is just being written tells nothing."""
    try:
        return Holder(**jsontext.parse(note.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return Holder(0, "?", "?")


@contextlib.contextmanager
def replace(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write in, which takes the place of *folder* at the end, or else vanishes.

    Readers see the old folder or the new one, never half; where the system cannot exchange two folders in one
    step, an interruption between two renamings is mended by the next call. Where *folder* is a symbolic link, the
    folder that it leads to is replaced, and the link stays. Only one process at a time may do this (see ``hold``):
    what lies beside it under such a name was left by a process that died, and is deleted.
    Raises Unreadable where something else than a folder is there.
    """
    target = _resolve(folder)
    if folder.is_symlink() and _holds_sources(target, folder.absolute().parent.resolve()):
        raise Unreadable(finding("out-source", Place(folder.name), path=target))
    new = target.with_name(f".{target.name}.new-{os.getpid()}")
    old = target.with_name(f".{target.name}.old")
    if old.exists() and not target.exists():
        old.rename(target)
    _delete_rests(target)
    new.mkdir(parents=True)
    try:
        yield new
        if not target.exists():
            new.rename(target)
        elif not _exchange(new, target):
            target.rename(old)
            new.rename(target)
    finally:
        _delete_rests(target)


def _holds_sources(target: Path, workspace: Path) -> bool:
    """Tell whether a folder that a link leads to is the workspace, holds it, or has files of it."""
    if workspace.is_relative_to(target):
        return True
    return target.is_relative_to(workspace) and target.is_dir() and not _is_built(target) and any(target.iterdir())


def _is_built(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def tidy(folder: Path) -> None:
    """Delete what a process that died left beside a folder; only who holds the lock may do this."""
    _delete_rests(_resolve(folder))


def _resolve(folder: Path) -> Path:
    """Follow symbolic links to the folder that is to be replaced; it need not be there yet."""
    try:
        target = folder.resolve()
    except (OSError, RuntimeError) as error:
        raise Unreadable(finding("unreadable", Place(folder.name), reason=error)) from error
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise Unreadable(finding("out-no-folder", Place(folder.name), path=target))
    return target


def _delete_rests(folder: Path) -> None:
    for rest in sorted(folder.parent.glob(f".{folder.name}.*")):
        if re.fullmatch(rf"\.{re.escape(folder.name)}\.(new(-\d+)?|old)", rest.name):
            shutil.rmtree(rest, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, as Linux can (renameat2, RENAME_EXCHANGE); tell whether it did."""
    here, exchange = -100, 2
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


def read_names(path: Path) -> set[str]:
    """Read the paths that a manifest lists, even one that a merge left in conflict; none where there is no manifest."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    return {jsontext.parse(name) for name in re.findall(r'"path": ("(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*")', text)}


def list_files(folder: Path) -> list[dict[str, Any]]:
    """Return what the manifest of a folder lists, with the pages; raises OSError or ValueError without one."""
    rows: list[dict[str, Any]] = jsontext.parse((folder / MANIFEST).read_bytes())["files"]
    if any(row["path"] == PAGES for row in rows):
        rows += jsontext.parse((folder / PAGES).read_bytes())["files"]
    return rows


def list_names(folder: Path) -> set[str]:
    """Return the paths that a folder's manifest lists, with the pages, as ``read_names`` reads them."""
    return read_names(folder / MANIFEST) | read_names(folder / PAGES)


def carry_over(old: Path, new: Path, built: Collection[str]) -> list[str]:
    """Take the files of *old* that no build wrote into *new*, as they are; return their paths.

    *built* are the paths that earlier builds wrote. Raises Unreadable where a build wants to write something else at
    the place of such a file: nobody's file is overwritten.
    """
    strangers = []
    for name in sorted(names(old)):
        if name == MANIFEST or name in built:
            continue
        source, target = old / name, new / name
        if _is_same(source, target):
            continue
        if target.is_symlink() or target.exists() or any(parent.is_file() for parent in _parents(target, new)):
            raise Unreadable(finding("out-foreign", Place(f"{old.name}/{name}")))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:  # another file system, or one without links
            shutil.copy2(source, target, follow_symlinks=False)
        strangers.append(name)
    return strangers


def names(folder: Path) -> Iterator[str]:
    """Yield the paths of all that lies in a folder and is no folder itself, without following links."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        start = Path(parent).relative_to(folder).as_posix()
        for name in [*files, *links]:  # as texts: there may be a million
            yield name if start == "." else f"{start}/{name}"


def _parents(path: Path, top: Path) -> Iterable[Path]:
    return (parent for parent in path.parents if parent.is_relative_to(top) and parent != top)


def _is_same(one: Path, other: Path) -> bool:
    regular = one.is_file() and other.is_file() and not one.is_symlink()
    return regular and one.read_bytes() == other.read_bytes()


def compare(one: Path, other: Path) -> list[str]:
    """Return the paths of files that are not the same, or not there, in both folders."""
    there = {name for folder in (one, other) for name in names(folder)}
    return sorted(name for name in there if not _is_same(one / name, other / name))
