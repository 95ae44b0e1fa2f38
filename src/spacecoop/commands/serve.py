"""Serve out/ as it will be on the web, and answer SPARQL at /sparql, read-only.

  spacecoop serve                        http://127.0.0.1:8000/ and http://127.0.0.1:8000/sparql
  spacecoop serve --port 8080 --timeout 10
  spacecoop serve --host 0.0.0.0 --public    for everybody who reaches this machine; put a proxy before it

Questions are answered by worker processes; one that meets its bound of time, memory or size of the answer is killed.
A new build is taken up by itself. /healthz, /readyz and /metrics tell how it is. Needs spacecoop[serve].
Exit codes: 0 stopped by Ctrl-C or SIGTERM; 1 nothing to serve, or a port that is taken; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import socket
import sys

from spacecoop import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=_port, default=8000, help="0: any that is free (default: 8000)")
    parser.add_argument("--public", action="store_true", help="allow an address that others reach")
    parser.add_argument("--timeout", type=_positive, default=30, metavar="SECONDS", help="for a question (default: 30)")
    parser.add_argument("--memory", type=_positive, default=2048, metavar="MB", help="of a worker (default: 2048)")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 2, help="questions at once")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1,000,000")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    from spacecoop import serve
    from spacecoop.queries.indexes import SourceError
    from spacecoop.server.documents import NotBuilt
    from spacecoop.server.pool import Limits

    if not _is_loopback(arguments.host) and not arguments.public:
        raise cli.UserError(f"others reach {arguments.host}; say --public if that is meant, and put a proxy before it")
    limits = Limits(arguments.timeout, arguments.memory, workers=arguments.workers)
    try:
        application = serve.of(cli.workspace(arguments), limits)
        import uvicorn
    except (serve.NotInstalled, NotBuilt, SourceError) as error:
        raise cli.UserError(str(error)) from error
    except ImportError:
        raise cli.UserError("no uvicorn: pip install 'spacecoop[serve]'") from None
    listening = _listen(arguments.host, arguments.port)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    address = f"http://{host}:{listening.getsockname()[1]}/"
    print(f"serving {address} and {address}sparql (Ctrl-C ends it)", file=sys.stderr, flush=True)
    settings = uvicorn.Config(
        application,
        log_level="critical",  # what goes wrong with a request is in its own line of the log
        access_log=False,
        server_header=False,
        limit_concurrency=2_000,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    uvicorn.Server(settings).run(sockets=[listening])
    return cli.DONE


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "somebody listens there already; name another --port, or 0 for any" if taken else error.strerror
        raise cli.UserError(f"{host} port {port}: {reason}") from error
