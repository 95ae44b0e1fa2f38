"""Every rule can be explained, and its examples are what they say: the good one keeps it, the bad one breaks it."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run
from spacecoop import documents, explanations, findings, publish, shared, workspace
from spacecoop.explanations import Explanation
from spacecoop.facts import quotes, texts

GOOD = REPOSITORY / "tests" / "examples"
RULES = explanations.load(workspace.read(REPOSITORY))
SPOKEN = {name: one for name, one in RULES.items() if one.message}
OWN = findings.rules()


@pytest.fixture
def exemplary(small: Path) -> Path:
    """A workspace with nothing wrong in it, in which every good example stands to the letter."""
    for path in GOOD.rglob("*.*"):
        (small / path.relative_to(GOOD)).parent.mkdir(exist_ok=True)
        shutil.copy(path, small / path.relative_to(GOOD))
    return small


def judged(folder: Path) -> set[str]:
    """The rules that something in a workspace breaks."""
    try:
        found = publish.validate(workspace.read(folder), cached=False)
    except documents.Unreadable as error:
        found = [error.finding]
    return {one.rule for one in found}


def put(folder: Path, one: Explanation) -> None:
    """Replace the good example, where it stands in the workspace, by the bad one."""
    assert one.good is not None
    assert one.bad is not None
    good, bad = one.good.splitlines(), one.bad.splitlines()
    for path in (folder / name.relative_to(GOOD) for name in sorted(GOOD.rglob("*.*"))):
        if replaced := spliced(path.read_text("utf-8"), good, bad):
            path.write_text(replaced, "utf-8")
            return
    for path in (folder / "ontology" / "context.jsonld", *sorted((folder / "queries" / "derive").glob("*.rq"))):
        if replaced := spliced(path.read_text("utf-8"), good, bad):
            path.write_text(replaced, "utf-8")
            return
    pytest.fail(f"the good example of {one.name} stands nowhere in tests/examples")


def spliced(text: str, good: list[str], bad: list[str]) -> str | None:
    """Return a text with the lines *good*, however far they are indented there, replaced by *bad*."""
    for found in re.finditer(rf"^([ \t]*(?:- )?){re.escape(good[0])}$", text, re.MULTILINE):
        between = "\n" + " " * len(found[1])
        whole = between.join(good)
        begin = found.start() + len(found[1])
        if text.startswith(whole, begin) and text[begin + len(whole) :][:1] in ("", "\n"):
            return text[:begin] + between.join(bad) + text[begin + len(whole) :]
    return None


def test_nothing_is_wrong_with_the_good_examples(exemplary: Path) -> None:
    assert judged(exemplary) == set()


SHAPES = {name: one for name, one in SPOKEN.items() if name not in OWN}


def test_every_shape_that_speaks_has_a_title_a_reason_and_both_examples_in_both_languages() -> None:
    lacking = [
        name
        for name, one in SHAPES.items()
        if one.good is None or one.bad is None or not {"en", "fr"} <= one.title.keys() & one.why.keys()
    ]

    assert len(SHAPES) >= 100
    assert lacking == []


def test_every_example_is_of_a_shape() -> None:
    path = REPOSITORY / explanations.EXAMPLES

    assert set(documents.read(path.read_bytes(), path.name).data) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_the_bad_example_of_a_shape_breaks_that_shape_and_what_it_says(name: str, exemplary: Path) -> None:
    put(exemplary, SHAPES[name])

    assert judged(exemplary) == {name, *SHAPES[name].also}


@pytest.mark.parametrize("name", OWN)
def test_every_rule_of_the_reader_has_a_title_and_a_reason_in_both_languages(name: str) -> None:
    for key in ("title", "why", "message"):
        assert {"en", "fr"} <= OWN[name].get(key, {}).keys()


def fact_file(folder: Path) -> Path:
    return folder / "articles" / "example.yaml"


def twice(folder: Path) -> None:
    source = (folder / "articles" / "another.trig").read_text("utf-8")
    (folder / "articles" / "again.trig").write_text(source, "utf-8")


def told_twice(folder: Path) -> None:
    path = folder / "entities" / "example.yaml"
    launch = next(line for line in path.read_text("utf-8").splitlines(keepends=True) if "id: example-launch" in line)
    path.write_text(path.read_text("utf-8").replace(launch, launch + launch.replace("example-launch", "lift-off")))


BY_HAND: dict[str, Callable[[Path], object]] = {
    "not-utf8": lambda folder: fact_file(folder).write_bytes(b"a: \xe9"),
    "two-as-one": told_twice,
    "no-articles": lambda folder: shutil.rmtree(folder / "articles"),
    "bad-slug": lambda folder: fact_file(folder).rename(folder / "articles" / "Moon 2019.yaml"),
    "yaml-size": lambda folder: fact_file(folder).write_bytes(b"#" * 8_000_001),
    "article-twice": twice,
}
"""How the rules without a piece of a file as example are broken."""
ELSEWHERE = {
    name for name in OWN if name.startswith(("link-", "feed-", "build-", "out-", "mapping-set", "mapping-unreviewed"))
} | {
    "overdue",
    "not-revised",
    "engines-disagree",
    "unreadable",
    "query",
    *("no-workspace", "toml", "setting", "setting-missing", "setting-unknown", "not-a-file", "outside", "no-shapes"),
    *("page-query", "page-template"),
    *("json", "line-nameless", "line-size", "gzip", "packed-size"),  # of files with an article on each line
    *("row-empty", "parquet", "parquet-column", "parquet-extra", "parquet-size"),
    *("mapping-no-thing", "shape-unusable", "quality-rule", "no-quality"),
}
"""Rules that other tests break: with an engine made to misbehave, with a file or settings that are not there."""
OF_TEXTS = {
    *("quote-missing", "quote-twice", "quote-nth", "quote-alike", "quote-part", "copied-sentence"),
    *("text-differs", "anchor-moved", "anchor-differs", "sentence-number"),
} | {name for name in OWN if name.startswith("draft-") and name != "draft-left"}
"""Rules of `spacecoop anchor` and `spacecoop draft`, which look into the private texts."""


@pytest.mark.parametrize("name", [name for name in OWN if name not in ELSEWHERE | OF_TEXTS])
def test_the_bad_example_of_the_reader_s_rules_breaks_that_rule(name: str, exemplary: Path) -> None:
    if name in BY_HAND:
        BY_HAND[name](exemplary)
    else:
        put(exemplary, RULES[name])

    assert judged(exemplary) == {name, *RULES[name].also}


@pytest.mark.parametrize(
    ("rule", "quote"),
    [
        ("quote-missing", "Nobody wrote this."),
        ("quote-twice", "Samplia"),
        ("quote-part", "signed"),
        ("quote-alike", "S amplia signed."),
        (None, "Samplia signed."),
    ],
)
def test_a_quote_is_found_once_or_refused(rule: str | None, quote: str) -> None:
    source = f'claims:\n  - quote: "{quote}"\n'
    text = texts.Text(*_text("Examplia and Samplia agreed. Samplia signed."))

    done = quotes.anchor(source, documents.read(source.encode(), "f.yaml"), text, quotes.Form("evidence", []))

    assert [one.rule for one in done.findings] == ([rule] if rule else [])


def _text(words: str) -> tuple[str, ...]:
    return (words, hashlib.sha256(words.encode()).hexdigest())


def test_explain_shows_a_rule_its_reason_and_its_examples(run: Run) -> None:
    done = run("explain", "Claim-modality")

    assert done.returncode == 0
    assert done.stdout.startswith("Claim-modality: modality (violation)\n\nA claim has one modality")
    for part in ("\nWhy: ", "\nGood:\n  claimant", "\nBad:\n  claimant"):
        assert part in done.stdout


def test_explain_speaks_french(run: Run) -> None:
    done = run("--lang", "fr", "explain", "unknown-key")

    assert done.stdout.startswith("unknown-key : clé inconnue (violation)\n\naucune clé … n'est connue ici")
    assert "\nPourquoi : " in done.stdout


def test_explain_lists_every_rule_with_its_title(run: Run) -> None:
    lines = run("explain", "--list").stdout.splitlines()

    assert [line.split()[0] for line in lines] == list(SPOKEN)
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("Claim-modalty", "did you mean 'Claim-modality'?"), ("zzz", "`spacecoop explain --list` lists all rules")],
)
def test_an_unknown_rule_gets_advice_and_exit_code_1(name: str, advice: str, run: Run) -> None:
    done = run("explain", name)

    assert done.returncode == 1
    assert done.stderr == f"spacecoop explain: no rule {name!r}; {advice}\n"


def test_a_workspace_without_examples_is_explained_all_the_same(birds: Path, run: Run) -> None:
    shapes = shared.read_shapes(workspace.read(birds))[0]
    name = next(rule.name for rule in shapes.rules.values() if rule.messages)

    done = run("-C", birds, "explain", name)

    assert done.returncode == 0
    assert "Good:" not in done.stdout


def test_examples_that_cannot_be_read_are_said_in_a_line(small: Path, run: Run) -> None:
    (small / "shapes" / "examples.yaml").write_text("a: [", "utf-8")

    done = run("-C", small, "explain", "Claim")

    assert done.returncode == 1
    assert done.stderr.startswith("spacecoop explain: shapes/examples.yaml:1:")


@pytest.mark.parametrize("engine", ["fast", "pyshacl"])
@pytest.mark.parametrize(
    ("name", "because"),
    [
        (
            "Claim-content",
            [
                "not so of A-02: It asserts a matter. [AssertsSomething-asserts: MinCount]",
                "not so of A-02: It names a principle. [NamesPrinciple-principle: MinCount]",
            ],
        ),
        (
            "OneClass",
            [
                "so of agreement: It is an agreement. [IsAgreement: Xone]",
                "so of agreement: It is a cooperation. [IsCooperation: Xone]",
            ],
        ),
        (
            "Milestone-signing",
            [
                "not so of signing: It is no signing. [NotASigning: Not]",
                "not so of example-sat: It is an agreement. [IsAgreement: Class]",
            ],
        ),
        ("Claim-gloss-tidy", []),
        ("Claim-saidAt", []),
    ],
)
def test_a_finding_tells_what_the_shapes_inside_found(
    name: str, because: list[str], engine: str, exemplary: Path
) -> None:
    put(exemplary, SHAPES[name])

    (found,) = (
        one for one in publish.validate(workspace.read(exemplary), (), engine, cached=False) if one.rule == name
    )

    assert [one["en"] for one in found.because] == because
    assert all("fr" in one for one in found.because)
