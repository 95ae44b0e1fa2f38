from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
import rdflib
from pyoxigraph import Literal, NamedNode, Quad, QueryResultsFormat, Store, parse_query_results

from spacecoop.queries import results
from spacecoop.queries.results import Result, View
from spacecoop.queries.spool import Spool

XSD = "http://www.w3.org/2001/XMLSchema#"
VALUES: list[Any] = [
    NamedNode("http://e.example/é"),
    Literal("a|b<c>\\ \"q\" & 'r'\n\ttab\r"),
    Literal("mot", language="fr"),
    Literal("01", datatype=NamedNode(f"{XSD}integer")),
    Literal("1.50", datatype=NamedNode(f"{XSD}decimal")),
    Literal("+1", datatype=NamedNode(f"{XSD}integer")),
    Literal("1e5", datatype=NamedNode(f"{XSD}double")),
    Literal("1", datatype=NamedNode(f"{XSD}boolean")),
    Literal("\\u0041"),
    Literal(""),
]


def asked(text: str, ordered: bool = False, store: Store | None = None) -> Result:
    return results.spool_rows((store or Store()).query(text), Spool(sort=not ordered))


def written(result: Result, format_: str, **view: object) -> str:
    stream = io.BytesIO()
    results.write(result, format_, stream, View({"e": "http://e.example/"}, **view))  # type: ignore[arg-type]
    return stream.getvalue().decode()


def of_values() -> Result:
    """Each value in a row; read from a result file, since the engine's store would rewrite some spellings."""
    lines = "".join(f"{term}\t\n" for term in VALUES)
    answer = parse_query_results(f"?x\t?y\n{lines}", format=QueryResultsFormat.TSV)
    return results.spool_rows(answer, Spool(sort=False))


def test_every_term_keeps_its_spelling_on_the_way_through_the_spool() -> None:
    assert [row[0] for row in of_values().rows()] == VALUES


@pytest.mark.parametrize("format_", ["csv", "tsv", "json", "xml"])
def test_the_formats_of_w3c_are_those_of_the_engine_to_the_byte(format_: str) -> None:
    lines = "".join(f"{term}\t\n" for term in VALUES)
    answer = parse_query_results(f"?x\t?y\n{lines}", format=QueryResultsFormat.TSV)
    raw = answer.serialize(format=getattr(QueryResultsFormat, format_.upper())) or b""

    assert written(of_values(), format_).rstrip("\n") == raw.decode().rstrip("\n")


@pytest.mark.parametrize("format_", ["json", "xml", "tsv"])
def test_another_library_reads_the_same_values(format_: str) -> None:
    from rdflib.query import Result as Read

    read: Any = Read.parse(io.BytesIO(written(of_values(), format_).encode()), format=format_)

    assert [str(row[0]) for row in read][:3] == [term.value for term in VALUES][:3]


def test_the_csv_of_sparql_is_as_the_recommendation_shows_it() -> None:
    """SPARQL 1.1 Query Results CSV and TSV Formats, section 3."""
    text = 'SELECT ?x ?literal { VALUES (?x ?literal) { (<http://example/x> "String") ("a" "String-with-dquote\\"") } }'

    assert written(asked(text, ordered=True), "csv") == (
        'x,literal\r\nhttp://example/x,String\r\na,"String-with-dquote"""\r\n'
    )


def test_rows_come_sorted_unless_the_query_orders_them() -> None:
    text = "SELECT ?x { VALUES ?x { 'c' 'a' 'b' } }"

    assert written(asked(text), "tsv") == '?x\n"a"\n"b"\n"c"\n'
    assert written(asked(text, ordered=True), "tsv") == '?x\n"c"\n"a"\n"b"\n'


def test_a_page_shows_its_rows_only() -> None:
    result = asked("SELECT ?x { VALUES ?x { 1 2 3 4 5 } }")

    assert written(result.page(2, 2), "csv") == "x\r\n3\r\n4\r\n"
    assert written(result.page(2, 3), "csv") == "x\r\n5\r\n"
    assert result.page(2, 3).shown == 1
    assert result.page(2, 9).shown == 0


def test_no_rows_and_no_variables_are_written_too() -> None:
    assert written(asked("SELECT ?x {} LIMIT 0"), "csv") == "x\r\n"
    assert written(asked("SELECT ?x { FILTER (false) }"), "table").count("\n") >= 3
    assert json.loads(written(asked("SELECT * { FILTER (false) }"), "json"))["results"]["bindings"] == []


def test_a_table_shortens_iris_and_shows_labels() -> None:
    result = asked("SELECT ?x { VALUES ?x { <http://e.example/a> <http://other.example/b> } }")

    plain = written(result, "table")
    labelled = written(result, "table", labels=lambda iris: {"http://e.example/a": "An A"} if list(iris) else {})

    assert "│ e:a " in plain
    assert "│ http://other.example/b │" in plain
    assert "e:a (An A)" in labelled


def test_a_table_fits_the_terminal() -> None:
    result = asked(f"SELECT ?x ?y {{ VALUES (?x ?y) {{ ('{'word ' * 60}' 'y') }} }}")

    assert max(map(len, written(result, "table", width=60).splitlines())) <= 60


COOPERATION = (
    "'Cooperation on the lunar station and its experiments' 'China National Space Administration, Roscosmos' "
    "'lunar exploration, space science and applications' 'under way' 'B-18'"
)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_column_is_narrower_than_its_longest_word(width: int) -> None:
    table = written(
        asked(f"SELECT * {{ VALUES (?a ?b ?c ?modality ?claim) {{ ({COOPERATION}) }} }}"), "table", width=width
    )

    assert max(map(len, table.splitlines())) <= width
    for word in ("experiments", "exploration", "applications", "B-18", "modality"):
        assert re.search(rf"\b{word}\b", table), table


