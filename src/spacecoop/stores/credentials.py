"""Settings in, what opens a store out: secrets come from the environment, netrc or a keyring, and are not shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KINDS = ("none", "basic", "digest", "bearer", "gdb")
"""How a store is told who calls: RFC 7617, RFC 7616, RFC 6750, and GraphDB's own token."""


class CredentialsError(Exception):
    """What opens the store was not found; the message names the place, never the secret."""


@dataclass(frozen=True)
class Credentials:
    """Who calls a store, and the secret that proves it."""

    kind: str = "none"
    user: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


NONE = Credentials()


def find(settings: Mapping[str, str], host: str) -> Credentials:
    """Find the credentials for *host*; raises CredentialsError where there are none.

    ``auth`` says the kind, ``secrets`` where they are kept: ``environment`` (with ``user_variable``,
    ``password_variable`` or ``token_variable``), ``netrc`` or ``keyring`` (with ``user`` and ``service``).
    """
    kind = settings.get("auth", "none")
    if kind not in KINDS:
        raise CredentialsError(f"auth is one of {', '.join(KINDS)}")
    if kind == "none":
        return NONE
    place = settings.get("secrets", "environment")
    if place not in PLACES:
        raise CredentialsError(f"secrets is one of {', '.join(PLACES)}")
    return PLACES[place](kind, settings, host)


def _environment(kind: str, settings: Mapping[str, str], host: str) -> Credentials:  # noqa: ARG001
    if kind in ("bearer", "gdb"):
        return Credentials(kind, secret=_variable(settings, "token_variable"))
    return Credentials(kind, _variable(settings, "user_variable"), _variable(settings, "password_variable"))


def _variable(settings: Mapping[str, str], key: str) -> str:
    name = settings.get(key, "")
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
        raise CredentialsError(
            f"{key} is missing, or is not the name of an environment variable such as STORE_PASSWORD"
        )
    if not os.environ.get(name):
        raise CredentialsError(f"the environment variable {name} ({key}) is not set")
    return os.environ[name]


def _netrc(kind: str, settings: Mapping[str, str], host: str) -> Credentials:  # noqa: ARG001
    import netrc

    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        raise CredentialsError("the netrc file (~/.netrc, or what NETRC names) cannot be read") from None
    if found is None:
        raise CredentialsError(f"the netrc file has no machine {host}")
    return Credentials(kind, found[0], found[2])


def _keyring(kind: str, settings: Mapping[str, str], host: str) -> Credentials:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise CredentialsError("secrets = 'keyring' needs the library: pip install 'spacecoop[keyring]'") from None
    service, user = settings.get("service", host), settings.get("user", "")
    try:
        secret = keyring.get_password(service, user)
    except KeyringError as error:
        raise CredentialsError(f"the keyring cannot be read: {type(error).__name__}") from None
    if secret is None:
        raise CredentialsError(
            f"the keyring has nothing for {user!r} at {service!r}; `keyring set {service} {user}` adds it"
        )
    return Credentials(kind, user, secret)


PLACES: Mapping[str, Callable[[str, Mapping[str, str], str], Credentials]] = {
    "environment": _environment,
    "netrc": _netrc,
    "keyring": _keyring,
}
