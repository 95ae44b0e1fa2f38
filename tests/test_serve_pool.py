"""Workers are shared: short questions take turns, a long one does not hold them up, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from spacecoop.server import pool as pools
from spacecoop.server import processes
from spacecoop.server.pool import Limits, Pool
from spacecoop.server.refusals import Refused

BASE = "https://a.example/"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Path]:
    store = Store(tmp_path / "index")
    store.extend(
        Quad(NamedNode(f"{BASE}{number}"), NamedNode(f"{BASE}p"), Literal(str(number))) for number in range(400)
    )
    store.flush()
    del store
    yield tmp_path / "index"


def question(text: str) -> Mapping[str, Any]:
    return {"query": text, "default": [], "named": [], "accept": ["text/csv"], "base": BASE}


async def answered(pool: Pool, text: str) -> bytes:
    answer = await pool.ask(question(text))
    return answer.held


def test_no_more_short_questions_are_at_work_than_there_are_processors(index: Path) -> None:
    async def ask() -> tuple[list[bytes], int]:
        pool = Pool(index, Limits(workers=6))
        asked = [asyncio.ensure_future(answered(pool, f"SELECT ({number} AS ?n) {{}}")) for number in range(6)]
        await asyncio.sleep(0)
        at_once = pool.working
        answers = await asyncio.gather(*asked)
        pool.close()
        return answers, at_once

    answers, at_once = asyncio.run(ask())

    assert answers == [f"n\r\n{number}\r\n".encode() for number in range(6)]
    assert at_once == min(6, pools.count_processors())


def test_a_long_question_makes_way_for_short_ones(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "count_processors", lambda: 1)

    async def ask() -> tuple[bytes, int, int]:
        pool = Pool(index, Limits(seconds=20, workers=2))
        long = asyncio.ensure_future(answered(pool, SLOW))
        short = await answered(pool, "SELECT (1 AS ?n) {}")
        still = pool.working
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        for _ in range(200):
            if pool.working == 0:
                break
            await asyncio.sleep(0.02)
        again = await answered(pool, "SELECT (2 AS ?n) {}")
        pool.close()
        assert again == b"n\r\n2\r\n"
        return short, still, pool.working

    assert asyncio.run(ask()) == (b"n\r\n1\r\n", 1, 0)


def test_who_goes_away_while_waiting_leaves_the_turn_to_the_next(index: Path) -> None:
    async def ask() -> tuple[bytes, int, int]:
        pool = Pool(index, Limits(seconds=20, workers=1))
        long = asyncio.ensure_future(answered(pool, SLOW))
        await asyncio.sleep(0)
        gone = [asyncio.ensure_future(answered(pool, "SELECT (1 AS ?n) {}")) for _ in range(3)]
        await asyncio.sleep(0)
        waited = pool.waiting
        gone[0].cancel()
        gone[2].cancel()
        long.cancel()
        answer = await gone[1]
        pool.close()
        return answer, waited, pool.waiting

    assert asyncio.run(ask()) == (b"n\r\n1\r\n", 3, 0)


def test_a_turn_that_does_not_come_is_refused_in_its_time(index: Path) -> None:
    async def ask() -> str:
        pool = Pool(index, Limits(seconds=1.5, workers=1))
        asked = [asyncio.ensure_future(answered(pool, SLOW)) for _ in range(2)]
        refused = (await asyncio.gather(*asked, return_exceptions=True))[1]
        pool.close()
        assert isinstance(refused, Refused)
        return str(refused)

    assert asyncio.run(ask()) in (
        "no worker was free for 1.5 seconds; come back soon",
        "the query took more than 1.5 seconds; ask for less",
    )


ROWS = "SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f } LIMIT 14000"
PAIRS = "SELECT (COUNT(DISTINCT CONCAT(STR(?a), STR(?d))) AS ?n) { ?a ?b ?c . ?d ?e ?f VALUES ?v { 1 2 } }"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say what a process has spent")
@pytest.mark.parametrize(
    ("text", "long", "may_come_back", "stays"),
    [(ROWS, 0.4, False, True), (PAIRS, 0.1, False, False), (PAIRS, 0.1, True, True)],
)
def test_a_worker_stays_that_waited_or_may_have_its_share_again(
    index: Path, monkeypatch: pytest.MonkeyPatch, text: str, long: float, may_come_back: bool, stays: bool
) -> None:
    monkeypatch.setattr(pools, "LONG", long)
    kept = dict[str, int]()

    def set_priority(_: int, pid: int, nice: int) -> None:
        if nice < kept.get("nice", nice) and not may_come_back:
            raise PermissionError
        kept.update({"pid": pid, "nice": nice, "steps": kept.get("steps", 0) + 1})

    monkeypatch.setattr(os, "setpriority", set_priority)

    async def ask() -> list[int]:
        pool = Pool(index, Limits(seconds=60, workers=1))
        answer = await pool.ask(question(text))
        await asyncio.sleep(3 * long * (text == ROWS))
        size = sum([len(part) async for part in answer.parts()])
        assert size > 5
        idle = len(pool._idle)
        pool.close()
        return [idle, pool.working]

    assert asyncio.run(ask()) == [int(stays), 0]
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert kept.get("nice", own) == (own + processes.BACK if text == PAIRS and not may_come_back else own)
    assert kept.get("steps", 0) == (text == PAIRS) * (1 + may_come_back)


def test_an_answer_that_nobody_reads_ends_its_worker_when_that_has_cost_as_much_as_another(index: Path) -> None:
    async def ask(text: str) -> int:
        pool = Pool(index, Limits(seconds=60, workers=1))
        asked = asyncio.ensure_future(answered(pool, text))
        await until(lambda: pool.working == 1)
        await until(lambda: pool._places == pools.count_processors())  # it is at work, and no short one
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await until(lambda: pool.working == 0)
        pool.close()
        return pool.killed

    assert asyncio.run(ask(SLOW)) == 1


def test_long_questions_never_have_all_workers(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LONG", 0.1)

    async def ask() -> None:
        pool = Pool(index, Limits(seconds=30, workers=3, waiting=8))
        long = [asyncio.ensure_future(answered(pool, SLOW)) for _ in range(7)]
        await until(lambda: len(pool._halted) == 3)  # as many as there are workers
        for number in range(3):  # the rest take turns with short ones, until they are sent away
            assert await answered(pool, f"SELECT ({number} AS ?n) {{}}") == f"n\r\n{number}\r\n".encode()
        await until(lambda: sum(one.done() for one in long) == 2)
        refused = [one.exception() for one in long if one.done()]
        assert {str(one) for one in refused} == {"too many long questions at once; come back soon"}
        assert (pool.working, pool.waiting, len(pool._long)) == (2, 3, 2)
        halted = next(iter(pool._halted))
        next(one for one in long if not one.done()).cancel()  # one that is at work
        await until(lambda: halted in pool._long)
        for one in long:
            one.cancel()
        await asyncio.gather(*long, return_exceptions=True)
        await until(lambda: (pool.working, pool.waiting) == (0, 0))
        assert await answered(pool, "SELECT (2 AS ?n) {}") == b"n\r\n2\r\n"
        pool.close()

    asyncio.run(ask())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)
