"""Names in; the items that a W3C Reconciliation Service takes them for out (Reconciliation Service API 0.2)."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacecoop import jsontext

AGAIN = {429, 503}
MOST = 16 * 1024**2  # bytes of an answer


class ReconciliationError(Exception):
    """A service gave no whole answer; that says nothing about the names."""


@dataclass(frozen=True)
class Match:
    """An item that a service takes a name for."""

    item: str
    remark: str
    """What the service says of it, in one line."""


@dataclass(frozen=True)
class Service:
    """A reconciliation service, asked politely."""

    url: str
    user_agent: str
    pause: float = 1.0
    """Seconds between requests."""
    timeout: float = 60
    patience: float = 120
    """Seconds to wait at most, where it asks to be left in peace."""
    batch: int = 20
    limit: int = 5
    """Candidates a name."""
    sleep: Callable[[float], None] = time.sleep

    def matches(self, names: Sequence[str], space: str) -> dict[str, list[Match]]:
        """Return the matches of each name; *space* is what the items' IRIs must begin with (section 3.1)."""
        found = self._request(None).get("identifierSpace")
        if found != space:
            raise ReconciliationError(f"{self.url}: its items are those of {found}, not of {space}")
        matches: dict[str, list[Match]] = {}
        for start in range(0, len(names), self.batch):
            part = names[start : start + self.batch]
            self.sleep(self.pause)
            answer = self._request({f"q{n}": {"query": name, "limit": self.limit} for n, name in enumerate(part)})
            for number, name in enumerate(part):
                matches[name] = self._read(answer.get(f"q{number}"), space)
        return matches

    def _read(self, answer: Any, space: str) -> list[Match]:
        """Read the candidates of one query (section 5.2)."""
        if not isinstance(answer, dict) or not isinstance(answer.get("result"), list):
            raise ReconciliationError(f"{self.url}: the answer lacks a name that was asked about")
        try:
            rows = [(str(one["id"]), float(one["score"]), bool(one.get("match"))) for one in answer["result"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ReconciliationError(f"{self.url}: a candidate is not as the specification has it: {error}") from error
        sure = {True: ", and is sure", False: ""}
        return [Match(space + name, f"the service scores it {score:g}{sure[match]}") for name, score, match in rows]

    def _request(self, queries: Mapping[str, object] | None) -> dict[str, Any]:
        """Ask for the manifest, or about names; wait once where the service asks for it."""
        data = None if queries is None else urllib.parse.urlencode({"queries": json.dumps(queries)}).encode()
        headers = {"User-Agent": self.user_agent, "Accept": "application/json"}
        request = urllib.request.Request(self.url, data, headers)  # noqa: S310  (the user's own setting)
        for last in (False, True):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:  # noqa: S310
                    answer = jsontext.parse(response.read(MOST))
                    break
            except urllib.error.HTTPError as error:
                asked = error.headers.get("Retry-After", "")
                wait = float(asked) if asked.isdigit() else 5.0
                if error.code not in AGAIN or last or wait > self.patience:
                    raise ReconciliationError(f"{self.url}: status {error.code}") from error
                self.sleep(wait)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise ReconciliationError(f"{self.url}: no whole answer: {error}") from error
        if not isinstance(answer, dict):
            raise ReconciliationError(f"{self.url}: what came is no JSON object")
        return answer
