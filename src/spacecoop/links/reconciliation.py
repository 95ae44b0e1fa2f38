"""Names in; the items that a W3C Reconciliation Service takes them for out (Reconciliation Service API 0.2)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from spacecoop import exchange, jsontext
from spacecoop.exchange import Follow

AGAIN = {429, 503}
FORM = "application/x-www-form-urlencoded"
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
        method = "GET" if queries is None else "POST"
        data = None if queries is None else urlencode({"queries": json.dumps(queries)}).encode()
        headers = {"Accept": "application/json", **({"Content-Type": FORM} if data else {})}
        for last in (False, True):
            try:
                came = exchange.send(
                    method,
                    self.url,
                    seconds=self.timeout,
                    body=data,
                    headers=headers,
                    follow=Follow.SAME_HOST,
                    largest=MOST,
                    user_agent=self.user_agent,
                )
                if came.is_success:
                    answer = jsontext.parse(came.body.read())
                    break
            except (exchange.ExchangeError, ValueError) as error:
                raise ReconciliationError(f"{self.url}: no whole answer: {error}") from error
            wait = 5.0 if came.retry_after is None else came.retry_after
            if came.status not in AGAIN or last or wait > self.patience:
                raise ReconciliationError(f"{self.url}: status {came.status}")
            self.sleep(wait)
        if not isinstance(answer, dict):
            raise ReconciliationError(f"{self.url}: what came is no JSON object")
        return answer
