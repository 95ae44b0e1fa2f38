from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import heed_interrupts
from spacecoop import asking
from spacecoop import workspace as workspaces
from spacecoop.asking import AskError, Output, Question
from spacecoop.queries import indexes, library, results
from spacecoop.sandbox import Limits

LINES = "".join(f'<http://e/{number}> <http://e/p> "{number}" .\n' for number in range(3_000))
COUNT = library.parse("SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?s ?q ?o }", "count", "count")


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A file that counts as large, and where indexes are kept."""
    monkeypatch.setattr(indexes, "LARGE", 10)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    data = tmp_path / "data.nt"
    data.write_text(LINES)
    return data, tmp_path / "home" / "spacecoop" / "index"


def counted(data: Path, folder: Path) -> str:
    outcome = asking.ask(Question(COUNT, data=(data,)), Output("csv", folder / "n.csv"), Limits(), lambda _: None)

    assert outcome is not None
    assert outcome.source.endswith("indexed")
    return (folder / "n.csv").read_text()


def test_an_index_is_read_with_no_door_open(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    data, cache = indexed

    assert counted(data, tmp_path) == counted(data, tmp_path) == "n\n3000\n"
    assert len([entry for entry in cache.iterdir() if entry.name != "digests"]) == 1


@pytest.mark.parametrize("much", [0.02, 0.5, 1])
def test_an_index_whose_bytes_have_turned_is_built_anew(
    much: float, indexed: tuple[Path, Path], tmp_path: Path
) -> None:
    data, cache = indexed
    counted(data, tmp_path)
    (index,) = (entry for entry in cache.iterdir() if entry.name != "digests")
    for part in index.glob("*.sst"):
        content = bytearray(part.read_bytes())
        turned = max(30, int(len(content) * much))
        content[:turned] = bytes(turned)
        part.write_bytes(content)

    assert counted(data, tmp_path) == "n\n3000\n"


def test_a_function_that_there_is_not_is_no_fault_of_the_index(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    data, cache = indexed
    counted(data, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    unknown = library.parse("SELECT * { ?s ?p ?o FILTER (<http://e/f>(?o)) }", "it", "it")

    with pytest.raises(AskError, match="it: there is no function <http://e/f>"):
        asking.ask(Question(unknown, data=(data,)), Output("csv", tmp_path / "n.csv"), Limits(), lambda _: None)

    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before


def test_the_columns_of_a_star_are_in_the_order_of_the_query(tmp_path: Path) -> None:
    (tmp_path / "data.nt").write_text('<http://e/s> <http://e/p> "o" .\n')
    star = library.parse("SELECT * { ?s ?p ?o }", "it", "it")

    asking.ask(
        Question(star, data=(tmp_path / "data.nt",)), Output("csv", tmp_path / "n.csv"), Limits(), lambda _: None
    )

    assert (tmp_path / "n.csv").read_bytes() == b"s,p,o\r\nhttp://e/s,http://e/p,o\r\n"


def test_several_readers_use_one_index_at_once(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    data, _ = indexed
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda folder: counted(data, folder), folders))

    assert answers == {"n\n3000\n"}


def test_a_million_rows_are_written_in_bounded_memory(tmp_path: Path) -> None:
    data = tmp_path / "data.nt"
    data.write_text(LINES[: LINES.index("<http://e/1000>")])
    all_pairs = library.parse("SELECT ?a ?b { ?a ?p ?x . ?b ?q ?y }", "pairs", "pairs")

    outcome = asking.ask(
        Question(all_pairs, data=(data,)), Output("csv", tmp_path / "rows.csv"), Limits(120, 300), lambda _: None
    )

    assert outcome is not None
    assert outcome.rows == 1_000_000
    with (tmp_path / "rows.csv").open() as stream:
        assert next(stream) == "a,b\n"
        assert next(stream) == "http://e/0,http://e/0\n"


def test_what_is_wrong_is_said_by_its_name(tmp_path: Path) -> None:
    wrong = library.parse("SELECT * { ?s", "wrong", "wrong")
    (tmp_path / "a.nt").write_text(LINES)

    with pytest.raises(AskError, match="wrong: line 1, column "):
        asking.ask(Question(wrong, data=(tmp_path / "a.nt",)), Output(), Limits(), lambda _: None)


def stopped(text: str, data: Path, limits: Limits) -> str:
    """Ask, which ends in its time, and return why it failed."""
    started = time.monotonic()
    question = Question(library.parse(text, "it", "it"), data=(data,))
    with pytest.raises(AskError) as caught:
        asking.ask(question, Output("csv", data.parent / "n"), limits, lambda _: None)
    assert time.monotonic() - started < 2 * limits.seconds + 10
    return str(caught.value)


def entities(folder: Path) -> Path:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(11))
    (folder / "bomb.rdf").write_text(
        f'<!DOCTYPE r [<!ENTITY e0 "0123456789">{levels}]>'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="http://e/"><p xmlns="http://e/">&e11;</p></rdf:Description></rdf:RDF>'
    )
    return folder / "bomb.rdf"


def nested(folder: Path) -> Path:
    (folder / "nested.jsonld").write_text('{"http://e/p":' * 500_000)
    return folder / "nested.jsonld"


def packed(folder: Path) -> Path:
    with gzip.open(folder / "zeros.nt.gz", "wb", 9) as stream:
        for _ in range(300):
            stream.write(b"\n" * 1_000_000)
    return folder / "zeros.nt.gz"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.nt")
    return folder / "pipe.nt"


@pytest.mark.parametrize(
    ("hostile", "says"),
    [
        (entities, r"more than 400 MB|not read within 4 s|entit"),
        (nested, r"nested\.jsonld|broke down|more than 400 MB|not read within"),
        (packed, r"more than 200 times|not read within"),
        (pipe, r"not read within 4 s"),
    ],
)
def test_data_that_would_fill_the_machine_are_stopped(
    hostile: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    assert re.search(says, stopped("ASK {}", hostile(tmp_path), Limits(4, 400)))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { " + " ".join(f"VALUES ?v{n} {{ 1 2 3 4 5 6 7 8 9 }}" for n in range(12)) + " }",
        "SELECT * { " + " . ".join(f"?a{n} ?b{n} ?c{n}" for n in range(5_000)) + " }",
        "SELECT * { " + "{ " * 100_000,
        "SELECT * { ?s ?p " + '"""\\' * 150_000,
        "SELECT * { ?s ?p " + "'''a" * 200_001,
        "SELECT * { ?s ?p " + "(" * 300_000,
    ],
    ids=["product", "patterns", "braces", "escapes", "strings", "lists"],
)
def test_a_query_that_would_take_for_ever_to_read_is_stopped(text: str, tmp_path: Path) -> None:
    (tmp_path / "data.nt").write_text(LINES)

    assert stopped(text, tmp_path / "data.nt", Limits(4, 400))


