"""Every message of the commands that speak French has its French, and what they say in French has no English in it."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run
from spacecoop import cli, messages
from spacecoop.messages import Words, translate
from spacecoop.preflight import judging
from spacecoop.queries import endpoint
from spacecoop.stores import connections, dialects, plans

SOURCE = REPOSITORY / "src" / "spacecoop"
SPEAKING = [
    *(f"{room}/*.py" for room in ("queries", "links", "stores", "stories", "drafts", "server")),
    *(f"commands/{name}.py" for name in ("query", "links", "push", "serve", "draft", "anchor", "validate", "stories")),
    *(f"commands/{name}.py" for name in ("build", "init", "export", "preflight", "nanopub", "clean")),
    *(
        "asking.py",
        "linking.py",
        "pushing.py",
        "drafting.py",
        "reach.py",
        "serve.py",
        "joining.py",
        "spark.py",
        "exchange.py",
        "preflight/rulebooks.py",
    ),
]
SILENT = {
    "the last attempt returns or raises",  # never reached
    "interrupted; nothing was left half-written",
}


def template(node: ast.AST) -> str | None:
    """A string of the source, with {} where it has a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else plural(part) for part in node.values)
    return None


def plural(part: ast.AST) -> str:
    """The hole of a value; an ending, such as 's' * (number != 1), is no value."""
    if (
        isinstance(part, ast.FormattedValue)
        and isinstance(part.value, ast.BinOp)
        and isinstance(part.value.op, ast.Mult)
    ):
        return str(getattr(part.value.left, "value", "{}"))
    return "{}"


def strings(node: ast.AST) -> Iterator[str]:
    """The templates in an expression: those of either case, and of what is joined."""
    found = template(node)
    if found is not None:
        yield found
    if isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not isinstance(part.value, ast.Constant):
                yield from (one for one in strings(part.value) if " " in one.strip("; ,"))
    elif isinstance(node, ast.IfExp):
        yield from (*strings(node.body), *strings(node.orelse))
    elif isinstance(node, ast.BinOp):
        yield from (*strings(node.left), *strings(node.right))


def said(path: Path) -> Iterator[tuple[int, str]]:
    """What a module raises, or says to its user."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            given = node.exc.args
        elif isinstance(node, ast.Call) and is_said(node.func):
            given = node.args
        yield from ((node.lineno, text) for one in given for text in strings(one))  # type: ignore[attr-defined]


def is_said(called: ast.expr) -> bool:
    """Whether what is called says something, or makes an error that is raised elsewhere."""
    if isinstance(called, ast.Attribute):
        return called.attr in ("say", "wrong")
    return isinstance(called, ast.Name) and called.id.endswith(("Error", "Refused"))


def filled(text: str) -> str:
    """A message as it may come out, with values that are no words."""
    values = iter(string.ascii_lowercase)
    return re.sub(r"\{\}", lambda _: f"{next(values)}7", text)


EVERY = sorted(
    {
        text
        for pattern in SPEAKING
        for path in SOURCE.glob(pattern)
        for _, text in said(path)
        if " " in text.strip() and re.search(r"[a-z]{3}", text.replace("{}", "")) and text not in SILENT
    }
)
TABLES = [
    *(f"http://127.0.0.1/: {text} (status 404)" for _, text in endpoint.REASONS.values()),
    *(f"http://127.0.0.1/: {text} (status 404): x7: y7" for _, text in endpoint.REASONS.values()),
    *(text for _, text in endpoint.REASONS.values()),
    *connections.HELP.values(),
    *(change.words for change in dialects.CHANGES),
    *(f"12 graphs {words} (+1 -2 triples)" for words in plans.ACTIONS.values()),
]


def test_the_walk_finds_the_messages() -> None:
    assert len(EVERY) > 150
    assert "{}: this is an update, and a query changes nothing" in EVERY


@pytest.mark.parametrize("text", [*EVERY, *TABLES])
def test_a_message_has_its_french(text: str) -> None:
    english = filled(text)
    french = translate(english, "fr")

    assert french != english
    assert translate(english, "en") == english
    assert [value for value in re.findall(r"\b[a-z]7\b", english) if value not in french] == []


def test_no_sentence_of_the_catalogue_loses_or_invents_a_value() -> None:
    for english, french in messages.catalogue("fr").items():
        holes = re.findall(r"\{(\d*)\}", french)
        numbers = [int(hole) if hole else place for place, hole in enumerate(holes, 1)]
        assert sorted(numbers) == list(range(1, english.count("{}") + 1)), english


@pytest.mark.parametrize("text", ["", "x" * 30_000, "a: b: c", "{}", "\n\n", "nothing is called " * 500])
def test_what_the_catalogue_does_not_have_stays_and_takes_no_time(text: str) -> None:
    assert len(translate(text, "fr")) >= len(text) // 2


COMMANDS: list[tuple[list[str], int]] = [
    (["query", "abot"], 1),
    (["query", "about", "--param", "thing=nobody-of-that-name"], 1),
    (["query", "about", "--param", "thng=x"], 1),
    (["query", "claims", "--param", "lang=zz"], 1),
    (["query", "not-there.rq"], 1),
    (["query", "speakers", "--plot", "timeline"], 1),
    (["query", "speakers", "--format", "turtle"], 1),
    (["query", "partners", "-v"], 0),
    (["query", "speakers", "--page", "2"], 2),
    (["query", "speakers", "--endpoint", "ftp://example.org"], 1),
    (["push", "nowhere"], 1),
    (["push", "http://127.0.0.1:9/"], 1),
    (["links", "accept", "id:x", "Q1", "--because", "x", "--reviewer", "y:z"], 1),
    (["links", "suggest", "nobody-of-that-name"], 1),
    (["serve", "--host", "192.0.2.1"], 1),
    (["draft", "texts/Not A Name.txt"], 2),
    (["anchor"], 1),
    (["export", "--split", "10"], 1),
    (["nanopub", "--check"], 1),
    (["init", "articles"], 1),
    (["build", "--chekc"], 2),
    (["preflight", "--for", "all", "--shapes", "x.ttl"], 1),
]
ENGLISH = re.compile(r"\b(the|is|not|there|was|were|of|and|with|from|which|it|called|nothing|did|such|must)\b")


@pytest.mark.parametrize(("words", "code"), COMMANDS)
def test_what_a_command_says_in_french_has_no_english_in_it(
    words: list[str], code: int, frozen: Path, run: Run
) -> None:
    done = run("-C", frozen, "--lang", "fr", *words)
    told = "".join(line for line in done.stderr.splitlines() if not line.startswith(("emploi :", " ")))

    assert done.returncode == code
    assert told
    assert ENGLISH.findall(re.sub(r"\S*[/.:'«]\S*", "", told)) == []


def constructions() -> Iterator[tuple[str, ast.Call]]:
    """Where `Words` are made: the module, and the call."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Words":
                yield path.name, node


