"""Recognise what kind of store answers at a URL, by what it says of itself in the headers of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spacecoop import exchange
from spacecoop.stores.dialects import OXIGRAPH, VIRTUOSO

PATIENCE = 10.0
"""For how many seconds a store is asked what it is."""
SIGNS: tuple[tuple[str, str, str], ...] = (
    (OXIGRAPH, "Server", r"Oxigraph/"),
    (VIRTUOSO, "Server", r"Virtuoso/"),
    ("fuseki", "Server", r"Apache Jena Fuseki"),
    ("fuseki", "Fuseki-Request-Id", r""),
    ("graphdb", "Server", r"GraphDB"),
)
"""A dialect, a header that stores of that kind send, and how its value begins. Oxigraph's and Virtuoso's were seen on
real servers; the others are as their sources and manuals have them. A proxy may take such headers away."""


@dataclass(frozen=True)
class Recognised:
    """What a store seems to be, and why; *dialect* is empty where nothing tells."""

    dialect: str
    reason: str


def recognise(url: str) -> Recognised:
    """Ask the server at a URL for its headers, without credentials and without following it elsewhere."""
    try:
        answer = exchange.send("GET", url, seconds=PATIENCE, whole=False)
    except exchange.ExchangeError as error:
        return Recognised("", f"nothing answers there ({_printable(str(error))})")
    return judge(answer.headers)


def judge(headers: Mapping[str, str]) -> Recognised:
    """Say which kind of store sends these headers.

    >>> judge({"Server": "Oxigraph/0.5.13"}).dialect
    'oxigraph'
    """
    for dialect, name, beginning in SIGNS:
        value = headers.get(name)
        if value is not None and re.match(beginning, value):
            return Recognised(dialect, f"{name}: {_printable(value)}")
    server = headers.get("Server")
    return Recognised("", f"it says only {_printable(server)!r}" if server else "it does not say what it is")


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:60]
