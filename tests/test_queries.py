from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from conftest import Run
from spacecoop import publish
from spacecoop.findings import is_refusal
from spacecoop.queries import library
from spacecoop.queries.library import QueryError, parse
from spacecoop.queries.parameters import Parameter, term
from spacecoop.workspace import read

XSD = "http://www.w3.org/2001/XMLSchema#"
FRONT = """#+ summary: {en: A, fr: B}
#+ parameters:
#+   x: {type: integer, default: 3, example: 4}
#+   many: {default: [a, b]}
SELECT ?x { VALUES ?x { UNDEF } VALUES ?many { UNDEF } }
"""


def unknown(name: str, _: str) -> str:
    raise QueryError(f"nothing is called {name!r}")


def typed(type_: str, value: str) -> object:
    return term(value, Parameter("x", type_, {}), unknown)


def test_front_matter_is_read() -> None:
    query = parse(FRONT, "it", "it.rq")

    assert query.summary == {"en": "A", "fr": "B"}
    assert query.parameters[0] == Parameter("x", "integer", {}, ("3",), "4")
    assert query.parameters[1].default == ("a", "b")


def test_defaults_are_bound_where_nothing_is_said_and_words_where_something_is() -> None:
    query = parse(FRONT, "it", "it.rq")

    assert f'VALUES ?x {{ "3"^^<{XSD}integer> }} VALUES ?many {{ "a" "b" }}' in query.bound({}, unknown)
    assert 'VALUES ?many { "c" }' in query.bound({"many": ["c"]}, unknown)


def test_a_query_without_front_matter_is_a_query() -> None:
    assert parse("ASK {}", "-", "standard input").bound({}, unknown) == "ASK {}"


@pytest.mark.parametrize(
    ("front", "says"),
    [
        ("#+ [", "the front matter is not YAML"),
        ("#+ just words", "the front matter has no keys"),
        ("#+ parameters: [a, b]", "not as it should be"),
        ("#+ parameters: {x: 1}", "not as it should be"),
        ("#+ parameters: {x: {type: number}}", "has the type 'number'; there are iri, entity"),
        ("#+ parameters: {'x y': {type: string}}", "cannot be the name of a variable"),
        ("#+ a: &a [1]\n#+ b: *a", "no need of YAML's & and *"),
        ("#+ a: !!python/object/apply:os.system [true]", "the front matter is not YAML"),
    ],
)
def test_front_matter_that_cannot_be_used_says_why(front: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(f"{front}\nASK {{}}", "it", "queries/it.rq")

    assert says in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a" * (library.LONGEST + 1)])
def test_what_is_no_query_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "it.rq").write_bytes(data)

    with pytest.raises(QueryError, match=r"it\.rq"):
        library.find("it", tmp_path)


@pytest.mark.parametrize("name", ["../secret", "a/b", "", "it.rq", "\x00"])
def test_a_name_does_not_leave_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "secret.rq").write_text("ASK {}")

    with pytest.raises(QueryError, match="no query"):
        library.find(name, tmp_path / "queries")


def test_a_query_that_is_a_link_out_of_the_workspace_is_not_read_unless_it_is_allowed(birds: Path, run: Run) -> None:
    secret = birds.parent / "secret.rq"
    secret.write_text("SELECT ?secret { ?secret a ?c }")
    folder = birds / "queries"
    (folder / "leak.rq").symlink_to(secret)
    (folder / "twin.rq").symlink_to("flocks.rq")

    with pytest.raises(QueryError, match=r"queries/leak\.rq: this link leaves the workspace"):
        library.find("leak", folder)
    with pytest.raises(QueryError, match="leaves the workspace"):
        library.every(folder)
    assert library.find("twin", folder).text == library.find("flocks", folder).text
    assert [found.rule for found in publish.validate(read(birds), [])] == ["outside"]
    told = run("-C", birds, "--lang", "fr", "query", "leak")
    assert (told.returncode, told.stdout) == (1, "")
    assert "ce lien quitte l'espace de travail" in told.stderr
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[workspace]\noutside = true\n", "utf-8")
    assert "secret" in library.find("leak", folder, outside=read(birds).outside).text