@pytest.mark.skipif(sys.platform != "linux", reason="the table of processes is read")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_killed_query_leaves_no_child(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "data.nt").write_text(LINES)
    (tmp_path / "long.rq").write_text("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }")
    command = [sys.executable, "-m", "spacecoop", "query", "long.rq", "--data", "data.nt"]
    with subprocess.Popen(  # a caller such as nohup may have SIGHUP ignored, and a program heeds that
        command,
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as program:
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children")
        (child,) = eventually(lambda: children.read_text().split())
        time.sleep(0.5)
        assert Path(f"/proc/{child}").exists()
        program.send_signal(how)
        program.wait(10)

    assert eventually(lambda: not is_running(child))


def is_running(process: str) -> bool:
    """Tell whether a process is there, and not only waits to be taken away by its new parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(told: Callable[[], Any]) -> Any:
    """Return what is told as soon as it is something; fail after a while."""
    for _ in range(100):
        if found := told():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("format_", list(results.FORMATS["graph"]))
@pytest.mark.parametrize("text", ["CONSTRUCT WHERE { <http://e/no> ?p ?o }", "DESCRIBE <http://e/no>"])
def test_a_graph_without_triples_is_written_in_every_format(text: str, format_: str, small: Path) -> None:
    (small / "data.nt").write_text(LINES)
    question = Question(library.parse(text, "it", "it"), workspaces.find(small), data=(small / "data.nt",))

    outcome = asking.ask(question, Output(format_, small / "answer"), Limits(), lambda _: None)

    assert outcome is not None
    assert outcome.rows == 0
    assert (small / "answer").read_text().strip() in ("", "[]")
