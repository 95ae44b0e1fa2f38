"""No query reaches the network but by a name that is allowed: a listener on the loopback watches."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store

from conftest import REPOSITORY, Run
from spacecoop import quads, reach
from spacecoop import workspace as workspaces
from spacecoop.asking import AskError, Output, Question, ask
from spacecoop.links import setups
from spacecoop.queries import library
from spacecoop.sandbox import Limits

TRICKS = [
    "SELECT * { SERVICESILENT <U> { ?z ?y ?x } }",
    "SELECT * { SERVICESILENT<U>{ ?z ?y ?x } }",
    "SELECT * { sErViCe<U>{ ?z ?y ?x } }",
    "SELECT * { ?s ?p 1SERVICE<U>{ ?z ?y ?x } }",
    "SELECT * { ?s ?p 1.5e3SERVICE<U>{ ?z ?y ?x } }",
    "SELECT * { ?s ?p trueSERVICE<U>{ ?z ?y ?x } }",
    'SELECT * { ?s ?p "x"SERVICE<U>{ ?z ?y ?x } }',
    'SELECT * { ?s ?p "x"@en SERVICE<U>{ ?z ?y ?x } }',
    "SELECT * { BIND(<U> AS ?e)SERVICE?e{ ?z ?y ?x } }",
    "SELECT * { SERVICE#{\n<U>{ ?z ?y ?x } }",
    "PREFIX e: <U> SELECT * { SERVICEe:{ ?z ?y ?x } }",
    "PREFIX e: <U> PREFIX SERVICEe: <http://x/> SELECT * { SERVICEe:{ ?z ?y ?x } }",
    "PREFIX e: <http://x/> PREFIX f: <U> SELECT * { ?s ?p e:.SERVICE f:{ ?z ?y ?x } }",
    "BASE <U> SELECT * { SERVICE <> { ?z ?y ?x } }",
    "SELECT * { VALUES ?e { <U> } ?s ?p ?o FILTER(?s<?p)SERVICE#>\n?e{ ?z ?y ?x } }",
    'SELECT * { ?s ?p ?o FILTER(?s<?p)#> """\n SERVICE<U>{ ?z ?y ?x } #"""\n }',
    "SELECT * { ?s ?p ?o FILTER(?s<?p)#>'\n SERVICE<U>{ ?z ?y ?x } #'\n }",
    'SELECT * { VALUES ?v { """a" } SERVICE<U>{ ?z ?y ?x } }',
    "SELECT * { VALUES ?v { '''a' } SERVICE<U>{ ?z ?y ?x } }",
    "SELECT * { { SELECT * { SERVICE<U>{ ?z ?y ?x } } } }",
    "ASK { FILTER EXISTS { SERVICE<U>{ ?z ?y ?x } } }",
    "ASK { FILTER(NOT EXISTS{SERVICE<U>{ ?z ?y ?x }}) }",
    "CONSTRUCT { ?z ?y ?x } WHERE { SERVICESILENT<U>{ ?z ?y ?x } }",
    "DESCRIBE ?z { SERVICESILENT<U>{ ?z ?y ?x } }",
    "SELECT (1 AS ?n) { LATERAL{SERVICESILENT<U>{ ?z ?y ?x }} }",
    "SELECT * { ?s <http://p/>?1SERVICE<U>{ ?z ?y ?x } }",
    "SELECT * { ?s (<http://p/>)?trueSERVICE<U>{ ?z ?y ?x } }",
    "SELECT * { S\\u0045RVICE <U> { ?z ?y ?x } }",
    "SELECT * { SERVICE <\\u0055> { ?z ?y ?x } }",
    "SELECT * { ?s ?p ?o MINUS{SERVICE<U>{ ?z ?y ?x }} }",
    "SELECT * { GRAPH ?g {SERVICE<U>{ ?z ?y ?x }} }",
]


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[object]]]:
    """Listen on the loopback; give the address, and each connection that comes."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, who = server.accept()
                    came.append(who)
                    connection.close()

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", came
        server.shutdown(socket.SHUT_RDWR)


def test_the_listener_hears_an_engine_that_nobody_holds() -> None:
    with listening() as (url, came):
        for trick in TRICKS:
            with contextlib.suppress(OSError, SyntaxError, RuntimeError):
                answer = Store().query(trick.replace("U", url))
                if not isinstance(answer, bool) and hasattr(answer, "__iter__"):
                    list(answer)

    assert len(came) > 5


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_reaches_the_network(trick: str, tmp_path: Path) -> None:
    (tmp_path / "data.nt").write_text("<http://e/s> <http://e/p> <http://e/o> .\n")
    with listening() as (url, came):
        question = Question(library.parse(trick.replace("<U>", f"<{url}>"), "it", "it"), data=(tmp_path / "data.nt",))
        with contextlib.suppress(AskError):
            ask(question, Output("table", tmp_path / "answer"), Limits(20), lambda _: None)

    assert came == []


@pytest.mark.parametrize("trick", TRICKS)
def test_no_rule_of_a_workspace_reaches_the_network(trick: str) -> None:
    with listening() as (url, came), contextlib.suppress(quads.DeriveError, SyntaxError):
        quads.derive([], {"rule.rq": trick.replace("<U>", f"<{url}>")}, ["http://g/"])

    assert came == []


def test_no_combination_of_spacing_case_and_comment_hides_a_service() -> None:
    before = [
        "{ ",
        "{",
        "{?s ?p 1",
        "{?s ?p 'x'",
        "{?s ?p ?o.",
        "{OPTIONAL{}",
        "{#c\n",
        "{?s ?p -1.",
        "{?s ?p []",
        "{?s ?p ()",
    ]
    words = ["SERVICE", "service", "SeRvIcE"]
    silent = ["", " SILENT", "SILENT", "#x\nsilent"]
    between = ["", " ", "\t", "#>\n", "#'\n", '#"""\n']
    for start, word, quiet, space in itertools.product(before, words, silent, between):
        text = f"SELECT * {start}{word}{quiet}{space}<http://e/>{{ ?a ?b ?c }} }}"

        assert reach.outward(text, {}).services == ("http://e/",), text


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?service ?x { ?service ?x <http://e/service#a> }",
        "PREFIX service: <http://e/> SELECT * { ?s service:x ?o . service:SERVICE a service:Service }",
        "SELECT * { ?s ?p 'SERVICE <http://e/> {' . ?s ?p '''\nSERVICE <http://e/> {''' } # SERVICE <http://e/> {",
        "PREFIX : <#> SELECT ?service { ?service a :Service }",
        "SELECT * { ?s ?p 'x'@service . _:service ?p ?o }",
        'SELECT * { ?s ?p ?o FILTER(?s < ?o && ?service > "#") }',
    ],
)
def test_a_word_that_is_no_keyword_is_harmless(text: str) -> None:
    assert reach.outward(text, {}).services == ()


