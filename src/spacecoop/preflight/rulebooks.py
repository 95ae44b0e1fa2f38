"""The name of an aggregator in; its rules, and its own SHACL once that was fetched, out.

The rules are data: one file an aggregator in ``rules/``. A rule says what must be so, and how that is seen:
``needs`` (each of these has such a value), ``select`` (SPARQL whose rows are what is wrong), ``check`` (a function of
``inspections``), or ``network`` (only the live web can tell, so it is not checked here, and never passed).
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from spacecoop import exchange
from spacecoop.exchange import Follow
from spacecoop.workspace import Workspace

AGGREGATORS = ("lod-cloud", "lov", "google", "dcat-ap", "data-europa", "archivo", "foops", "nanopub", "ldes")

GITHUB = "https://raw.githubusercontent.com"
"""Where official rules are fetched from: below it lies ``owner/name/commit/path``."""
PATIENCE = 30.0
"""Seconds that one file may take."""
_LARGEST = 10_000_000


class NotFetched(Exception):
    """An official rule file could not be had."""


@functools.cache
def rulebook(aggregator: str) -> Mapping[str, Any]:
    """Return the rules of one aggregator."""
    folder = resources.files("spacecoop.preflight").joinpath("rules")
    return tomllib.loads(folder.joinpath(f"{aggregator}.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Official:
    """One file of an aggregator's own SHACL."""

    name: str
    """``owner/name/commit/path`` at GitHub, and in the cache."""
    sha256: str
    data: tuple[str, ...]
    """The files of ``out/`` that it judges."""


def official(aggregator: str) -> Iterator[Official]:
    """Yield what the aggregator's own validator is made of."""
    for one in rulebook(aggregator).get("official", ()):
        for file, sha256 in one["files"].items():
            yield Official(f"{one['repository']}/{one['commit']}/{file}", sha256, tuple(one["data"]))


def cache(workspace: Workspace) -> Path:
    """Return where fetched rules are kept: in the workspace, out of version control."""
    return workspace.root / ".cache" / "rules"


def find_kept(workspace: Workspace, file: Official) -> Path | None:
    """Return where a rule file lies in the cache; None where it is not there, or not what it should be."""
    path = cache(workspace) / file.name
    return path if path.is_file() and _digest(path.read_bytes()) == file.sha256 else None


def update(
    workspace: Workspace, aggregators: Iterable[str], source: str = GITHUB, patience: float = PATIENCE
) -> list[str]:
    """Bring the official rules of these aggregators into the cache; return the names of the files that were fetched.

    They come from *source*, an address or a folder below which lies ``owner/name/commit/path``, each at a commit and
    with a SHA-256 that the rulebook names; so what is in the cache already is not fetched again. Nothing is written
    before all of them are there. Raises NotFetched.
    """
    missing = [one for name in aggregators for one in official(name) if find_kept(workspace, one) is None]
    fetch: _Fetch = _download if urlsplit(source).scheme in ("http", "https") else _copy
    found = {one.name: _proven(fetch(source, one.name, patience), one, source) for one in missing}
    for name, data in found.items():
        path = cache(workspace) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    return sorted(found)


class _Fetch(Protocol):
    def __call__(self, source: str, name: str, patience: float, /) -> bytes: ...


def _download(source: str, name: str, patience: float) -> bytes:
    """Return the body of a file's address; redirections are followed, since the digest decides."""
    address = f"{source.rstrip('/')}/{quote(name)}"
    try:
        answer = exchange.send("GET", address, seconds=patience, follow=Follow.ANYWHERE, largest=_LARGEST)
    except exchange.TooLarge as error:
        raise NotFetched(f"{address} is larger than {_LARGEST:,} bytes: that is no rule file") from error
    except exchange.TooLong as error:
        raise NotFetched(f"{address} has not come within {patience:g} s; try again, or with --timeout") from error
    except exchange.Broken as error:
        told = f", with {error.left:,} bytes to come" if error.left else f" ({error})"
        raise NotFetched(f"{address} broke off{told}; try again") from error
    except exchange.ExchangeError as error:
        raise NotFetched(
            f"{urlsplit(address).netloc} cannot be reached ({error}). Fetch the rules where there is a network, "
            "or take them from a copy with --from: a folder or an address that has owner/name/commit/path below it"
        ) from error
    if not answer.is_success:
        raise NotFetched(f"{address} answers {answer.status} {answer.phrase}")
    return answer.body.read()


def _copy(source: str, name: str, patience: float) -> bytes:  # noqa: ARG001  (a folder needs no patience)
    path = Path(source) / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFetched(f"{path}: {error.strerror}") from error


def _proven(data: bytes, file: Official, source: str) -> bytes:
    if (digest := _digest(data)) != file.sha256:
        raise NotFetched(
            f"{file.name} from {source} is not the file that spacecoop knows: its SHA-256 is {digest[:12]}…, "
            f"not {file.sha256[:12]}…"
        )
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def group(aggregator: str) -> Mapping[tuple[str, ...], Sequence[Official]]:
    """Return the files of an aggregator's own SHACL by the data that they judge together."""
    groups: dict[tuple[str, ...], list[Official]] = {}
    for one in official(aggregator):
        groups.setdefault(one.data, []).append(one)
    return groups
