"""Joins are proposed with reasons, written where a person accepts them, and never proposed where one was rejected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from pyoxigraph import Quad

from conftest import Run
from spacecoop import documents, joining, publish, workspace
from spacecoop.facts import keys
from spacecoop.findings import is_refusal
from spacecoop.joining import Decision, JoinError
from spacecoop.messages import translate
from spacecoop.stories import reasons, refusals
from spacecoop.stories.reasons import Reason, Traits

SHARED = """entities:
  - {id: heron-launch, type: Milestone, kind: launch, label: {en: Launch of Heron, fr: Lancement de Heron}}
  - {id: heron-work, type: Cooperation, label: {en: Work on Heron, fr: Travail sur Heron}}
  - {id: egret-launch, type: Milestone, kind: launch, label: {en: Launch of Egret, fr: Lancement d'Egret}}
  - {id: heron, type: Undertaking, kind: satellite, label: {en: Heron, fr: Heron}}
  - {id: egret, type: Undertaking, kind: satellite, label: {en: Egret, fr: Egret}}
"""


def article(number: int, matters: str) -> str:
    return f"""url: https://example.org/news/{number}
type: NewsArticle
publisher: example-gazette
language: en
published: 2026-01-1{number}
text: {{id: this:text, type: TextObject, sha256: {str(number) * 64}, normalForm: NFC, codePoints: 90}}
record: {{created: 2026-11-27T00:00:00Z, creator: https://example.org/}}
claims:
  - id: this:A-01
    gloss: {{en: "It is told, number {number}.", fr: "C'est raconté, numéro {number}."}}
    claimant: example-gazette
    modality: done
    asserts: [this:launch]
    evidence: [{{sentence: 1, at: {{start: 0, end: 9}}, sha256: {str(number) * 64}}}]
matters:
{matters}"""


JOINED = """  # the launch, as this article has it
  - id: this:launch
    type: Milestone
    label: {en: Launch of Heron, fr: Lancement de Heron}
    kind: launch   # of a satellite
    accountOf: heron-launch
    concerns: heron
    time: {stated: "2024-06-22", resolved: "2024-06-22"}
"""
LOOSE = JOINED.replace("    accountOf: heron-launch\n", "")
OTHER = LOOSE.replace("Heron", "Egret").replace("heron", "egret").replace("2024-06-22", "2025-01-02")


@pytest.fixture
def place(small: Path) -> Path:
    """A workspace with four articles: one is joined, two are of the same launch, one is of another."""
    for path in (small / "articles").iterdir():
        path.unlink()
    (small / "entities" / "shared.yaml").write_text(SHARED, "utf-8")
    for number, matters in enumerate([JOINED, LOOSE, LOOSE.replace('"2024-06-22"', '"2024-06"'), OTHER], 1):
        (small / "articles" / f"x{number}.yaml").write_text(article(number, matters), "utf-8")
    return small


def open_(folder: Path) -> joining.Setup:
    return joining.begin(workspace.read(folder))


def proposed(folder: Path, *names: str, least: float = 0.3) -> list[tuple[str, str]]:
    def short(iri: str) -> str:
        return iri.rpartition("/")[2].replace("#", ":")

    return [(short(one.one), short(one.other)) for one in joining.suggest(open_(folder), names, least).joins]


def test_the_invented_articles_are_good(place: Path) -> None:
    assert not is_refusal(publish.validate(workspace.read(place)))


def test_the_likeliest_joins_are_proposed_first_and_no_other_launch_before_the_right_one(place: Path) -> None:
    found = proposed(place)

    assert found[:3] == [("x2:launch", "heron-launch"), ("x3:launch", "heron-launch"), ("x4:launch", "egret-launch")]
    assert not [one for one, _ in found if one == "x1:launch"]


def test_a_proposal_says_why(place: Path) -> None:
    one = joining.suggest(open_(place), ["x2"]).joins[0]

    assert {each.reason.name for each in one.arguments if each.weight > 0} >= {
        "class",
        "kind",
        "names",
        "thing",
        "time",
    }
    assert one.score == round(min(sum(each.weight for each in one.arguments), 0.99), 2)


@pytest.mark.parametrize("name", ["x3", "x3:launch", "x3#launch", "articles/x3.yaml"])
def test_proposals_can_be_of_one_article_or_matter(place: Path, name: str) -> None:
    assert {one for one, _ in proposed(place, name)} == {"x3:launch"}


def test_two_shared_matters_that_are_told_alike_are_proposed_as_one(place: Path) -> None:
    twice(place)

    found = joining.suggest(open_(place)).pairs

    assert [(one.one.rpartition("/")[2], one.other.rpartition("/")[2]) for one in found] == [
        ("heron-launch", "heron-lift-off")
    ]


def twice(place: Path) -> None:
    """Give the shared launch a twin, and have another article tell of that."""
    twin = SHARED.splitlines()[1].replace("heron-launch", "heron-lift-off")
    (place / "entities" / "shared.yaml").write_text(f"{SHARED}{twin}\n", "utf-8")
    (place / "articles" / "x2.yaml").write_text(article(2, JOINED.replace("heron-launch", "heron-lift-off")), "utf-8")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_two_shared_matters_that_ought_to_be_one_are_told_with_the_evidence(
    place: Path, language: str, run: Run
) -> None:
    twice(place)

    for command in ("validate", "build"):
        done = run("--lang", language, command, cwd=place)
        told = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 0
        assert "entities/shared.yaml:7:5" in told
        assert {"en": "both bear on one thing (id:heron)", "fr": "même chose (id:heron)"}[language] in told
        assert "spacecoop stories reject id:heron-launch id:heron-lift-off" in told
    joining.reject(open_(place), Decision("heron-lift-off", "heron-launch", "id:me", "two rockets", "2026-02-01"))
    for command in ("validate", "build"):
        assert "two-as-one" not in run(command, cwd=place).stdout


def test_an_article_that_tells_of_two_shared_matters_speaks_against_their_being_one(place: Path) -> None:
    twice(place)
    both = JOINED + JOINED.replace("heron-launch", "heron-lift-off").replace("this:launch", "this:other")
    (place / "articles" / "x3.yaml").write_text(article(3, both), "utf-8")

    assert joining.suggest(open_(place), least=0.5).pairs == ()


def test_an_edit_asks_only_the_accounts_that_it_touches(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice(place)
    asked: list[int] = []
    really = reasons.find

    def find(quads: Iterable[Quad], by: Sequence[Reason]) -> dict[str, Traits]:
        found = really(list(quads), by)
        asked.append(sum("#" in matter and "parties" not in matter for matter in found))
        return found

    monkeypatch.setattr(reasons, "find", find)

    def validated() -> int:
        asked.clear()
        told = publish.validate(workspace.read(place), cached=False)
        assert [one.rule for one in told if one.rule == "two-as-one"] == ["two-as-one"]
        return sum(asked)

    assert validated() == 2
    assert validated() == 0
    path = place / "articles" / "x2.yaml"
    path.write_text(path.read_text("utf-8").replace('"2024-06-22"', '"2024-06-21"'), "utf-8")
    assert validated() == 1


def test_an_accepted_join_is_one_more_line_and_changes_nothing_else(place: Path) -> None:
    path = place / "articles" / "x2.yaml"
    before = path.read_text("utf-8")

    assert joining.accept(open_(place), Decision("x2:launch", "heron-launch")) == (
        "articles/x2.yaml",
        "accountOf: heron-launch",
    )
    after = path.read_text("utf-8").splitlines(keepends=True)
    added = [line for line in after if "accountOf" in line]
    assert added == ["    accountOf: heron-launch\n"]
    assert "".join(line for line in after if line not in added) == before
    assert ("x2:launch", "heron-launch") not in proposed(place)
    assert not is_refusal(publish.validate(workspace.read(place)))


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("x2:launch", "heron-work", "AccountSameClass"),
        ("x2:launch", "example-gazette", "Matter-accountOf"),
        ("x1:launch", "egret-launch", "articles/x1.yaml:21:5: x1:launch is an account of id:heron-launch already"),
        ("heron-launch", "egret-launch", "the accounts of the other (—)"),
        ("egret-launch", "heron-launch", "the accounts of the other (x1:launch)"),
        ("example-gazette", "x1:launch", "id:example-gazette is no matter of an article"),
        ("x2:lunch", "heron-launch", "did you mean x2:launch?"),
        ("x2:launch", "heronlaunch", "did you mean heron-launch?"),
    ],
)
def test_a_join_that_cannot_be_is_refused_and_nothing_is_written(place: Path, one: str, other: str, says: str) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*.yaml")}

    with pytest.raises(JoinError) as error:
        joining.accept(open_(place), Decision(one, other))

    assert says in "\n".join([str(error.value), *(one.line("en") for one in getattr(error.value, "findings", ()))])
    assert translate(str(error.value), "fr") != str(error.value)
    assert {path: path.read_bytes() for path in place.rglob("*.yaml")} == before


def test_a_rejected_join_is_remembered_with_its_reason_and_not_proposed_again(place: Path) -> None:
    joining.reject(open_(place), Decision("x3:launch", "heron-launch", "spacecoop:team", "a\tmonth only", "2026-02-01"))
    joining.reject(open_(place), Decision("x2:launch", "heron-launch", "spacecoop:team", "no", "2026-02-02"))

    assert (place / "stories" / "rejected.tsv").read_text("utf-8") == (
        "one\tother\treviewer\tdate\tbecause\n"
        "x2:launch\tid:heron-launch\tspacecoop:team\t2026-02-02\tno\n"
        "x3:launch\tid:heron-launch\tspacecoop:team\t2026-02-01\ta month only\n"
    )
    assert not {("x2:launch", "heron-launch"), ("x3:launch", "heron-launch")} & set(proposed(place))
    for decide in (joining.accept, joining.reject):
        with pytest.raises(JoinError, match=r"rejected\.tsv:3:1: that pair was rejected on 2026-02-01"):
            decide(open_(place), Decision("x3:launch", "heron-launch"))


def test_a_join_that_stands_is_not_rejected(place: Path) -> None:
    with pytest.raises(JoinError, match=r"x1\.yaml:21:5: x1:launch is an account of id:heron-launch already"):
        joining.reject(open_(place), Decision("x1:launch", "heron-launch", "x", "y", "2026-02-01"))


def test_lines_of_two_people_merge() -> None:
    ours = refusals.add("", refusals.Refusal(0, "b:x", "id:y", "we", "2026-02-01", "no"))
    theirs = refusals.add("", refusals.Refusal(0, "a:x", "id:y", "they", "2026-02-01", "no"))

    merged = refusals.read(ours + theirs)

    assert [(one.line, one.one) for one in merged] == [(2, "b:x"), (4, "a:x")]
    assert refusals.add(ours + theirs, merged[0]).splitlines()[1:] == [theirs.split("\n")[1], ours.split("\n")[1]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("- {id: x, type: T, label: {en: a}}\n", "- {id: x, type: T, key: v, label: {en: a}}\n"),
        ("- id: x\r\n  type: T\r\n", "- id: x\r\n  type: T\r\n  key: v\r\n"),
        ("- id: x  # why", "- id: x  # why\n  key: v"),
        (
            "-   id: x\n    # about the label\n    label:\n      en: a\n",
            "-   id: x\n    key: v\n    # about the label\n    label:\n      en: a\n",
        ),
        ("- id: |\n    x\n  type: T\n", "- id: |\n    x\n  type: T\n  key: v\n"),
        ("- label: {en: a}\n  type: T\n", "- label: {en: a}\n  type: T\n  key: v\n"),
        ("- {label: {en: a}}\n", None),
        ("- id: x\n  key: w\n", None),
    ],
)
def test_a_key_is_added_to_a_node_whatever_its_layout(source: str, expected: str | None) -> None:
    document = documents.read(source.encode(), "a.yaml")

    assert keys.add(source, document, document.place((0,)), "key", "v") == expected


def test_a_value_that_would_be_read_as_another_is_put_in_quotes() -> None:
    document = documents.read(b"- id: x\n", "a.yaml")

    assert keys.add("- id: x\n", document, document.place((0,)), "key", "12") == '- id: x\n  key: "12"\n'


def test_the_command_lists_what_is_shared_as_the_sources_have_it(place: Path, run: Run) -> None:
    assert run("stories", "--format", "csv", cwd=place).stdout.splitlines() == [
        "matter,label,day,article,account,told",
        *(
            f"https://example.org/space-news/id/{name},{label},,,,"
            for name, label in [("egret-launch", "Launch of Egret")]
        ),
        "https://example.org/space-news/id/heron-launch,Launch of Heron,2026-01-11,x1,"
        "https://example.org/space-news/article/x1#launch,Launch of Heron",
        "https://example.org/space-news/id/heron-work,Work on Heron,,,,",
    ]
    french = json.loads(run("--lang", "fr", "stories", "list", "heron-launch", "--format", "json", cwd=place).stdout)
    assert [row["told"]["value"] for row in french["results"]["bindings"]] == ["Lancement de Heron"]


def test_the_command_suggests_accepts_and_rejects(place: Path, run: Run) -> None:
    told = run("--lang", "fr", "stories", "suggest", "x2", "--format", "csv", cwd=place)
    assert told.stdout.splitlines()[1].startswith("0.")
    assert "leurs noms ont des mots en commun" in told.stdout
    assert told.stdout == run("--lang", "fr", "stories", "suggest", "x2", "--format", "csv", cwd=place).stdout

    assert run("stories", "accept", "x2:launch", "heron-launch", cwd=place).stdout == (
        "articles/x2.yaml: accountOf: heron-launch\n"
    )
    words = ("reject", "x3:launch", "heron-launch", "--reviewer", "id:me", "--because", "no")
    assert run("stories", *words, cwd=place).returncode == 0
    again = run("--lang", "fr", "stories", *words, cwd=place)
    assert (again.returncode, "a été rejetée" in again.stderr) == (1, True)
    assert run("stories", "suggest", "--least", "2", cwd=place).returncode == 2
    none = run("--lang", "fr", "stories", "suggest", "--least", "1", cwd=place)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "rien à proposer qui ne soit déjà décidé\n")


ABOUT_BIRDS = {
    "queries/stories.rq": """#+ summary: {en: Flights that several leaflets saw}
        PREFIX bird: <https://example.org/birds/vocabulary#>
        SELECT ?flight ?sighting { ?sighting bird:of ?flight }""",
    "queries/joins/species.rq": """#+ {summary: {en: of one species}, weight: 0.6, needed: true}
        PREFIX bird: <https://example.org/birds/vocabulary#>
        SELECT ?matter ?value { ?matter bird:species ?value }""",
}


def test_another_vocabulary_is_told_what_is_missing_and_then_works(birds: Path, run: Run) -> None:
    assert "[stories]" in run("stories", "suggest", cwd=birds).stderr
    assert "queries/stories.rq is not there" in run("stories", cwd=birds).stderr
    settings = birds / "spacecoop.toml"
    settings.write_text(
        settings.read_text("utf-8") + '\n[stories]\naccount = "https://example.org/birds/vocabulary#of"\nleast = 0.2\n'
    )
    assert "queries/joins/ has no query" in run("stories", "suggest", cwd=birds).stderr
    for name, text in ABOUT_BIRDS.items():
        (birds / name).parent.mkdir(exist_ok=True)
        (birds / name).write_text(text, "utf-8")
    with (birds / "entities" / "species.yaml").open("a", encoding="utf-8") as file:
        file.write("  - {id: flight, species: crane, name: {en: the flight}}\n  - {id: trip, species: stork}\n")

    assert [
        line.split(",")[1:3] for line in run("stories", "suggest", "--format", "csv", cwd=birds).stdout.split()[1:4]
    ]
    assert "has no key" in run("stories", "accept", "cranes:morning", "flight", cwd=birds).stderr
    context = birds / "ontology" / "context.jsonld"
    key = '"of": {"@id": "bird:of", "@type": "@id", "@context": {"@base": "../id/"}},\n    "count"'
    context.write_text(context.read_text("utf-8").replace('"count"', key, 1), "utf-8")

    assert "of: flight" in run("stories", "accept", "cranes:morning", "flight", cwd=birds).stdout
    assert (
        "<https://example.org/birds/vocabulary#of>" in run("stories", "accept", "storks:noon", "trip", cwd=birds).stdout
    )
    assert run("validate", cwd=birds).returncode == 0
    assert run("stories", "--format", "csv", cwd=birds).stdout.splitlines()[1:] == [
        "https://example.org/birds/id/flight,https://example.org/birds/article/cranes#morning",
        "https://example.org/birds/id/trip,https://example.org/birds/article/storks#noon",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT ?matter ?value { ?matter a ?value }", "weight"),
        ("#+ weight: much\nSELECT ?matter ?value { ?matter a ?value }", "weight"),
        ("#+ weight: 1\nSELECT ?x { ?x a ?value }", "?matter ?value, or ?matter ?from ?to"),
        ("#+ weight: 1\nSELECT ?matter ?value { SERVICE <http://127.0.0.1:9/> { ?matter a ?value } }", "SERVICE"),
        ("#+ weight: 1\nSELECT {", "expected"),
    ],
)
def test_a_reason_that_cannot_be_used_is_named_with_what_is_the_matter(
    place: Path, text: str, says: str, run: Run
) -> None:
    (place / "queries" / "joins" / "bad.rq").write_text(text, "utf-8")

    done = run("stories", "suggest", cwd=place)

    assert done.returncode == 1
    assert "queries/joins/bad.rq" in done.stderr
    assert says in done.stderr
