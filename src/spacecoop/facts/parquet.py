"""A Parquet file in; the text of each of its rows in one plain file, and the size of each, out.

A row is an article: its column ``article`` holds what a line of JSON Lines would. A few rows are read at a time, by a
process of its own with a bound on its memory: neither a damaged file nor one of huge parts takes this process along.
"""

from __future__ import annotations

import contextlib
import importlib.util
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLUMN = "article"
"""The column that holds the articles."""
MEGABYTES = 1024
"""Memory that reading a file may take beyond what a process holds."""
BATCH = 64
"""How many rows are read at a time."""
ABSENT, LONG = -1, -2
"""What stands for the size of a row that has no text, and of one that has more than it may."""


@dataclass
class Rows:
    """What was copied of a file."""

    sizes: array[int] = field(default_factory=lambda: array("q"))
    """Bytes of each row, in order; ABSENT or LONG where it was not copied."""
    rule: str = ""
    """What ended the reading before the last row; empty where nothing did."""
    values: dict[str, object] = field(default_factory=dict)
    """What is to be said of that."""


def copy(path: Path, target: Path, longest: int, most: int) -> Rows:
    """Copy the text of each row of at most *longest* bytes to *target*, until that holds *most*.

    Raises OSError where the target cannot be written. Whatever is the matter with the file is in what is returned.
    """
    if importlib.util.find_spec("pyarrow") is None:
        return Rows(rule="parquet-extra")
    from pebble import ProcessExpired, ProcessPool  # for which what reads no Parquet need not wait

    with ProcessPool(1, max_tasks=1) as pool:
        try:
            done: Rows = pool.schedule(_copy, args=[str(path), str(target), longest, most, MEGABYTES]).result()
        except ProcessExpired:
            return Rows(rule="parquet-size", values={"megabytes": MEGABYTES})
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise
    return done


def _copy(path: str, target: str, longest: int, most: int, megabytes: int) -> Rows:
    """Copy, in this process, which is ended after it."""
    rows, held = Rows(), 0
    texts = _texts(path, megabytes)
    with Path(target).open("wb") as out:
        while True:
            try:
                text = next(texts, _END)
            except MemoryError:
                rows.rule, rows.values = "parquet-size", {"megabytes": megabytes}
                return rows
            except _Column as error:
                rows.rule, rows.values = "parquet-column", {"column": COLUMN, "columns": str(error)}
                return rows
            except Exception as error:  # a library of C++: what it says of a damaged file has many types
                rows.rule, rows.values = "parquet", {"reason": _reason(error)}
                return rows
            if text is _END:
                return rows
            if not text or len(text) > longest:
                rows.sizes.append(LONG if text else ABSENT)
                continue
            held += len(text)
            if held > most:
                rows.rule = "packed-size"
                return rows
            out.write(text)
            rows.sizes.append(len(text))


_END: Any = object()


class _Column(Exception):
    """There is not the one column of texts; the columns that there are."""


def _texts(path: str, megabytes: int) -> Iterator[bytes | None]:
    """Yield the text of each row; nothing of one that has none."""
    import pyarrow
    from pyarrow import parquet

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    _bound_memory(megabytes)
    with parquet.ParquetFile(path, buffer_size=1 << 20, page_checksum_verification=True) as file:
        schema = file.schema_arrow
        fields = [one for one in schema if one.name == COLUMN]
        if len(fields) != 1 or not _is_text(pyarrow.types, fields[0].type):
            raise _Column(", ".join(f"{one.name} ({one.type})" for one in schema)[:300])
        for batch in file.iter_batches(batch_size=BATCH, columns=[COLUMN], use_threads=False):
            column = batch.column(0)
            if pyarrow.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            yield from column.cast(pyarrow.large_binary()).to_pylist()


def _is_text(types: Any, type_: Any) -> bool:
    """Tell whether a column holds texts, in whatever way."""
    if types.is_dictionary(type_):
        type_ = type_.value_type
    kinds = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
    return any(getattr(types, f"is_{kind}")(type_) for kind in kinds)


def _reason(error: Exception) -> str:
    """Return the first line of what a library says."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _bound_memory(megabytes: int) -> None:
    """Let this process take so much memory beyond what it holds, and leave no core dump."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (held + megabytes * 1024 * 1024, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
