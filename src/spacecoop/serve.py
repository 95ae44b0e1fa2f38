"""A workspace with a built dataset in, an ASGI application that serves it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import workspace
from spacecoop.queries import indexes
from spacecoop.server.pool import Limits
from spacecoop.workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette

DUMP = "dataset.nq"


class NotInstalled(Exception):
    """The libraries of the server are not there; the message says how they are had."""


def app(path: str | Path = ".", limits: Limits | None = None, log: bool = True) -> Starlette:
    """Return an ASGI application for the workspace at *path*, which must have been built.

    Raises NotInstalled without the extra ``serve``, NotBuilt (server.documents) where ``out/`` is missing or not whole,
    WorkspaceError where there is no workspace.
    """
    return of(workspace.find(Path(path)), limits or Limits(), log)


def of(place: Workspace, limits: Limits, log: bool = True) -> Starlette:
    """Return the application for an opened workspace."""
    try:
        from spacecoop.server.app import Server, build
    except ImportError as error:
        raise NotInstalled(f"no {error.name}: pip install 'spacecoop[serve]'") from None
    return build(Server(place.out, place.base, _index, limits, log))


def _index(folder: Path) -> Path:
    """Make the index that the workers open, the one that `spacecoop query` uses too; return its folder."""
    return indexes.locate({folder / DUMP: ""}, indexes.home())
