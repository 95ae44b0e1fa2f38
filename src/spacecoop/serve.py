"""A workspace with a built dataset in, an ASGI application that serves it out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacecoop import reach, workspace
from spacecoop.queries import indexes, library, sources, sparql
from spacecoop.queries.library import Query, QueryError
from spacecoop.server.interface import Choice, Interface, Offer
from spacecoop.server.pool import Limits
from spacecoop.server.protocol import BadRequest
from spacecoop.workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette

DUMP = "dataset.nq"
PAUSE = 0.5
"""Seconds from one look at the workspace's files to the next."""


class NotInstalled(Exception):
    """The libraries of the server are not there; the message says how they are had."""


def app(path: str | Path = ".", limits: Limits | None = None, log: bool = True) -> Starlette:
    """Return an ASGI application for the workspace at *path*, which must have been built.

    Raises NotInstalled without the extra ``serve``, NotBuilt (server.documents) where ``out/`` is missing or not whole,
    WorkspaceError where there is no workspace.
    """
    return make_application(workspace.find(Path(path)), limits or Limits(), log)


def make_application(place: Workspace, limits: Limits, log: bool = True) -> Starlette:
    """Return the application for an opened workspace."""
    try:
        from spacecoop.server.app import Server, build
    except ImportError as error:
        raise NotInstalled(f"no {error.name}: pip install 'spacecoop[serve]'") from None

    def questions(index: Path) -> Interface:
        return Questions(place, index)

    title = next((place.title[language] for language in place.languages if language in place.title), place.base)
    about = {"title": title, "version": version("spacecoop")}
    return build(Server(place.out, place.base, _index, questions, about, limits, log))


def _index(folder: Path) -> Path:
    """Make the index that the workers open, the one that `spacecoop query` uses too; return its folder."""
    return indexes.locate({folder / DUMP: ""}, indexes.home())


@contextmanager
def rebuilding(place: Workspace) -> Iterator[None]:
    """Build the workspace anew, in a process of its own, whenever one of its files changes; until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        seen = _state(place)
        while not ended.wait(PAUSE):
            if (now := _state(place)) != seen:
                seen = now
                subprocess.run([sys.executable, "-m", "spacecoop", "-C", str(place.root), "build"], check=False)  # noqa: S603

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _state(place: Workspace) -> dict[str, tuple[int, int]]:
    """Return the time and size of each file that a build may read: all but what is published, hidden or a history."""
    found = {}
    for folder, folders, files in os.walk(place.root):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(folder, name) != place.out)
        for name in files:
            path = Path(folder, name)
            with suppress(OSError):
                if name[0] != "." and path != place.root / "history.tsv":
                    found[str(path)] = (path.stat().st_mtime_ns, path.stat().st_size)
    return found


class Questions:
    """The named queries of a workspace, over one index: names become terms as `spacecoop query` makes them."""

    def __init__(self, place: Workspace, index: Path) -> None:
        defaults = place.settings.get("query", {}).get("defaults", {})
        self._queries = library.every(place.root / "queries", defaults, place.outside)
        self._source = sources.folder(index, place.prefixes, place.base)
        self.offers: Mapping[str, Offer] = {
            name: _offer(query, place.languages) for name, query in self._queries.items()
        }

    def bind(self, name: str, said: Mapping[str, Sequence[str]]) -> str:
        """Return the text of a query with what is said bound as terms; raises BadRequest."""
        query = self._queries[name]
        try:
            text = query.bound(library.complete(query, said, self._values), self._source.resolve)
        except (QueryError, SyntaxError) as error:
            raise BadRequest(400, str(error)) from error
        missing = sparql.find_undeclared(text, self._source.prefixes)
        return "".join(f"PREFIX {prefix}: <{iri}> " for prefix, iri in missing.items()) + text

    def _values(self, parameter: library.Parameter) -> Iterator[str]:
        answer: Any = self._source.answer(reach.stay(f"SELECT DISTINCT ?value WHERE {{ {parameter.among} }}"))
        for row in answer:
            yield row["value"].value


def _offer(query: Query, languages: Sequence[str]) -> Offer:
    def choose(texts: Mapping[str, str]) -> str:
        return next((texts[language] for language in languages if language in texts), "")

    choices = tuple(
        Choice(one.name, one.type, choose(one.summary), one.default, one.example) for one in query.parameters
    )
    return Offer(query.name, sparql.form(query.text), choose(query.summary), choose(query.description), choices)
