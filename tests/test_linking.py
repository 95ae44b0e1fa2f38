"""The links of the workspace against a real SPARQL server that holds a slice in Wikidata's form."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import slices
from conftest import IN_VAIN, REPOSITORY, Run
from slices import Fault, Proxy
from spacecoop import linking, workspace
from spacecoop.findings import rules
from spacecoop.linking import Checked
from spacecoop.links import review, setups, wikidata
from spacecoop.links.setups import Setup
from spacecoop.links.wikidata import IncompleteError
from spacecoop.queries.endpoint import Endpoint, EndpointError
from test_reconciliation import SVOM, answer, serving

FOLDERS = ("articles", "entities", "links", "ontology", "queries")


@pytest.fixture(scope="module")
def served() -> Iterator[Proxy]:
    with slices.wikidata() as proxy:
        yield proxy


@pytest.fixture
def proxy(served: Proxy) -> Proxy:
    served.faults.clear()
    served.agents.clear()
    return served


@pytest.fixture
def folder(frozen: Path, tmp_path: Path, proxy: Proxy) -> Path:
    """The frozen workspace, which asks the slice, and at once."""
    for name in FOLDERS:
        shutil.copytree(frozen / name, tmp_path / name)
    (tmp_path / "out").mkdir()
    shutil.copy(frozen / "out" / "dataset.nq", tmp_path / "out")
    text = (frozen / "spacecoop.toml").read_text("utf-8")
    text = text.replace("https://query.wikidata.org/sparql", proxy.url).replace("\npause = 1 ", "\npause = 0 ")
    (tmp_path / "spacecoop.toml").write_text(text, "utf-8")
    return tmp_path


def setup(folder: Path, waits: list[float] | None = None, **options: object) -> Setup:
    space = workspace.read(folder)
    settings = setups.settings(space)
    sleep = (waits if waits is not None else []).append
    endpoint = Endpoint(settings.endpoint, sleep=sleep, **options)  # type: ignore[arg-type]
    return linking.begin(space, settings, lambda query: endpoint.select(query).rows, lambda *_: None, sleep)


def said(checked: Checked, item: str) -> list[str]:
    return [str(found) for found in checked.findings if f"wd:{item}" in str(found)]


def line_of(folder: Path, item: str) -> int:
    lines = (folder / setups.FILE).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if f"\twd:{item}\t" in line and "\tNot\t" not in line)


def test_a_good_link_has_no_finding(folder: Path) -> None:
    checked = linking.check(setup(folder))

    assert checked.links == checked.asked > 20
    for item in ("Q142", "Q148", "Q48756", "Q66293317", "Q16677669"):
        assert said(checked, item) == [], item


@pytest.mark.parametrize(
    ("item", "rule", "words"),
    [
        ("Q17505024", "link-missing", "has no wd:"),
        ("Q5100935", "link-redirect", "look at wd:Q900010"),
        ("Q43518", "link-label", "no name of topic:oceanography (oceanography, océanographie, 海洋学)"),
        ("Q23548", "link-class", "spc:Organisation is expected to have: wd:Q43229; it is Q6256"),
        ("Q28223990", "link-id", "wdt:P247 of wd:Q28223990 is 2099-001A, the snapshot has 2021-053A"),
    ],
)
def test_each_defect_is_told_at_its_line_and_column(folder: Path, item: str, rule: str, words: str) -> None:
    if rule == "link-missing":
        item = "Q31"  # which the slice does not have

    found = [one for one in linking.check(setup(folder)).findings if one.rule == rule and f"wd:{item}" in str(one)]

    assert len(found) == 1
    assert words in str(found[0])
    assert (found[0].place.file, found[0].place.line) == (setups.FILE, line_of(folder, item))
    assert found[0].place.column > 1 or rule == "link-label"
    assert "fr" in found[0].message and found[0].help


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([slices.forbidden], "refused"),
        ([slices.broken], "server"),
        ([slices.page], "not-sparql"),
        ([slices.cut] * 9, "incomplete"),
        ([slices.cut_with_a_length] * 9, "incomplete"),
        ([slices.busy] * 9, "busy"),
        ([slices.slow], "timeout"),
    ],
)
def test_no_failure_is_read_as_no_such_item(
    folder: Path, proxy: Proxy, faults: list[Fault | None], reason: str
) -> None:
    proxy.faults[:] = faults

    with pytest.raises(EndpointError) as caught:
        linking.check(setup(folder, timeout=0.7 if reason == "timeout" else 60))

    assert caught.value.reason == reason
    assert not (folder / setups.CACHE).exists()


@pytest.mark.parametrize("passed", [0, 1])
def test_an_empty_answer_is_not_read_as_no_such_item(folder: Path, proxy: Proxy, passed: int) -> None:
    proxy.faults[:] = [*[None] * passed, slices.nothing]

    with pytest.raises(IncompleteError, match="nothing is read from it"):
        linking.check(setup(folder))


def test_it_waits_as_the_service_asks_and_goes_on(folder: Path, proxy: Proxy) -> None:
    waits: list[float] = []
    proxy.faults[:] = [slices.busy, slices.cut_with_a_length]

    checked = linking.check(setup(folder, waits))

    assert waits[0] == 7
    assert proxy.requests == 4
    assert checked.asked > 20


def test_an_interrupted_check_goes_on_where_it_stopped(folder: Path, proxy: Proxy) -> None:
    settings = folder / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8").replace("batch = 100", "batch = 10"), "utf-8")
    proxy.faults[:] = [None, None, None, slices.broken]
    with pytest.raises(EndpointError):
        linking.check(setup(folder))

    rest = linking.check(setup(folder))
    again = linking.check(setup(folder))
    anew = linking.check(setup(folder), fresh=True)

    assert rest.asked == rest.links - 10
    assert (again.asked, anew.asked) == (0, anew.links)
    assert again.findings == rest.findings == anew.findings


def test_a_thousand_links_need_twenty_requests(folder: Path, proxy: Proxy) -> None:
    one = setup(folder)
    items = [f"{setups.ITEMS}Q{number}" for number in range(7_000_000, 7_001_000)]

    answered = [item for batch in wikidata.describe(one.ask, one.questions(), items, "2026-11-23") for item in batch]

    assert len(answered) == 1000
    assert proxy.requests == 20


def test_the_service_is_told_who_asks(folder: Path, proxy: Proxy, run: Run) -> None:
    run("links", "check", cwd=folder, SPACECOOP_CONTACT="mailto:someone@example.org")

    assert proxy.requests == 2
    for agent in proxy.agents:
        assert "https://w3id.org/spacecoop/; mailto:someone@example.org" in agent


def test_an_endpoint_may_have_a_name(folder: Path, proxy: Proxy) -> None:
    path = folder / "spacecoop.toml"
    path.write_text(path.read_text("utf-8").replace("[endpoints]\n", f'[endpoints]\nmirror = "{proxy.url}"\n'), "utf-8")
    space = workspace.read(folder)

    assert setups.settings(space, "mirror").endpoint == proxy.url
    assert setups.settings(space, "https://example.org/sparql").endpoint == "https://example.org/sparql"


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ('"wdt:P31"', '"wx:P31"', "'wx:P31' has no prefix of"),
        ("\npause = 0 ", '\npause = "often" ', "often"),
        ("\nendpoint = ", "\nelsewhere = ", r"links\.elsewhere is no setting"),
        ("\nendpoint = ", "\n# ", "'endpoint'"),
    ],
)
def test_settings_that_cannot_be_used_are_told(folder: Path, was: str, now: str, words: str) -> None:
    path = folder / "spacecoop.toml"
    path.write_text(path.read_text("utf-8").replace(was, now), "utf-8")

    with pytest.raises((setups.LinksError, workspace.WorkspaceError), match=words):
        setups.settings(workspace.read(folder))


def test_the_build_publishes_the_snapshot_in_a_graph_of_its_own() -> None:
    lines = (REPOSITORY / "out" / "dataset.nq").read_text("utf-8").splitlines()
    graph = " <https://w3id.org/spacecoop/graph/wikidata> ."

    published = sorted(line.removesuffix(graph) + " ." for line in lines if line.endswith(graph))

    assert published == (REPOSITORY / setups.SNAPSHOT).read_text("utf-8").splitlines()


def test_offline_the_snapshot_is_asked(folder: Path, proxy: Proxy) -> None:
    checked = linking.check(setup(folder), offline=True)

    assert (checked.asked, proxy.requests) == (0, 0)
    assert checked.unknown == 2
    assert checked.findings == ()


def unlink(folder: Path, subject: str) -> None:
    path = folder / setups.FILE
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if not line.startswith(f"{subject}\t") or "\tNot\t" in line), "utf-8"
    )


def test_candidates_come_with_an_explained_score_and_are_not_accepted(folder: Path) -> None:
    unlink(folder, "id:svom")
    before = (folder / setups.FILE).read_bytes()

    done = linking.suggest(setup(folder), ["svom"])

    best, other = done.candidates
    assert [one.item.iri.removeprefix(setups.ITEMS) for one in (best, other)] == ["Q16677669", "Q900002"]
    assert best.score > 0.8 > other.score
    assert "+0.25 is of an expected class (Q148578)" in best.explain()
    assert "our claims connect it with its country, Q148" in best.explain()
    assert "against: is of none expected (Q5)" in other.explain()
    assert "against: our claims do not connect it with its country, Q183" in other.explain()
    assert (folder / setups.FILE).read_bytes() == before
    assert "semapv:LexicalMatching" in (folder / review.REVIEW).read_text("utf-8")


def test_all_without_a_link_are_looked_for_and_what_was_rejected_is_not_proposed_again(folder: Path) -> None:
    unlink(folder, "id:svom")
    path = folder / setups.FILE
    path.write_text(path.read_text("utf-8").replace("\tNot\twd:Q3125220\t", "\tNot\twd:Q16677669\t"), "utf-8")

    done = linking.suggest(setup(folder), [])

    assert "id:numerama" in done.without
    assert "id:france" not in [*done.without, *(f"id:{one.entity.iri.rpartition('/')[2]}" for one in done.candidates)]
    assert [one.item.iri for one in done.candidates if one.entity.iri.endswith("/svom")] == [f"{setups.ITEMS}Q900002"]


def test_what_was_looked_for_in_vain_is_told_and_not_looked_for_again(folder: Path, run: Run) -> None:
    path = folder / setups.FILE
    heading = next(line for line in path.read_text("utf-8").splitlines() if line.startswith("subject_id")).split("\t")
    cells = {**dict.fromkeys(heading, ""), **IN_VAIN}
    path.write_text(path.read_text("utf-8") + "\t".join(cells[one] for one in heading) + "\n", "utf-8")

    told = run("links", "check", "--offline", cwd=folder)
    french = run("--lang", "fr", "links", "check", "--offline", cwd=folder)
    done = linking.suggest(setup(folder), [])

    assert "nobody found an item (sssom:NoTermFound): id:numerama" in told.stdout
    assert "personne n'a trouvé d'élément (sssom:NoTermFound) : id:numerama" in french.stdout
    assert "27 links checked" in told.stdout
    assert "id:numerama" not in done.without


def decision(subject: str, item: str, accepted: bool, reviewer: str = "spacecoop:team") -> review.Decision:
    return review.Decision(subject, item, accepted, reviewer, "The COSPAR id agrees.", 0.9, "2026-11-24")


def test_a_person_accepts_one_and_rejects_another(folder: Path, proxy: Proxy) -> None:
    unlink(folder, "id:svom")
    before = (folder / setups.FILE).read_text("utf-8").splitlines()
    linking.suggest(setup(folder), ["svom"])

    review.decide(setup(folder), decision("id:svom", "Q16677669", True))
    review.decide(setup(folder), decision("svom", "wd:Q900002", False))

    after = (folder / setups.FILE).read_text("utf-8").splitlines()
    new = [line.split("\t") for line in after if line not in before]
    assert [line for line in after if line in before] == before
    assert [row[:5:2] for row in new] == [
        ["id:svom", "schema:sameAs", "wd:Q16677669"],
        ["id:svom", "schema:sameAs", "wd:Q900002"],
    ]
    assert [row[3] for row in new] == ["", "Not"]
    assert all({"spacecoop:team", "2026-11-24", "0.9", "semapv:ManualMappingCuration"} <= set(row) for row in new)
    assert not re.search("^id:", (folder / review.REVIEW).read_text("utf-8"), re.MULTILINE)
    proxy.agents.clear()
    again = linking.suggest(setup(folder), ["svom"])
    assert [one.item.iri for one in again.candidates] == [f"{setups.ITEMS}Q16677669"]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (decision("id:svom", "Q1", True), "has no candidate Q1"),
        (decision("id:svom", "Q16677669", True, "nobody:x"), "nobody:x"),
        (replace(decision("id:svom", "Q16677669", True), confidence=9), "a number from 0 to 1"),
        (replace(decision("id:svom", "Q16677669", True), date="yesterday"), "yesterday"),
        (replace(decision("id:svom", "Q16677669", False), because=" "), "the mapping has no comment"),
    ],
)
def test_a_decision_that_cannot_stand_changes_nothing(folder: Path, one: review.Decision, words: str) -> None:
    unlink(folder, "id:svom")
    linking.suggest(setup(folder), ["svom"])
    before = [(folder / file).read_bytes() for file in (setups.FILE, review.REVIEW)]

    with pytest.raises(setups.LinksError, match=re.escape(words)):
        review.decide(setup(folder), one)

    assert [(folder / file).read_bytes() for file in (setups.FILE, review.REVIEW)] == before


def test_a_pair_that_stands_already_is_not_added_again(folder: Path) -> None:
    linking.suggest(setup(folder), ["svom"])

    with pytest.raises(setups.LinksError, match="that pair stands here already"):
        review.decide(setup(folder), decision("id:svom", "Q16677669", True))


def test_a_new_workspace_is_told_what_to_do_first(small: Path) -> None:
    for act, words in (
        (linking.freeze, "no link to freeze yet"),
        (lambda one: linking.check(one, offline=True), "links snapshot` makes one"),
        (lambda one: review.decide(one, decision("x", "Q1", True)), "suggest x` writes it"),
        (linking.give_back, "run `spacecoop build` first"),
    ):
        with pytest.raises(setups.LinksError, match=words):
            act(setup(small))


def test_a_snapshot_is_frozen_whole_and_the_same_twice(folder: Path) -> None:
    frozen = linking.freeze(setup(folder))
    first = (folder / setups.SNAPSHOT).read_bytes()
    shutil.rmtree(folder / setups.CACHE)
    linking.freeze(setup(folder))

    assert (folder / setups.SNAPSHOT).read_bytes() == first
    assert "wd:Q31" in frozen.gone and "wd:Q5100935" in frozen.gone
    assert frozen.snapshot.missing(f"{setups.ITEMS}Q16677669", "http://www.wikidata.org/prop/direct/P619") is False
    assert frozen.snapshot.missing(f"{setups.ITEMS}Q66293317", "http://www.wikidata.org/prop/direct/P619") is True
    assert b"genid" not in first


def test_the_committed_snapshot_cannot_tell_what_is_missing(folder: Path) -> None:
    proposals = linking.give_back(setup(folder))

    assert [one.proposed for one in proposals] == [False]
    assert "nobody asked" in proposals[0].reason


@pytest.mark.parametrize("live", [True, False])
def test_what_wikidata_lacks_is_proposed_with_its_source(folder: Path, live: bool) -> None:
    if not live:
        linking.freeze(setup(folder))

    lines = [one.line for one in linking.give_back(setup(folder), live) if one.proposed]

    assert len(lines) == 1
    assert lines[0].startswith("Q66293317\tP619\t+2018-10-00T00:00:00Z/10\tS577\t+2019-03-00T00:00:00Z/10\tS813\t")
    assert '\tS854\t"https://www.numerama.com/' in lines[0]


def test_what_is_expected_or_of_a_link_not_published_is_never_proposed(folder: Path) -> None:
    built = folder / "out" / "dataset.nq"
    done, expected = (f"<https://w3id.org/spacecoop/modality#{word}>" for word in ("done", "expected"))
    built.write_text(built.read_text("utf-8").replace(done, expected), "utf-8")
    assert linking.give_back(setup(folder), live=True) == []

    built.write_text(built.read_text("utf-8").replace(expected, done), "utf-8")
    assert linking.give_back(setup(folder), live=True) != []
    path = folder / setups.FILE
    path.write_text(
        path.read_text("utf-8").replace("2026-11-23\t0.9\tConfidence B: FacilityList 2022", "2026-11-23\t0.4\tB 2022"),
        "utf-8",
    )
    assert linking.give_back(setup(folder), live=True) == []


def words() -> Sequence[tuple[tuple[str, ...], int, str]]:
    """Commands, each with its exit code and something that it says."""
    return (
        (("links", "check"), 1, "violation"),
        (("links", "check", "--offline"), 0, "27 links checked, 0 items asked for now, 2 not in the snapshot"),
        (("links", "suggest", "svom"), 0, "written to links/review/wikidata.sssom.tsv"),
        (("links", "quickstatements", "--live"), 0, "Q66293317\tP619\t+2018-10-00T00:00:00Z/10"),
        (("links", "quickstatements", "--live", "--dry-run"), 0, "1 of 1 statements would be written"),
        (("links", "snapshot"), 0, "not there any more: "),
        (("links", "check", "--endpoint", "http://127.0.0.1:9/sparql", "--fresh"), 1, "nothing is concluded from this"),
        (("links",), 2, "ACTION"),
    )


def test_the_commands_say_what_they_did(folder: Path, run: Run) -> None:
    for command, code, text in words():
        done = run(*command, cwd=folder)

        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert text in done.stdout + done.stderr, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


def test_a_reconciliation_service_is_asked_too_where_one_is_set(folder: Path) -> None:
    unlink(folder, "id:svom")
    other = {**SVOM, "id": "Q66293317"}
    with serving((200, answer([SVOM, other]))) as (url, forms):
        settings = folder / "spacecoop.toml"
        settings.write_text(
            settings.read_text("utf-8").replace('reconciliation = ""', f'reconciliation = "{url}"'), "utf-8"
        )
        done = linking.suggest(setup(folder), ["svom"])

    assert len(forms) == 1
    found = {one.item.iri.removeprefix(setups.ITEMS): one.explain() for one in done.candidates}
    assert set(found) == {"Q16677669", "Q900002", "Q66293317"}
    assert "no name in common" in found["Q66293317"]
    assert "the service scores it 87.5" in found["Q66293317"]
    assert "the service" not in found["Q900002"]


def test_every_command_of_the_page_can_be_run_in_its_order(folder: Path, run: Run) -> None:
    page = (REPOSITORY / "docs" / "links.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("spacecoop ")]
    unlink(folder, "id:svom")

    for command in commands:
        done = run(*shlex.split(command)[1:], cwd=folder)

        wanted = 1 if command.endswith("links check") else 0  # the slice has defects
        assert done.returncode == wanted, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    assert len(commands) >= 8
    assert (folder / "add.tsv").read_text("utf-8").startswith("Q66293317\tP619\t+2018-10-00T00:00:00Z/10\t")


def test_the_table_of_the_page_has_every_finding_of_a_check() -> None:
    page = (REPOSITORY / "docs" / "links.md").read_text("utf-8")

    assert set(re.findall(r"^\| `(link-\w+)`", page, re.MULTILINE)) == {
        name for name in rules() if name.startswith("link-")
    }