def test_no_module_holds_words_in_two_languages() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        if {getattr(key, "value", None) for key in node.keys} & (set(messages.languages()) - {messages.ENGLISH})
    ]

    assert found == []


@pytest.mark.parametrize("language", [one for one in messages.languages() if one != messages.ENGLISH])
def test_every_text_is_there_in_every_language_with_its_values(language: str) -> None:
    said = [(name, text, node) for name, node in constructions() for text in strings(node.args[0]) if text != "{}"]
    said += [("judging.py", text, node) for _, _, node in said[:1] for text in judging.SAYS.values()]
    lacking = [f"{name}: {text}" for name, text, _ in said if Words(text).text(language) == text and text not in SAME]
    wrong = [
        f"{name}: {text}"
        for name, text, node in said
        if name != "judging.py" and not isinstance(node.args[0], ast.IfExp) and text.count("{}") != len(node.args) - 1
    ]

    assert len(said) > 80
    assert (lacking, wrong) == ([], [])


SAME = {"1.1"}
"""What is the same in any language."""


def test_no_text_of_a_catalogue_loses_or_invents_a_value_or_is_said_nowhere() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    said = {text for _, node in constructions() for text in strings(node.args[0])}
    for language in set(messages.languages()) - {messages.ENGLISH}:
        for english, other in messages._read(language)[1].items():
            holes = re.findall(r"\{(\d*)\}", other)
            numbers = [int(hole) if hole else place for place, hole in enumerate(holes, 1)]
            assert sorted(numbers) == list(range(1, english.count("{}") + 1)), english
            assert english in said or english[:40] in sources, english


def test_a_language_more_is_a_file_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(messages, "languages", lambda: ("en", "eo", "fr"))
    monkeypatch.setattr(messages, "_read", lambda _: ({"No such file or directory": "mankas"}, {"a table": "tabelo"}))

    assert dict(Words("a table")) == {"en": "tabelo", "eo": "tabelo", "fr": "tabelo"}
    with pytest.raises(SystemExit):
        cli.main(["--lang", "eo", "--help"])
    assert "{en,eo,fr}" in capsys.readouterr().out