def test_a_pipe_named_like_a_query_is_told_and_nothing_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    os.mkfifo(tmp_path / "queries" / "pipe.rq")

    for ask in (lambda: library.find("pipe", tmp_path / "queries"), lambda: library.every(tmp_path / "queries")):
        with pytest.raises(QueryError, match="this is no file"):
            ask()


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("iri", "https://e.example/é", NamedNode("https://e.example/é")),
        ("string", 'say "x" } #', Literal('say "x" } #')),
        ("langString", "a@b@fr-CA", Literal("a@b", language="fr-ca")),
        ("integer", "-12", Literal("-12", datatype=NamedNode(f"{XSD}integer"))),
        ("date", "2019-03-25", Literal("2019-03-25", datatype=NamedNode(f"{XSD}date"))),
        ("gYear", "2019", Literal("2019", datatype=NamedNode(f"{XSD}gYear"))),
        ("boolean", "true", Literal("true", datatype=NamedNode(f"{XSD}boolean"))),
    ],
)
def test_a_word_becomes_a_term_of_its_type(type_: str, value: str, expected: object) -> None:
    assert typed(type_, value) == expected


@pytest.mark.parametrize(
    ("type_", "value", "says"),
    [
        ("iri", "a b", "is not an IRI"),
        ("iri", "http://e/> } #", "is not an IRI"),
        ("langString", "word", "has no language; write it as word@en"),
        ("langString", "word@en } #", "has no language"),
        ("integer", "1.5", "is not of the type integer"),
        ("integer", "१२", "is not of the type integer"),
        ("date", "2019-02-30", "is not a date"),
        ("gYear", "2019 } #", "is not of the type gYear"),
        ("boolean", "yes", "is not of the type boolean"),
        ("entity", "nobody", "x: nothing is called 'nobody'"),
    ],
)
def test_a_word_that_is_not_of_the_type_is_refused(type_: str, value: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        typed(type_, value)

    assert says in str(caught.value)


def test_a_broken_query_file_is_a_finding_and_nothing_is_published(birds: Path) -> None:
    (birds / "queries").mkdir(exist_ok=True)
    (birds / "queries" / "broken.rq").write_text("#+ parameters: {x: {type: string}}\nSELECT * {}")

    found = publish.validate(read(birds), [])

    assert is_refusal(found)
    assert [str(one) for one in found if one.rule == "query"] == [
        "queries/broken.rq:1:1: violation: the query cannot be published: no place for ?x: "
        "write VALUES ?x { UNDEF } where it is to be bound [query]"
    ]


QUERY = """#+ parameters:
#+   claim: {type: string, among: "[] dcterms:identifier ?value"}
#+   scheme: {type: iri, among: "[] skos:inScheme ?value"}
SELECT ?x { VALUES ?claim { UNDEF } VALUES ?scheme { UNDEF } }
"""
THERE = {"claim": ["A-01", "A-02"], "scheme": ["https://e.example/topic", "https://e.example/role"]}


def test_a_word_that_the_data_have_is_completed() -> None:
    said = {"claim": ["a-01", "A-02"], "scheme": ["topic"]}

    completed = library.complete(parse(QUERY, "it", "it.rq"), said, lambda one: THERE[one.name])

    assert completed == {"claim": ["A-01", "A-02"], "scheme": ["https://e.example/topic"]}


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        ("claim", "A-1", "claim: nothing is called 'A-1'; did you mean 'A-01'?"),
        ("claim", "xyzzy", "claim: nothing is called 'xyzzy'; there are A-01, A-02"),
        ("scheme", "topik", "did you mean 'https://e.example/topic'?"),
    ],
)
def test_a_word_that_the_data_do_not_have_is_refused(name: str, word: str, says: str) -> None:
    with pytest.raises(QueryError, match=re.escape(says)):
        library.complete(parse(QUERY, "it", "it.rq"), {name: [word]}, lambda one: THERE[one.name])


def test_the_settings_choose_defaults(tmp_path: Path) -> None:
    (tmp_path / "it.rq").write_text(FRONT)

    query = library.find("it", tmp_path, {"it": {"x": 7}})

    assert query.parameters[0] == Parameter("x", "integer", {}, ("7",), "4", chosen=True)
    with pytest.raises(QueryError, match="the query has no parameter 'y'; it takes x, many"):
        library.find("it", tmp_path, {"it": {"y": 7}})
    with pytest.raises(QueryError, match="is to be a table"):
        library.find("it", tmp_path, {"it": 7})  # type: ignore[dict-item]
