"""The name of a store or its URL in, what the settings say of it out: dialect, addresses, credentials."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from spacecoop.iris import is_iri
from spacecoop.stores import credentials, recognition
from spacecoop.stores.connections import Connection
from spacecoop.stores.dialects import DIALECTS, Dialect
from spacecoop.stores.graphstore import Addresses, Store
from spacecoop.workspace import Workspace


class TargetError(Exception):
    """What the settings say of a store cannot be used."""


@dataclass(frozen=True)
class Target:
    """A store to push to, as the settings or the command line name it."""

    name: str
    dialect: Dialect
    addresses: Addresses
    credentials: credentials.Credentials
    timeout: float = 300.0
    tries: int = 5
    authorities: str | None = None
    recognised: str = ""
    """By what the kind of store was recognised, where nobody named it."""


def find(workspace: Workspace, name: str, dialect: str | None = None) -> Target:
    """Return the store of that name in the settings, or at that URL; raises TargetError."""
    tables = workspace.settings.get("stores", {})
    recognised = ""
    if "://" in name:
        if dialect is None:
            _check_address(name, name)
            found = recognition.recognise(name)
            if not found.dialect:
                raise TargetError(
                    f"what kind of store is {_show(name)}? {found.reason}; name it: --dialect is one of"
                    f" {', '.join(DIALECTS)}"
                )
            dialect, recognised = found.dialect, found.reason
        settings: Mapping[str, Any] = {"url": name, "dialect": dialect}
    elif name in tables:
        settings = tables[name] if dialect is None else {**tables[name], "dialect": dialect}
    else:
        there = ", ".join(sorted(tables)) or "none"
        raise TargetError(
            f"no store {name!r} in spacecoop.toml (there are: {there}); add [stores.{name}], or give a URL"
        )
    try:
        return replace(_target(name, settings, workspace), recognised=recognised)
    except credentials.CredentialsError as error:
        raise TargetError(f"store {_show(name)}: {error}") from None


def _target(name: str, settings: Mapping[str, Any], workspace: Workspace) -> Target:
    url, kind = settings.get("url", ""), settings.get("dialect", "generic")
    host = _check_address(name, url).hostname or ""
    if kind not in DIALECTS:
        raise TargetError(f"store {_show(name)}: no dialect {kind!r} (there are: {', '.join(DIALECTS)})")
    row = DIALECTS[kind]
    found = credentials.find(settings, host)
    if found.kind not in (*row.auth, "none"):
        raise TargetError(f"store {_show(name)}: {row.name} takes {' or '.join(row.auth)}, not {found.kind}")
    open_ = found.kind in ("basic", "bearer", "gdb") and url.startswith("http:") and not _is_local(host)
    if open_ and not settings.get("plaintext", False):
        raise TargetError(
            f"store {_show(name)}: the password would travel in the clear; use https, or say plaintext = true"
        )
    query = row.query_with_auth if row.query_with_auth and found.kind != "none" else row.query
    addresses = Addresses(
        settings.get("query") or _join(url, query),
        settings.get("update") or _join(url, row.update),
        settings.get("graphs") or (None if row.graphs is None else _join(url, row.graphs)),
        settings.get("quads") or (None if row.quads is None else _join(url, row.quads)),
    )
    authorities = settings.get("authorities")
    return Target(
        name=_show(name),
        dialect=row,
        addresses=addresses,
        credentials=found,
        timeout=float(settings.get("timeout", 300)),
        tries=max(1, int(settings.get("tries", 5))),
        authorities=str(workspace.root / authorities) if authorities else None,
    )


def _check_address(name: str, url: Any) -> SplitResult:
    """Return the parts of a store's URL; raises TargetError where nothing can be sent there."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else SplitResult("", "", "", "", "")
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and is_iri(url) and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise TargetError(f"store {_show(name)}: url must be an http or https address")
    if parts.username or parts.password:
        raise TargetError(f"store {_show(name)}: no user or password in a URL; see auth in docs/stores.md")
    return parts


def _show(name: str) -> str:
    """Return a target's name without what must not be shown of a URL."""
    return re.sub(r"//[^/@]*@", "//", name).partition("?")[0]


def _join(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}" if path else url


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(where: Target, base: str, pause: Callable[[float], None] = time.sleep) -> Store:
    """Return a connection to a store; nothing is sent yet."""
    connection = Connection(
        where.credentials, timeout=where.timeout, tries=where.tries, authorities=where.authorities, pause=pause
    )
    return Store(where.dialect, where.addresses, base, connection)
