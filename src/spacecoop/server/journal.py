"""What was done for each request in; a line of the log, and metrics for Prometheus, out: nothing about who asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

SOON = 0.2
"""Seconds after which a line is written, with those that came meanwhile."""
SUMMED = ("seconds", "rows", "bytes")
"""What is summed up over all requests of a kind."""


@dataclass(slots=True)
class Done:
    """What was done for one request."""

    kind: str
    """What was asked: ``sparql``, ``query`` or ``file``."""
    begun: float = field(default_factory=time.monotonic)
    status: int = 200
    question: str = ""
    file: str = ""
    rows: int = 0
    sent: int = 0
    """Bytes of the answer's body."""
    broken_off: str = ""
    """Why the answer did not come to its end."""

    @property
    def outcome(self) -> str:
        """How it ended: the status, or that the answer broke off."""
        return "broken off" if self.broken_off else str(self.status)

    def row(self, took: float) -> dict[str, object]:
        """Return what the log says: a question by its digest, since what people ask for may be personal."""
        said: dict[str, object] = {"kind": self.kind, "outcome": self.outcome, "seconds": round(took, 4)}
        if self.question:
            said |= {"question": hashlib.sha256(self.question.encode()).hexdigest()[:16], "rows": self.rows}
        if self.file:
            said["file"] = self.file
        said["bytes"] = self.sent
        return said | ({"reason": self.broken_off} if self.broken_off else {})


class Journal:
    """Counts what was done, and writes it down."""

    def __init__(self, is_written: bool) -> None:
        self._is_written = is_written
        self._lines: list[str] = []
        self._requests: Counter[tuple[str, str]] = Counter()
        self._sums: dict[str, list[float]] = {}
        """By kind, the sums of what SUMMED names."""

    def record(self, done: Done) -> None:
        """Count a request, and say it in one line of JSON on standard error."""
        took = time.monotonic() - done.begun
        self._requests[done.kind, done.outcome] += 1
        sums = self._sums.setdefault(done.kind, [0, 0, 0])
        sums[0] += took
        sums[1] += done.rows
        sums[2] += done.sent
        if self._is_written:
            if not self._lines:
                asyncio.get_running_loop().call_later(SOON, self.flush)
            self._lines.append(json.dumps(done.row(took)))

    def flush(self) -> None:
        """Write the lines that are not yet written."""
        lines, self._lines = self._lines, []
        if lines:
            print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201  (the log)

    def metrics(self, others: Iterable[tuple[str, str, int]]) -> str:
        """Return all counts, and *others* (name, type, value), in the Prometheus text format (0.0.4)."""
        lines = ["# TYPE spacecoop_requests_total counter"]
        for (kind, outcome), number in sorted(self._requests.items()):
            lines.append(f'spacecoop_requests_total{{kind="{kind}",outcome="{outcome}"}} {number}')
        for at, name in enumerate(SUMMED):
            lines.append(f"# TYPE spacecoop_request_{name}_total counter")
            for kind, sums in sorted(self._sums.items()):
                lines.append(f'spacecoop_request_{name}_total{{kind="{kind}"}} {sums[at]:.15g}')
        for name, kind, value in others:
            lines += [f"# TYPE spacecoop_{name} {kind}", f"spacecoop_{name} {value}"]
        return "\n".join([*lines, ""])
