"""RDF files in, a store that holds them out: read into memory, or an index that is kept and built once."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import tempfile
import time
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from pyoxigraph import NamedNode, RdfFormat, Store

from spacecoop import jsontext
from spacecoop.syntaxes import BY_ENDING

LARGE = 8 * 1024**2
"""Bytes of RDF that are read into memory in less time than a store takes to be opened from a cold disk."""
PACKED = 10
"""How much larger a gzipped file is when it is read; N-Quads often reach 20."""
MOST_PACKED = 200
"""How much larger a gzipped file may be when it is read; what is larger is no data."""
UNUSED = 30 * 24 * 3600
"""Seconds after which an index that nobody opened is deleted, when another is built."""
ABANDONED = 3600
"""Seconds after which a build that has not gone on was interrupted."""
_MARK = "complete.json"


class SourceError(Exception):
    """What is to be asked cannot be opened, or cannot be read; the message says what would help."""


class DamagedError(Exception):
    """An index in the cache cannot be read; it is to be built anew."""


def weigh(paths: Iterable[Path]) -> int:
    """Return about how many bytes of RDF files hold; raises SourceError for what is no file."""
    return sum(map(_weight, paths))


def read(paths: Mapping[Path, str]) -> Store:
    """Read files into memory; *paths* gives the graph that each goes to, empty where it says so itself."""
    store = Store()
    _load(store, paths)
    return store


def _weight(path: Path) -> int:
    if {"http:", "https:"} & set(path.parts):
        raise SourceError(f"{path}: nothing is fetched; fetch the file first, or ask it with --endpoint, if it is one")
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name the files in it, or ask a store with --store")
    try:
        return path.stat().st_size * (PACKED if path.suffix == ".gz" else 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _load(store: Store, paths: Mapping[Path, str]) -> None:
    for path, graph in paths.items():
        try:
            with _open(path) as stream:
                to_graph = NamedNode(graph) if graph else None
                store.bulk_load(input=stream, format=_syntax(path), to_graph=to_graph)
        except (OSError, EOFError, SyntaxError, ValueError) as error:
            raise SourceError(f"{path}: {error}") from error


class _Unpacked(gzip.GzipFile):
    """A gzipped file that is not much larger unpacked than data are."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._left = MOST_PACKED * path.stat().st_size + LARGE

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes; raises OSError where there are too many in all."""
        part = super().read(LARGE if size is None or size < 0 else size)
        self._left -= len(part)
        if self._left < 0:
            raise OSError(f"it is more than {MOST_PACKED} times as large when it is unpacked; unpack it yourself first")
        return part


def _open(path: Path) -> IO[bytes]:
    """Open a file to be read, unpacked, behind the byte order mark that some programs write."""
    stream: Any = _Unpacked(path) if path.suffix == ".gz" else path.open("rb")
    if stream.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
        stream.read(len(BOM_UTF8))
    return stream  # type: ignore[no-any-return]


def _syntax(path: Path) -> RdfFormat:
    ending = (Path(path.stem) if path.suffix == ".gz" else path).suffix
    syntax = BY_ENDING.get(ending.lower())
    if syntax is not None:
        return syntax.format
    guessed = RdfFormat.from_extension(ending.removeprefix(".").lower())
    if guessed is None:
        raise SourceError(f"{path}: the ending {ending!r} is not that of an RDF file; there are {', '.join(BY_ENDING)}")
    return guessed


def open_index(paths: Mapping[Path, str], cache: Path) -> Store:
    """Open the index of these files' content; build it where there is none, or where it is damaged."""
    index = cache / _key(paths, cache)
    if _is_complete(index):
        try:
            store = Store.read_only(str(index))
            with contextlib.suppress(OSError):
                (index / _MARK).touch()
            return store
        except (OSError, ValueError, RuntimeError):
            pass  # damaged: built anew below
    shutil.rmtree(index, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=cache))
    try:
        store = Store(str(new))
        _load(store, paths)
        store.optimize()
        store.flush()
        del store
        sizes = {path.name: path.stat().st_size for path in sorted(new.iterdir()) if path.suffix == ".sst"}
        (new / _MARK).write_text(json.dumps(sizes), "utf-8")
        try:
            new.rename(index)
        except OSError:  # another reader was quicker, with the same content
            if not _is_complete(index):
                raise
        return Store.read_only(str(index))
    except (OSError, ValueError) as error:
        raise SourceError(f"{index}: the index cannot be built: {error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def locate(paths: Mapping[Path, str], cache: Path) -> Path:
    """Return the folder of the index of these files, which is built where there is none."""
    open_index(paths, cache)
    return cache / _key(paths, cache)


def _sweep(cache: Path) -> None:
    """Delete what has not been used for long, and what a build left that was interrupted."""
    for entry in [*cache.iterdir(), *cache.glob("digests/*")]:
        built = entry / _MARK
        bound = ABANDONED if entry.name.startswith(".new-") else UNUSED
        with contextlib.suppress(OSError):
            if entry.name == "digests" or time.time() - (built if built.exists() else entry).stat().st_mtime < bound:
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()


def forget(paths: Mapping[Path, str], cache: Path) -> bool:
    """Delete the index of these files, which turned out to be damaged; tell whether there was one."""
    index = cache / _key(paths, cache)
    there = index.is_dir()
    shutil.rmtree(index, ignore_errors=True)
    return there


def _is_complete(index: Path) -> bool:
    """Tell whether an index has all the files that it was built with."""
    try:
        sizes = jsontext.parse((index / _MARK).read_text("utf-8"))
        return all((index / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _key(paths: Mapping[Path, str], cache: Path) -> str:
    """Return a name for the content of files; the digest of a file that has not changed is remembered."""
    digest = hashlib.sha256()
    for path, graph in paths.items():
        digest.update(f"{_digest(path, cache)} {graph} {path.suffixes[-2:]}\n".encode())
    return digest.hexdigest()[:40]


def _digest(path: Path, cache: Path) -> str:
    stat = path.stat()
    seen = f"{path.absolute()}\n{stat.st_size}\n{stat.st_mtime_ns}\n{stat.st_ino}"
    memo = cache / "digests" / hashlib.sha256(seen.encode()).hexdigest()[:40]
    if memo.is_file():
        return memo.read_text("ascii")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    memo.parent.mkdir(parents=True, exist_ok=True)
    beside = memo.with_name(f".{memo.name}.{os.getpid()}")
    beside.write_text(digest, "ascii")
    beside.replace(memo)
    return digest


def home() -> Path:
    """Return where indexes are kept: in the user's cache folder (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".cache") / "spacecoop" / "index"
