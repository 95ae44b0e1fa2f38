"""What was found out before, by the digest of all that it was found out from; damaged entries are never believed."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib import metadata
from pathlib import Path

MOST_BYTES = 4_000_000_000
"""How much one cache may hold; what was kept first goes first."""


class Unbelievable(Exception):
    """What a cache holds bears the right digest and is not what we keep there: it was made by hand."""


class Cache:
    """A file of values by key, of bounded size. Where it cannot be used, it is empty, and nothing fails."""

    def __init__(self, path: Path, most: int | None = None) -> None:
        self._path = path
        self._most = MOST_BYTES if most is None else most

    def load(self) -> dict[str, bytes]:
        """Return all entries whose digests are right; delete a file that is no cache."""
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT key, value, digest FROM entry").fetchall()
        except sqlite3.DatabaseError:
            return {}
        return {key: value for key, value, digest in rows if _is_sound(key, value, digest)}

    @contextmanager
    def look_up(self) -> Iterator[Callable[[str], bytes | None]]:
        """Give a function that finds the entry of a key, so that not all of them need to be held."""
        database: sqlite3.Connection | None = None
        with suppress(sqlite3.DatabaseError):
            database = self._open()

        def find(key: str) -> bytes | None:
            if database is not None:
                with suppress(sqlite3.DatabaseError):
                    row = database.execute("SELECT value, digest FROM entry WHERE key = ?", (key,)).fetchone()
                    if row is not None and _is_sound(key, *row):
                        value: bytes = row[0]
                        return value
            return None

        try:
            yield find
        finally:
            if database is not None:
                database.close()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

    def add(self, entries: Mapping[str, bytes]) -> None:
        """Keep new entries beside all others."""
        self._keep(entries, None)

    def keep(self, entries: Mapping[str, bytes], known: Iterable[str]) -> None:
        """Keep new entries beside those of the *known* keys, and forget all others."""
        self._keep(entries, known)

    def _keep(self, entries: Mapping[str, bytes], known: Iterable[str] | None) -> None:
        try:
            self._write(entries, known)
        except sqlite3.DatabaseError:
            try:
                self._path.unlink(missing_ok=True)
                self._write(entries, ())
            except (sqlite3.DatabaseError, OSError):
                return  # a cache that cannot be written costs time, nothing else

    def _write(self, entries: Mapping[str, bytes], known: Iterable[str] | None) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.DatabaseError(str(error)) from error
        with closing(sqlite3.connect(self._path)) as database, database:
            database.execute("PRAGMA auto_vacuum = FULL")  # of a new file: it shrinks when entries go
            database.execute("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value BLOB, digest TEXT)")
            if known is not None:
                database.execute("CREATE TEMP TABLE known (key TEXT PRIMARY KEY)")
                database.executemany("INSERT OR IGNORE INTO known VALUES (?)", ((key,) for key in known))
                database.execute("DELETE FROM entry WHERE key NOT IN known")
            rows = ((key, value, _digest(key, value)) for key, value in entries.items())
            database.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", rows)
            database.execute(_BOUND, (self._most,))


_BOUND = """DELETE FROM entry WHERE rowid IN (SELECT rowid FROM
  (SELECT rowid, sum(length(value)) OVER (ORDER BY rowid DESC) AS held FROM entry) WHERE held > ?)"""


def key(*parts: bytes) -> str:
    """Return the key for what depends on these parts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def clear(folder: Path, names: Iterable[str]) -> int:
    """Delete these files and folders of a folder, where they are; return how many bytes that frees."""
    freed = 0
    for path in (folder / name for name in names):
        if path.is_dir() and not path.is_symlink():
            freed += sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            freed += path.lstat().st_size
            path.unlink()
    return freed


@functools.cache
def program() -> bytes:
    """Return a digest of the program and of the libraries it needs: another program believes nothing of this one's."""
    here = Path(__file__).parent
    parts = [sys.version.encode(), *(f"{name} {version}".encode() for name, version in _libraries())]
    for path in sorted(here.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            parts += [path.relative_to(here).as_posix().encode(), path.read_bytes()]
    return bytes.fromhex(key(*parts))


def _libraries() -> Iterator[tuple[str, str]]:
    """Yield the name and version of each library that the program asks for."""
    try:
        wanted = metadata.requires("spacecoop") or ()
    except metadata.PackageNotFoundError:
        return  # run from its sources, without being installed
    for name in sorted({re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in wanted if "extra ==" not in one}):
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _is_sound(key: object, value: object, digest: object) -> bool:
    return isinstance(key, str) and isinstance(value, bytes) and digest == _digest(key, value)


def _digest(key: str, value: bytes) -> str:
    return hashlib.sha256(key.encode() + value).hexdigest()
