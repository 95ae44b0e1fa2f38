"""The files of a built dataset, as the manifest lists them, and which of them a reader gets."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from spacecoop import folders
from spacecoop.harvest import negotiation
from spacecoop.harvest.negotiation import FILE_TYPES, Row
from spacecoop.syntaxes import SYNTAXES

MANIFEST = "manifest.json"
ASSETS = "assets"
SMALL, LARGE = 1_000, 2_000_000
"""Bytes between which a page, a style or a script is packed while it is served."""
_PACKED = frozenset(
    {"text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "application/xml"}
)


class NotBuilt(Exception):
    """There is no built dataset to serve; the message says what would help."""


@dataclass(frozen=True)
class Choice:
    """What a reader gets: a file, or another address, or a list of what there is."""

    status: int
    file: str = ""
    there: str = ""


@dataclass(frozen=True)
class Site:
    """One build of a dataset."""

    folder: Path
    digests: Mapping[str, str]
    """By path, the SHA-256 of a file."""
    rows: tuple[Row, ...]

    def choose(self, path: str, accept: str | None) -> Choice:
        """Choose by the same rules, from the same table, as those written for Apache, nginx and Caddy."""
        if path in self.digests:
            return Choice(200, path)
        for row in self.rows:
            found = re.fullmatch(row.pattern, path)
            if found is None:
                continue
            endings = [ending for ending in row.endings if self._file(row, ending, path) in self.digests]
            if not endings:
                return Choice(404)
            there = ", ".join(negotiation.MEDIA_TYPES[ending] for ending in endings)
            chosen = negotiation.choose(row, accept)
            file = "" if chosen is None else self._file(row, chosen, path)
            if file not in self.digests:
                return Choice(406, there=there)
            return Choice(303 if row.see_other else 200, file, there)
        return Choice(404)

    def _file(self, row: Row, ending: str, path: str) -> str:
        return (row.files[row.endings.index(ending)] if row.files else path) + ending


def read(folder: Path) -> Site:
    """Read what was built; raises NotBuilt where there is none, or only half of it."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        digests = {row["path"]: row["sha256"] for row in folders.list_files(folder)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotBuilt(f"{folder} holds no built dataset ({type(error).__name__}); run `spacecoop build`") from None
    if missing := sorted(path for path in digests if not (folder / path).is_file()):
        raise NotBuilt(f"{folder} lacks {missing[0]} and {len(missing) - 1} more; run `spacecoop build`")
    for path in sorted((folder / ASSETS).glob("*")):  # libraries that others wrote: they belong to no build
        if path.is_file() and not path.is_symlink():
            digests[f"{ASSETS}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    digests[MANIFEST] = hashlib.sha256(manifest).hexdigest()
    order = [*(syntax.ending for syntax in SYNTAXES), ".html"]
    stems: dict[str, list[str]] = {}
    for path in digests:
        stem, dot, ending = path.rpartition(".")
        if f"{dot}{ending}" in order and not stem.startswith("feed") and "." not in stem:
            stems.setdefault(stem, []).append(f"{dot}{ending}")
    pages = "index.html" in digests
    stems = {stem: endings for stem, endings in stems.items() if endings != [".html"]}  # a page without data
    special = negotiation.table({}, pages)
    documents = {
        stem: sorted(endings, key=order.index)
        for stem, endings in stems.items()
        if not any(re.fullmatch(row.pattern, stem) for row in special)
    }
    return Site(folder, digests, tuple(negotiation.table(documents, pages)))


@lru_cache(maxsize=64)
def pack(path: Path, _digest: str) -> bytes | None:
    """Return a page, a style or a script as gzip has it; None for what is large, small, packed already or gone.

    The digest is the file's, so that a new build is packed anew.
    """
    kind = FILE_TYPES.get(path.suffix, "")
    try:
        if kind not in _PACKED or not SMALL <= path.stat().st_size <= LARGE:
            return None
        return gzip.compress(path.read_bytes(), 6, mtime=0)
    except OSError:
        return None


def media_type(file: str) -> str:
    """Return what a file is served as, with its charset."""
    kind = FILE_TYPES.get(Path(file).suffix, "application/octet-stream")
    if file.endswith("/void"):
        kind = "text/turtle"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