@pytest.mark.parametrize(
    "text", ["FROMNAMED<http://g/>", "from\nnamed <http://g/>", "FROM#x\n<http://g/>", "FROM<http://g/>"]
)
def test_graphs_of_from_are_found_with_any_spacing(text: str) -> None:
    assert reach.outward(f"SELECT * {text} {{ ?s ?p ?o }}", {}).graphs == ("http://g/",)


def test_a_text_without_end_takes_no_more_time_than_its_length() -> None:
    for part in ('"""', "'''", '"', "<", '\\"', '"""\\"', "e:", "?", "SERVICE ", "SERVICE:", "PREFIX ", "FROM "):
        text = f"SELECT * {{ {part * (200_000 // len(part))}"
        with contextlib.suppress(reach.QueryError):
            reach.outward(text, {})


def test_a_rule_that_would_reach_the_network_says_where() -> None:
    with pytest.raises(quads.DeriveError, match="line 2: SERVICE <http://e/> would reach the network"):
        quads.derive([], {"a.rq": "CONSTRUCT { ?s ?p ?o }\nWHERE { SERVICE<http://e/>{ ?s ?p ?o } }"}, ["http://g/"])


def test_a_query_on_links_that_would_reach_the_network_is_refused(small: Path) -> None:
    workspace = workspaces.find(small)
    (small / "queries" / "links").mkdir(parents=True, exist_ok=True)
    workspace.out.mkdir(exist_ok=True)
    (workspace.out / "dataset.nq").write_text("")
    with listening() as (url, came):
        (small / "queries" / "links" / "x.rq").write_text(f"SELECT * {{ SERVICESILENT<{url}>{{ ?a ?b ?c }} }}")
        with pytest.raises(setups.LinksError, match=r"queries/links/x\.rq: line 1: SERVICE"):
            setups.rows(workspace, "x", needed=True)

    assert came == []


def test_a_query_of_anchors_that_would_reach_the_network_is_refused(run: Run, tmp_path: Path) -> None:
    for name in ("articles", "entities", "links", "ontology", "shapes", "queries"):
        shutil.copytree(REPOSITORY / name, tmp_path / "w" / name)
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path / "w")
    with listening() as (url, came):
        (tmp_path / "w" / "queries" / "check" / "anchors.rq").write_text(f"SELECT * {{ SERVICE<{url}>{{ ?a ?b ?c }} }}")
        done = run("anchor", "--check", "--texts", tmp_path, cwd=tmp_path / "w")

    assert came == []
    assert done.returncode == 1
    assert "queries/check/anchors.rq: line 1: SERVICE" in done.stderr
