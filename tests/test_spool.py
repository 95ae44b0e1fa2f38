from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacecoop.queries import spool
from spacecoop.queries.spool import Reader, Spool, SpoolError

LINES = [f"{number * 37 % 101:03}\n".encode() for number in range(101)]


def filled(lines: list[bytes], sort: bool, size: int = 5) -> Spool:
    """A spool that was given lines in parts of so many bytes, as an engine does."""
    made, text = Spool(sort), b"".join(lines)
    for start in range(0, len(text), size):
        made.write(text[start : start + size])
    return made.close()


@pytest.mark.parametrize("run", [7, 100, 10_000])
def test_lines_come_out_sorted_whatever_fits_into_memory_at_once(run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "RUN", run)
    made = filled(LINES, sort=True)

    assert b"".join(made.blocks()) == b"".join(sorted(LINES))
    assert b"".join(made.blocks()) == b"".join(sorted(LINES))
    assert made.count == 101


@pytest.mark.parametrize("run", [7, 10_000])
def test_lines_come_out_as_they_came(run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "RUN", run)
    made = filled(LINES, sort=False)

    assert b"".join(made.blocks()) == b"".join(LINES)
    assert made.count == 101


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("run", [7, 10_000])
def test_some_of_the_lines_can_be_had(run: int, sort: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "RUN", run)
    monkeypatch.setattr(spool, "BLOCK", 3)
    made, whole = filled(LINES, sort), sorted(LINES) if sort else LINES

    assert b"".join(made.lines(10, 5)) == b"".join(whole[10:15])
    assert b"".join(made.lines(99, 5)) == b"".join(whole[99:])
    assert b"".join(made.lines(0, 101)) == b"".join(whole)
    assert b"".join(made.lines(200, 5)) == b""


@pytest.mark.parametrize("run", [1, 7, 10_000])
def test_the_head_is_left_out_even_where_it_comes_in_parts(run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "RUN", run)
    made = Spool(sort=True)
    made.leave_out(1)
    for part in (b"?long", b"head\nb\na", b"\n"):
        made.write(part)

    assert b"".join(made.close().blocks()) == b"a\nb\n"
    assert made.count == 2


def test_nothing_is_nothing() -> None:
    made = Spool(sort=True).close()

    assert (list(made.blocks()), list(made.lines(3, 4)), made.count) == ([], [], 0)


def test_a_disk_that_is_full_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Spool(sort=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/here")
    os.dup2(os.open("/dev/full", os.O_WRONLY), made._file.fileno())
    made.write(b"line\n")

    with pytest.raises(SpoolError, match="no room for the answer in /here: No space left on device"):
        made.close()


@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 7))
def test_what_is_read_as_a_file_is_what_was_there(blocks: list[bytes], size: int) -> None:
    blocks = [block for block in blocks if block]
    reader, parts = Reader(blocks), []
    while part := reader.read(size):
        assert len(part) <= size
        parts.append(part)

    assert b"".join(parts) == b"".join(blocks)
    assert Reader(blocks).read() == b"".join(blocks)


def test_sorting_does_not_depend_on_the_order_in_which_lines_come() -> None:
    assert b"".join(filled(LINES[::-1], True).blocks()) == b"".join(filled(LINES, True).blocks())
