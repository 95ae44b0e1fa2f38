"""A workspace: where a curator keeps what is published, and under which names it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacecoop import documents, settings
from spacecoop.documents import Unreadable
from spacecoop.findings import Finding, Place, finding, sort

SETTINGS = "spacecoop.toml"


class WorkspaceError(Exception):
    """There is no workspace here, or its settings cannot be used; the findings say why."""

    def __init__(self, root: Path, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(found.line() for found in findings))
        self.root = root
        self.findings = findings


@dataclass(frozen=True)
class Workspace:
    """The folder of a dataset, and its settings, parsed once."""

    root: Path
    base: str
    """The IRI that all published IRIs begin with; it ends with ``/``."""
    title: Mapping[str, str]
    licence: str
    publisher: str
    languages: tuple[str, ...]
    graphs: Mapping[str, tuple[str, ...]]
    """Which top keys of a fact file go into which graph of its article; ``*`` is all the rest."""
    prefixes: Mapping[str, str]
    settings: Mapping[str, Any] = field(repr=False)
    """All of ``spacecoop.toml``, for the parts that read a table of their own."""
    archives: Mapping[Path, str] = field(default_factory=dict)
    """Files of many articles that lie elsewhere: the copy here, and what findings call it."""

    @property
    def out(self) -> Path:
        """Where the dataset is published to."""
        return self.root / "out"

    @property
    def context(self) -> Path:
        """The one mapping from fact files to RDF."""
        return self.root / "ontology" / "context.jsonld"

    def files(self, folder: str, *endings: str) -> list[Path]:
        """Return the files with these endings in a folder of the workspace, sorted by path."""
        found = self._list_named(folder, endings)
        inside = self.outside or not self._has_link(self.root / folder / "_")
        return [path for path in found if (inside and _is_plain(path)) or self.misfit(path) is None]

    def misfits(self, folder: str, *endings: str) -> list[Finding]:
        """Return a finding for each thing that is named like a file with these endings and is not read."""
        return [found for path in self._list_named(folder, endings) if (found := self.misfit(path)) is not None]

    def _list_named(self, folder: str, endings: Collection[str]) -> list[Path]:
        found = (path for path in (self.root / folder).glob("*") if path.name.endswith(tuple(endings)))
        return sorted(path for path in found if not path.name.startswith("."))

    def misfit(self, path: Path) -> Finding | None:
        """Return why a path in the workspace is not read: it is no file, or a link that leaves the workspace.

        The setting ``outside`` of ``[workspace]`` allows such links.
        """
        if not path.is_file():
            return finding("not-a-file", Place(self.name(path)))
        if self.outside or not path.is_relative_to(self.root):
            return None
        if not self._has_link(path):
            return None
        inside = path.resolve().is_relative_to(self.root.resolve())
        return None if inside else finding("outside", Place(self.name(path)))

    def _has_link(self, path: Path) -> bool:
        """Tell whether a path in the workspace is a link, or in a folder that is one."""
        way = (path, *(folder for folder in path.parents if folder.is_relative_to(self.root) and folder != self.root))
        return any(step.is_symlink() for step in way)

    def text(self, path: Path) -> str:
        """Return the text of a file of the workspace; raises Unreadable where it cannot be read, or is not to be."""
        found = self.misfit(path) if path.exists() else None
        if found is not None:
            raise Unreadable(found)
        return documents.text(path, self.name(path))

    @property
    def outside(self) -> bool:
        """Whether links that leave the workspace are read."""
        return bool(self.settings.get("workspace", {}).get("outside", False))

    def name(self, path: Path) -> str:
        """Return what findings call a file: its path from the workspace, where it lies inside."""
        path = path.absolute()
        if path in self.archives:
            return self.archives[path]
        written, root = str(path), f"{self.root}{os.sep}"  # texts: there may be a million files
        if os.sep == "/" and written.startswith(root):
            return written.removeprefix(root)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def graph(self, name: str) -> str:
        """Return the IRI of one of the graphs that all articles share."""
        return f"{self.base}graph/{name}"

    @property
    def dataset(self) -> str:
        """The IRI of the dataset itself, as its catalogue describes it."""
        return f"{self.base}catalog#dataset"

    def article(self, slug: str) -> str:
        """Return the IRI of the document that describes an article."""
        return f"{self.base}article/{slug}"


def _is_plain(path: Path) -> bool:
    """Tell whether a path is a file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def find(start: Path) -> Workspace:
    """Open the workspace that *start* lies in.

    Raises WorkspaceError where neither it nor a folder above it has a ``spacecoop.toml``.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / SETTINGS).is_file():
            return read(folder)
    raise WorkspaceError(start, (finding("no-workspace", Place(SETTINGS), folder=start),))


def read(root: Path) -> Workspace:
    """Read the settings of the workspace in *root*; raises WorkspaceError where they cannot be used."""
    path = root / SETTINGS
    try:
        text = documents.decode(documents.load(path, SETTINGS), SETTINGS)
    except Unreadable as error:
        raise WorkspaceError(root, (error.finding,)) from error
    read, wrong = settings.read(text, SETTINGS)
    if wrong:
        raise WorkspaceError(root, tuple(sort(wrong)))
    dataset = read["dataset"]
    return Workspace(
        root=root.absolute(),
        base=dataset["base"],
        title=dict(dataset["title"]),
        licence=dataset["licence"],
        publisher=dataset["publisher"],
        languages=tuple(dataset.get("languages", ["en"])),
        graphs={name: tuple(keys) for name, keys in read["graphs"].items()},
        prefixes=dict(sorted(read.get("prefixes", {}).items())),
        settings=read,
    )
