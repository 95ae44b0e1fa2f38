"""Pages of the last build in, those among them that would be made to the same bytes out, taken over from ``out/``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacecoop import cache, jsontext, output
from spacecoop.cache import Cache
from spacecoop.output import Written
from spacecoop.pages.kinds import SHIPPED, Page
from spacecoop.pages.known import Asked
from spacecoop.workspace import Workspace

FOLDER = "pages"
"""What the cache is called in ``.cache/``."""
Marks = Sequence[Sequence[str]]
_RECORD, _FIELD = "\x1e", "\x1f"
"""What stands between what an article tells, and between the parts of that: nothing that JSON or an IRI has."""
_TOGETHER = 500
"""How many pages are held before they are kept."""


@dataclass(frozen=True)
class Told:
    """What an article tells the pages of all that is published."""

    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The rows of the queries that are asked of it alone, a line each, by part and page."""
    found: str = ""
    """What it adds to the index that is searched, as ``searching.pack`` packs it."""


@dataclass(frozen=True)
class Made:
    """A page that was made: its files, what its template asked with a digest of the answers, and what else it tells."""

    written: tuple[Written, ...]
    notes: Mapping[str, str]
    page: Mapping[str, Any]
    """The page's template and the IRIs that it shows; empty where they are known anyhow."""
    listed: Marks = ()
    """Pages of other documents that its own statements list: the query's name, the page, the anchor."""
    told: Told = Told()


class Kept:
    """What pages were made from, and what came of it, in ``.cache/pages``."""

    def __init__(self, workspace: Workspace, folder: Path, cached: bool) -> None:
        self._cache = Cache(workspace.root / ".cache" / FOLDER)
        self._out, self._folder, self._cached = workspace.out, folder, cached
        self._stack = ExitStack()
        self._look = self._stack.enter_context(self._cache.look_up()) if cached else lambda _: None
        self._new: dict[str, bytes] = {}
        self._known: list[str] = []

    def find(self, key: str, asked: Asked) -> Made | None:
        """Return the page that was made from the same, with its files taken over; None where there is none."""
        made = _read(self._look(key) or b"")
        if made is None or not asked.hold(made.notes):
            return None
        if not all(output.take_over(one, self._out, self._folder) for one in made.written):
            return None
        self._known.append(key)
        return made

    def keep(self, key: str, made: Made) -> Made:
        """Keep a page that was made now."""
        if self._cached:
            self._new[key] = pack(made)
            self._known.append(key)
            if len(self._new) == _TOGETHER:
                self._cache.add(self._new)
                self._new = {}
        return made

    def save(self) -> None:
        """Write what is new, and forget the pages that there are no more."""
        self._stack.close()
        if self._cached:
            self._cache.keep(self._new, self._known)


def pack(made: Made) -> bytes:
    """Return a page as bytes for the cache: a line, and what an article tells, which is text already, as it is."""
    data = vars(made) | {"written": [output.as_row(one) for one in made.written]}
    del data["told"]
    rows = [(part, page, lines) for part, pages in made.told.rows.items() for page, lines in pages.items()]
    told = _RECORD.join([made.told.found, *map(_FIELD.join, rows)])
    return f"{json.dumps(data)}\n{told}".encode()


def _unpack_told(text: str) -> Told:
    found, *rows = text.split(_RECORD)
    told: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for part, page, lines in (row.split(_FIELD) for row in rows):
        told[part][page] = lines
    return Told(told, found)


def _read(value: bytes) -> Made | None:
    """Return what ``keep`` kept; nothing where it was made by hand."""
    try:
        first, _, rest = value.partition(b"\n")
        data, told = jsontext.parse(first), _unpack_told(rest.decode())
        written = tuple(output.restore(row) for row in data["written"])
        made = Made(written, data["notes"], data["page"], data["listed"], told)
        anchors, texts = made.page.get("anchors", []), [made.page.get("template", ""), *made.notes.values()]
        texts += [*made.notes, *anchors, *(part for mark in made.listed for part in mark)]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    marked = all(isinstance(mark, list) and len(mark) == 3 for mark in made.listed)
    whole = not made.page or made.page.keys() == {"template", "anchors"}
    sound = marked and whole and isinstance(anchors, list) and all(isinstance(text, str) for text in texts)
    return made if sound and written else None


def basis(workspace: Workspace, menu: Sequence[Page], *parts: str) -> bytes:
    """Return a digest of what all pages depend on: the program, templates, words and styles, and how they begin."""
    found = [cache.program(), repr(sorted(workspace.prefixes.items())).encode(), " ".join(workspace.languages).encode()]
    found += (repr((page.path, sorted(page.title.items()))).encode() for page in menu)
    found += (part.encode() for part in parts)
    for path in sorted((workspace.root / "pages").rglob("*")):
        if path.is_file():
            found += [path.relative_to(workspace.root).as_posix().encode(), path.read_bytes()]
    found.append(str(SHIPPED).encode())
    return cache.key(*found).encode()
