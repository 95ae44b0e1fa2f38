"""Serve out/ as it will be on the web, and answer SPARQL at /sparql, read-only.

  spacecoop serve                        http://127.0.0.1:8000/ and http://127.0.0.1:8000/sparql
  spacecoop serve --port 8080 --timeout 10
  spacecoop serve --host 0.0.0.0 --public    for everybody who reaches this machine; put a proxy before it

Questions are answered by worker processes; one that meets its bound of time, memory or size of the answer is killed.
Named queries are answered at /query/NAME?parameter=value, and /openapi.json describes them. A new build is taken up by
itself; --reload builds when a file of the workspace changes. /healthz, /readyz and /metrics tell how it is.
What no option says is taken from the environment (SPACECOOP_SERVE_PORT), then from [serve] of spacecoop.toml.
Needs spacecoop[serve].
Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 nothing to serve, or a port that is taken; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, cast

from spacecoop import cli

MOST = 10_000
"""Connections at once."""
UNREAD = 256 * 1024
"""Bytes that the system may hold for a reader who is slow."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--host", help="the address to listen at (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=_port, help="0: any that is free (default: 8000)")
    parser.add_argument("--public", action="store_true", help="allow an address that others reach")
    parser.add_argument("--timeout", type=_positive, metavar="SECONDS", help="for a question (default: 30)")
    parser.add_argument("--memory", type=_positive, metavar="MB", help="of a worker (default: 2048)")
    parser.add_argument("--answer", type=_positive, metavar="MB", help="of an answer (default: 256)")
    parser.add_argument("--rows", type=_count, help="of an answer (default: 10,000,000)")
    parser.add_argument("--workers", type=_positive, help="questions at once (default: two for each core, at least 4)")
    parser.add_argument("--waiting", type=_positive, help="questions that may wait for a worker (default: 32)")
    parser.add_argument("--reload", action="store_true", help="build when a file of the workspace changes")


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1,000,000")
    return number


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 0 < number <= 1_000_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1,000,000,000")
    return number


def _settle(arguments: argparse.Namespace, settings: Mapping[str, Any]) -> None:
    """Fill in what no option says: from the environment, then from the settings, then as it is by default."""
    for name, (default, read) in DEFAULTS.items():
        variable = f"SPACECOOP_SERVE_{name.upper()}"
        if getattr(arguments, name) is not None:
            continue
        if variable not in os.environ:
            setattr(arguments, name, settings.get(name, default))
            continue
        try:
            setattr(arguments, name, read(os.environ[variable]))
        except argparse.ArgumentTypeError as error:
            raise cli.UserError(f"{variable}: {error}") from error


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    from spacecoop import serve
    from spacecoop.queries.indexes import SourceError
    from spacecoop.server.documents import NotBuilt
    from spacecoop.server.pool import Limits

    place = cli.workspace(arguments)
    _settle(arguments, place.settings.get("serve", {}))
    if not _is_loopback(arguments.host) and not arguments.public:
        raise cli.UserError(f"others reach {arguments.host}; say --public if that is meant, and put a proxy before it")
    limits = Limits(
        arguments.timeout,
        arguments.memory,
        arguments.answer * 1024**2,
        arguments.rows,
        arguments.workers,
        arguments.waiting,
    )
    try:
        application = serve.make_application(place, limits)
        import uvicorn

        from spacecoop.server.connections import Connections
    except (serve.NotInstalled, NotBuilt, SourceError) as error:
        raise cli.UserError(str(error)) from error
    except ImportError as error:
        raise cli.UserError(f"no {error.name}: pip install 'spacecoop[serve]'") from None
    listening = _listen(arguments.host, arguments.port)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http://{host}:{listening.getsockname()[1]}/"
    cli.say(f"serving {address} and {address}sparql (Ctrl-C ends it)", error=True)
    settings = uvicorn.Config(
        application,
        log_level="critical",  # what goes wrong with a request is in its own line of the log
        access_log=False,
        server_header=False,
        http=cast("Any", Connections(_most_connections())),  # it is called, as a class would be
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        ws="none",
        lifespan="on",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    gc.freeze()  # what is there now stays; to look through it again and again would hold up those who ask
    for stop in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when it has stopped as they ask
        signal.signal(stop, lambda *_: None)
    with serve.rebuilding(place) if arguments.reload else contextlib.nullcontext():
        uvicorn.Server(settings).run(sockets=[listening])
    return cli.DONE


DEFAULTS: Mapping[str, tuple[Any, Callable[[str], Any]]] = {
    "host": ("127.0.0.1", str),
    "port": (8000, _port),
    "timeout": (30, _positive),
    "memory": (2048, _positive),
    "answer": (256, _positive),
    "rows": (10_000_000, _count),
    "workers": (max(4, 2 * (os.cpu_count() or 1)), _positive),
    "waiting": (32, _positive),
}
"""What may be set, its default, and what reads it."""


def _most_connections() -> int:
    """Have as many connections as the system allows, up to a bound; some files are needed otherwise."""
    try:
        import resource
    except ImportError:
        return 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + 200
    if 0 <= soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST if soft == resource.RLIM_INFINITY else max(50, min(MOST, soft - 200))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)  # with its protocol, or asyncio waits to fill packets
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
        listening.bind(address)
        listening.listen(1024)
        return listening
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "somebody listens there already; name another --port, or 0 for any" if taken else error.strerror
        raise cli.UserError(f"{host} port {port}: {reason}") from error