def test_the_widest_column_gives_way_first() -> None:
    text = f"'{'word ' * 30}'"
    table = written(asked(f"SELECT * {{ VALUES (?a ?b) {{ ('a short cell stays' {text}) }} }}"), "table", width=70)

    assert "│ a short cell stays │" in table


def test_what_fits_no_table_is_shown_record_by_record() -> None:
    table = written(
        asked(f"SELECT * {{ VALUES (?a ?b ?c ?modality ?claim) {{ ({COOPERATION}) }} }}"), "table", width=40
    )

    assert "│" not in table
    assert max(map(len, table.splitlines())) <= 40
    assert re.search(r"^modality +under way$", table, re.MULTILINE)
    assert re.search(r"^claim +B-18$", table, re.MULTILINE)


def test_a_table_in_a_pipe_is_as_wide_as_it_needs_and_has_no_colours() -> None:
    table = written(
        asked(f"SELECT * {{ VALUES (?a ?中) {{ ('{'word ' * 60}' '[bold]国家航天局 :rocket:') }} }}"), "table"
    )

    assert "word " * 59 in table
    assert "[bold]国家航天局 :rocket:" in table
    assert "\x1b" not in table


def test_a_value_cannot_steer_the_terminal() -> None:
    store = Store()
    store.add(Quad(NamedNode("e:s"), NamedNode("e:p"), Literal("\x1b[2Jgone\u202eback\x07")))

    table = written(asked("SELECT ?o { ?s ?p ?o }", store=store), "table")

    assert "\x1b" not in table
    assert "\\x1b[2Jgone" in table
    assert "\u202e" not in table


def test_a_long_table_says_that_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "SHOWN", 2)

    assert written(asked("SELECT ?x { VALUES ?x { 1 2 3 } }"), "table").endswith(
        "the first 2 of 3 rows; for all, use --format csv\n"
    )


def test_markdown_cells_stay_in_their_cells() -> None:
    lines = written(of_values(), "markdown").splitlines()

    assert lines[:2] == ["| x | y |", "| --- | --- |"]
    assert len(lines) == 2 + len(VALUES)
    assert "a\\|b&lt;c&gt;\\\\" in lines[3]


def test_html_is_escaped_and_iris_are_links() -> None:
    text = "SELECT ?x { VALUES ?x { <http://e.example/a> <javascript:alert(1)> '<script>' 'mot'@fr } }"

    html = written(asked(text), "html")

    assert '<td><a href="http://e.example/a">e:a</a></td>' in html
    assert "<td>javascript:alert(1)</td>" in html
    assert "<td>&lt;script&gt;</td>" in html
    assert '<td lang="fr">mot</td>' in html


def test_json_lines_hold_one_row_each() -> None:
    rows = [json.loads(line) for line in written(of_values(), "jsonl").splitlines()]

    assert rows[0] == {"x": {"type": "uri", "value": "http://e.example/é"}}
    assert rows[2] == {"x": {"type": "literal", "value": "mot", "xml:lang": "fr"}}
    assert rows[3] == {"x": {"type": "literal", "value": "01", "datatype": f"{XSD}integer"}}


@pytest.mark.parametrize(
    ("format_", "expected"), [("csv", "true"), ("xml", "<boolean>true</boolean>"), ("table", "true")]
)
def test_yes_or_no_is_written(format_: str, expected: str) -> None:
    assert expected in written(asked("ASK {}"), format_)


@pytest.mark.parametrize(
    ("format_", "parser"), [("turtle", "turtle"), ("ntriples", "nt"), ("jsonld", "json-ld"), ("trig", "trig")]
)
def test_triples_are_written_in_each_syntax_and_sorted(format_: str, parser: str) -> None:
    values = "(<http://e.example/b> 1) (<http://e.example/a> 1.50)"
    construct = f"CONSTRUCT {{ ?s <http://e.example/p> ?o , 'é'@fr }} {{ VALUES (?s ?o) {{ {values} }} }}"

    text = written(asked(construct), format_)
    read = rdflib.Dataset(default_union=True).parse(data=text, format=parser)

    assert len(list(read.triples((None, None, None)))) == 4
    assert text.index("/a" if format_ in ("ntriples", "jsonld") else "e:a") < text.index(
        "/b" if format_ in ("ntriples", "jsonld") else "e:b"
    )


def test_only_prefixes_that_are_used_are_declared() -> None:
    result = asked("CONSTRUCT { <http://e.example/a> <http://e.example/b> 1 } {}")
    stream = io.BytesIO()

    results.write(result, "turtle", stream, View({"e": "http://e.example/", "idle": "http://idle.example/"}))

    assert stream.getvalue().decode() == "@prefix e: <http://e.example/> .\ne:a e:b 1 .\n"


def test_blank_nodes_of_a_template_get_the_same_names_each_time() -> None:
    construct = "CONSTRUCT { ?s <e:p> [ <e:q> ?s ] } { VALUES ?s { <e:a> <e:b> } }"

    assert written(asked(construct), "ntriples") == written(asked(construct), "ntriples")


def test_a_triple_is_written_once() -> None:
    assert written(asked("CONSTRUCT { <e:a> <e:b> 1 } { VALUES ?x { 1 2 3 } }"), "ntriples").count("\n") == 1


def test_a_format_that_an_answer_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(results.FormatError, match="SELECT gives cannot be written as turtle; it can as table, csv"):
        results.prepare("SELECT", "turtle")
    with pytest.raises(results.FormatError, match="cannot be written as csv; it can as table, turtle"):
        results.prepare("CONSTRUCT", "csv")
