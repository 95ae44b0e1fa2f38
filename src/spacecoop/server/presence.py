"""What an ASGI request receives in; an end to the work for a client that has gone away, out."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

SHORT = 0.05
"""Seconds of work that nobody watches: most is done by then."""


class Watched:
    """Ends what is done inside with ClientDisconnect when the client goes away; the request's body has been read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_gone = False
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to watch, after a while."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._later = asyncio.get_running_loop().call_later(SHORT, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; raises ClientDisconnect."""
        self._later.cancel()
        if self._watch is None:
            return
        self._watch.cancel()
        if kind is asyncio.CancelledError and self._has_gone and self._task.uncancel() == 0:
            raise ClientDisconnect from None

    def _begin(self) -> None:
        self._watch = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_gone = True
        self._task.cancel()
