"""The list of JavaScript libraries in; their files, each with the digest that is listed, out."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = "assets"
"""Where the files are, beneath ``.cache/`` and beneath what is published."""
PATIENCE = 300
"""Seconds that npm may take for one library."""


class NotFetched(Exception):
    """A library could not be had, or is not the one that is listed; the message says why."""


@dataclass(frozen=True)
class Library:
    """One npm package, and what is taken of it."""

    name: str
    version: str
    integrity: str
    """The digest of its package as npm gives it (Subresource Integrity): ``sha512-`` and base64."""
    files: tuple[tuple[str, str, str], ...]
    """Of each file: where it is in the package, what it is called here, its SHA-256."""


def every() -> list[Library]:
    """Return the libraries that are listed."""
    listed = tomllib.loads((Path(__file__).parent / "libraries.toml").read_text("utf-8"))["library"]
    return [
        Library(
            one["name"],
            one["version"],
            one["integrity"],
            tuple((path, row["as"], row["sha256"]) for path, row in one["files"].items()),
        )
        for one in listed
    ]


def names() -> set[str]:
    """Return the paths that the files have beneath what is published."""
    return {f"{FOLDER}/{name}" for library in every() for _, name, _ in library.files}


def missing(folder: Path) -> list[str]:
    """Return the names of the files that are not in *folder*, or are not what is listed."""
    return [name for library in every() for _, name, digest in library.files if _digest(folder / name) != digest]


def fetch(folder: Path) -> Iterator[str]:
    """Bring each library that is not there by npm; yield what was brought. Raises NotFetched."""
    folder.mkdir(parents=True, exist_ok=True)
    for library in every():
        if all(_digest(folder / name) == digest for _, name, digest in library.files):
            continue
        package = _read_package(library)
        for path, name, digest in library.files:
            content = _member(package, path, library)
            if hashlib.sha256(content).hexdigest() != digest:
                raise NotFetched(f"{library.name} {library.version}: {path} is not what is listed")
            beside = folder / f".{name}.new"
            beside.write_bytes(content)
            beside.replace(folder / name)
        yield f"{library.name} {library.version}"


def copy(source: Path, target: Path) -> bool:
    """Copy the files into *target*; return whether all were there. Otherwise nothing is copied."""
    if missing(source):
        return False
    target.mkdir(parents=True, exist_ok=True)
    for library in every():
        for _, name, _ in library.files:
            shutil.copyfile(source / name, target / name)
    return True


def _read_package(library: Library) -> bytes:
    """Return the package, as npm brings it and as its digest is listed."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("npm is not there; it comes with Node.js (Debian: apt install npm)")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--ignore-scripts", f"{library.name}@{library.version}"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise NotFetched(f"{library.name}: npm did not end within {PATIENCE} seconds") from None
        packages = sorted(Path(folder).glob("*.tgz"))
        if done.returncode or len(packages) != 1:
            reason = " ".join(done.stderr.split())[:300] or "npm gave no package"
            raise NotFetched(f"{library.name} {library.version}: {reason}")
        package = packages[0].read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != library.integrity:
        raise NotFetched(f"{library.name} {library.version}: the package is not the one that is listed ({found})")
    return package


def _member(package: bytes, path: str, library: Library) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        try:
            stream = archive.extractfile(f"package/{path}")
        except KeyError:
            stream = None
        if stream is None:
            raise NotFetched(f"{library.name} {library.version} has no {path}")
        return stream.read()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
