"""Queries of the site and a store in, their rows out: asked in a process of its own, where each has its time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from pyoxigraph import Literal, NamedNode, Store

from spacecoop import sandbox
from spacecoop.pages.kinds import Kind, Row, each
from spacecoop.queries.library import QueryError
from spacecoop.sandbox import Limits, Signals, StoppedError

LIMITS = Limits(seconds=60, megabytes=4096)
"""What one query of the site may take."""


class UnansweredError(Exception):
    """A query that pages show has no answer; *file* is the query's, and the message says why."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(reason)
        self.file = file


class Answers:
    """Rows of answers, each query's in a file until they are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, store: Store, kinds: Sequence[Kind], disk: Path | None = None) -> None:
        """Ask queries, one after the other; *disk* is the store's folder, where it has one.

        Raises UnansweredError for a wrong query, and for one that takes longer or more memory than LIMITS. Where a
        process cannot be forked, there is no bound.
        """
        self._folder.mkdir(exist_ok=True)
        if not sandbox.can_fork():
            for kind in kinds:
                with self._path(kind).open("w", encoding="utf-8") as stream:
                    reason = _answer(store, kind, stream)
                if reason:
                    raise UnansweredError(kind.file, reason)
            return
        told = self._folder / "asked"
        told.write_text("0", "utf-8")
        if disk is not None:
            store.flush()

        def work(signals: Signals) -> tuple[int, str] | None:
            with ExitStack() as stack:  # all is opened before: from the first question on there is no door
                place = stack.enter_context(told.open("w", encoding="utf-8"))
                streams = [stack.enter_context(self._path(kind).open("w", encoding="utf-8")) for kind in kinds]
                asked = store if disk is None else Store.read_only(str(disk))
                for number, (kind, stream) in enumerate(zip(kinds, streams, strict=True)):
                    place.seek(0)
                    place.write(str(number))
                    place.flush()
                    if disk is None:
                        signals.ready()
                    else:  # the store on the disk opens files as it reads; the network stays shut by `reach`
                        signals.ready(network=True)
                    if reason := _answer(asked, kind, stream):
                        return number, reason
            return None

        try:
            wrong = sandbox.run(work, LIMITS)
        except StoppedError as error:
            number = int(told.read_text("utf-8") or 0)
            raise UnansweredError(kinds[number].file, str(error).partition(";")[0]) from error
        if wrong is not None:
            raise UnansweredError(kinds[wrong[0]].file, wrong[1])

    def rows(self, kind: Kind) -> Iterator[Row]:
        """Yield the rows of a query that was asked, as they came."""
        for line in self.lines(kind):
            yield {name: unpack(term) for name, term in json.loads(line).items()}

    def lines(self, kind: Kind) -> Iterator[str]:
        """Yield the same rows as ``write_line`` writes them."""
        with self._path(kind).open(encoding="utf-8") as stream:
            for line in stream:
                yield line.removesuffix("\n")

    def _path(self, kind: Kind) -> Path:
        return self._folder / f"{kind.name}.jsonl"


def _answer(store: Store, kind: Kind, stream: IO[str]) -> str:
    """Write the rows of an answer; return why there is none."""
    try:
        for row in each(store, kind):
            stream.write(f"{write_line(row)}\n")
        stream.flush()
    except QueryError as error:
        return str(error) or type(error).__name__
    return ""


def write_line(row: Row) -> str:
    """Return a row as a line of JSON, the same for the same row."""
    return _LINE.encode({name: pack(term) for name, term in row.items()})


_LINE = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


def pack(term: Any) -> list[str]:
    """Return a term as what JSON can hold."""
    if isinstance(term, Literal):
        return [term.value, term.language] if term.language else [term.value, "", term.datatype.value]
    return [term.value] if isinstance(term, NamedNode) else [str(term), "", "", ""]


def unpack(packed: Sequence[str]) -> NamedNode | Literal:
    """Return the term that was packed; a text for one that pages show no link to."""
    if len(packed) == 1:
        return NamedNode(packed[0])
    if len(packed) == 2:
        return Literal(packed[0], language=packed[1])
    return Literal(packed[0], datatype=NamedNode(packed[2])) if len(packed) == 3 else Literal(packed[0])
