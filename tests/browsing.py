"""A folder of files in; the address of a static host on this machine, and what a test in a browser needs, out."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSING = [
    pytest.mark.extended,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium; .ci/extended installs it"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="no playwright; .ci/extended installs it"),
]


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as a static host does, with nothing that answers SPARQL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
