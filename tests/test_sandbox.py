from __future__ import annotations

import faulthandler
import functools
import os
import socket
import time

import pytest
from pyoxigraph import Store

from spacecoop import sandbox
from spacecoop.sandbox import Limits, Signals, StoppedError

LONG = 10
"""Seconds after which a test gives up on a bound that does not hold."""


def add(one: int, other: int, signals: Signals) -> int:
    signals.ready()
    return one + other


def query(text: str, signals: Signals) -> int:
    faulthandler.disable()
    store = Store()
    store.update("INSERT DATA { " + " ".join(f"<e:{n}> <e:p> <e:{n + 1}> ." for n in range(3_000)) + "}")
    signals.ready()
    return len(list(store.query(text)))  # type: ignore[arg-type]


def fill(signals: Signals) -> int:
    faulthandler.disable()
    signals.ready()
    return len([bytes(1_000_000) + b"x" for _ in range(5_000)])


def connect(network: bool, signals: Signals) -> str:
    signals.ready(network)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except OSError as error:
        return type(error).__name__
    return "open"


def load_slowly(signals: Signals) -> str:
    time.sleep(1.3)
    signals.ready()
    return "loaded"


def write_slowly(signals: Signals) -> str:
    signals.ready()
    signals.printing()
    time.sleep(0.5)
    return "written"


def fail(signals: Signals) -> None:
    signals.ready()
    raise LookupError("a bug")


def crash(signals: Signals) -> None:
    signals.ready()
    faulthandler.disable()
    os.kill(os.getpid(), 11)


def test_the_result_comes_back() -> None:
    assert sandbox.run(functools.partial(add, 1, 2), Limits()) == 3


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
        "SELECT * { ?a (<e:p>|<e:q>)*/(<e:p>|^<e:p>)* ?b . ?b (<e:p>|^<e:p>)* ?c }",
    ],
)
def test_a_query_that_does_not_end_is_stopped_and_says_so(text: str) -> None:
    started = time.monotonic()

    with pytest.raises(StoppedError, match=r"stopped after 0.5 s; .* --timeout"):
        sandbox.run(functools.partial(query, text), Limits(seconds=0.5))

    assert time.monotonic() - started < LONG


def test_work_that_takes_too_much_memory_is_stopped_and_says_so() -> None:
    with pytest.raises(StoppedError, match=r"more than 200 MB; .* --memory"):
        sandbox.run(fill, Limits(seconds=LONG, megabytes=200))


def test_a_query_that_takes_too_much_memory_is_stopped_and_says_so() -> None:
    text = "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f ?c"

    with pytest.raises(StoppedError, match=r"more than 100 MB"):
        sandbox.run(functools.partial(query, text), Limits(seconds=LONG, megabytes=100))


def test_an_engine_that_breaks_down_says_so() -> None:
    with pytest.raises(StoppedError, match="broke down"):
        sandbox.run(crash, Limits(seconds=LONG))


def test_no_door_to_the_network_opens_unless_it_is_asked_for() -> None:
    assert sandbox.run(functools.partial(connect, False), Limits()) == "OSError"
    assert sandbox.run(functools.partial(connect, True), Limits()) == "open"


def test_writing_the_result_is_not_bounded_by_time() -> None:
    assert sandbox.run(write_slowly, Limits(seconds=0.2)) == "written"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*LookupError: a bug"):
        sandbox.run(fail, Limits())


def test_it_is_told_how_long_it_takes() -> None:
    told: list[float] = []

    with pytest.raises(StoppedError):
        sandbox.run(functools.partial(query, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"), Limits(1.5), told.append)

    assert told[0] >= 1
    assert told[-1] == 0


def test_the_time_of_loading_is_told_too_and_taken_away() -> None:
    told: list[float] = []

    assert sandbox.run(load_slowly, Limits(0.5, loading=LONG), told.append) == "loaded"

    assert told[0] >= 1
    assert told[-1] == 0


def fill_while_loading(signals: Signals) -> int:  # noqa: ARG001  (it never gets so far)
    faulthandler.disable()
    return len([bytes(1_000_000) + b"x" for _ in range(5_000)])


def load_for_ever(signals: Signals) -> None:  # noqa: ARG001  (it never gets so far)
    time.sleep(LONG)


def connect_while_shut(signals: Signals) -> list[str]:
    signals.ready(network=True)
    with signals.shut():
        try:
            socket.socket().close()
        except OSError as error:
            said = type(error).__name__
    return [said, connect(True, signals)]


def test_memory_is_bounded_before_the_work_is_ready() -> None:
    with pytest.raises(StoppedError, match=r"more than 200 MB; .* --memory"):
        sandbox.run(fill_while_loading, Limits(seconds=LONG, megabytes=200))


def test_time_is_bounded_before_the_work_is_ready() -> None:
    started = time.monotonic()

    with pytest.raises(StoppedError, match=r"not read within 0\.5 s; .* --timeout"):
        sandbox.run(load_for_ever, Limits(seconds=0.5))

    assert time.monotonic() - started < LONG / 2


def test_doors_can_be_shut_for_a_while() -> None:
    assert sandbox.run(connect_while_shut, Limits()) == ["OSError", "open"]
