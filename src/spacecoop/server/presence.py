"""What an ASGI request receives in; an end to the work for a client that has gone away, out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

SHORT = 0.05
"""Seconds of work that nobody watches: most is done by then."""


@asynccontextmanager
async def watched(receive: Receive) -> AsyncIterator[None]:
    """End what is done inside with ClientDisconnect when the client goes away; the request's body has been read."""
    task = asyncio.current_task()
    assert task is not None
    watch: asyncio.Task[None] | None = None
    has_gone = False

    async def wait() -> None:
        nonlocal has_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        has_gone = True
        task.cancel()

    def begin() -> None:
        nonlocal watch
        watch = asyncio.ensure_future(wait())

    later = asyncio.get_running_loop().call_later(SHORT, begin)
    try:
        yield
    except asyncio.CancelledError:
        if not has_gone or task.uncancel() > 0:  # somebody else ends it
            raise
        raise ClientDisconnect from None
    finally:
        later.cancel()
        if watch is not None:
            watch.cancel()
