from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

import storetest
from spacecoop import pushing, workspace
from spacecoop.pushing import Interrupted, Report, Stopped
from spacecoop.stores import graphs, leases, plans, targets, views
from spacecoop.stores.connections import StoreError
from spacecoop.stores.dialects import DIALECTS
from spacecoop.stores.graphstore import Store
from spacecoop.stores.plans import Plan
from spacecoop.stores.targets import TargetError
from storetest import BASE, Graphs, Play, Request, Stub, article, dataset, lines_of, published, status, wrong

OWL = f"{BASE}article/owl#assertion"
PUSH = f"{BASE}graph/push"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with storetest.stub() as here:
        yield here


def at(url: str, root: Path, dialect: str = "oxigraph", pause: Callable[[float], None] = lambda _: None) -> Store:
    place = workspace.read(root)
    return targets.connect(replace(targets.find(place, url, dialect), tries=3), place.base, pause)


def push(store: Store, root: Path, made: Graphs, prune: bool = False, quick: bool = False) -> tuple[Plan, Report]:
    ours = graphs.read(workspace.read(published(root, made)))
    with leases.hold(store) as lease:
        plan = plans.plan(store, views.look(store, ours), prune, quick)
        report = pushing.apply(store, ours, plan, lease)
        pushing.recount(store, ours, report)
    return plan, report


def verified(store: Store, root: Path) -> Report:
    report = Report()
    pushing.verify(store, graphs.read(workspace.read(root)), report)
    return report


def actions(plan: Plan) -> dict[str, str]:
    return {step.graph: step.action for step in plan.steps}


def ready(root: Path) -> Path:
    return published(root, dataset("owl", "tit"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_adds_edits_deletes_and_then_sends_nothing(stub: Stub, tmp_path: Path, dialect: str) -> None:
    stub.takes = storetest.RECORDED[dialect]
    store = at(stub.url, ready(tmp_path), dialect)
    first = dataset("owl", "tit")
    edited = first | article("owl", count=4, word="heard")
    fewer = {iri: lines for iri, lines in edited.items() if "tit" not in iri}

    for made in (first, edited, fewer):
        push(store, tmp_path, made, prune=True)
        assert stub.lines() == lines_of(made)
        assert verified(store, tmp_path).differences == []
    stub.requests.clear()
    plan, report = push(store, tmp_path, fewer, prune=True)

    assert (plan.in_step, report.written, report.read) == (True, 0, {*fewer})
    assert stub.changes == []


def test_an_edit_of_one_article_sends_its_changed_graph_alone(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl", "tit"))
    stub.requests.clear()

    plan, report = push(store, tmp_path, dataset("owl", "tit") | article("owl", word="heard"))

    assert [(step.graph, step.insert, step.delete) for step in plan.having("replace")] == [(OWL, 3, 3)]
    assert [(request.method, request.path.partition("?")[0]) for request in stub.changes] == [("PUT", "/store")]
    assert (report.written, report.sent) == (1, 3)


def test_a_store_without_whole_graphs_gets_what_changed_in_one_operation(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path), "virtuoso")
    push(store, tmp_path, dataset("owl", "tit"))
    stub.requests.clear()
    made = dataset("owl", "tit")
    made[OWL] = [*made[OWL][:2], f'<{BASE}new> <{BASE}says> "x"@en']

    push(store, tmp_path, made)

    (request,) = stub.changes
    assert request.text.startswith("DELETE {")
    assert request.text.count(" .\n") == 2
    assert stub.lines() == lines_of(made)


def test_a_change_too_large_for_one_operation_inserts_before_it_deletes(stub: Stub, tmp_path: Path) -> None:
    made = dataset("tit") | article("owl", count=700)
    store = at(stub.url, published(tmp_path, made), "virtuoso")
    push(store, tmp_path, made)
    stub.requests.clear()

    push(store, tmp_path, made | article("owl", count=700, word="heard"))

    assert [request.text[:11] for request in stub.changes] == ["INSERT DATA", "DELETE DATA"]
    assert all(len(request.text.splitlines()) < 1_010 for request in stub.changes)


def test_graphs_that_are_not_ours_are_never_touched(stub: Stub, tmp_path: Path) -> None:
    a = NamedNode("https://else.example/a")
    foreign = [
        Quad(a, a, a, NamedNode(graph)) for graph in ("https://else.example/g", "https://birds.example", "urn:g")
    ]
    stub.store.extend([*foreign, Quad(a, a, a)])
    store = at(stub.url, ready(tmp_path))

    push(store, tmp_path, dataset("owl"), prune=True)

    assert {str(quad) for quad in [*foreign, Quad(a, a, a)]} <= stub.lines()
    with pytest.raises(StoreError, match="not ours"):
        store.remove("https://else.example/g")


def test_a_stale_graph_is_planned_and_goes_only_when_asked(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl", "tit"))

    kept, _ = push(store, tmp_path, dataset("owl"))
    assert actions(kept)[f"{BASE}article/tit#head"] == "stale"
    assert stub.lines() == lines_of(dataset("owl", "tit"))

    gone, report = push(store, tmp_path, dataset("owl"), prune=True)
    assert actions(gone)[f"{BASE}article/tit#head"] == "delete"
    assert report.deleted == 2
    assert stub.lines() == lines_of(dataset("owl"))


def test_what_a_bulk_loader_brought_is_recognized_and_not_sent(stub: Stub, tmp_path: Path) -> None:
    stub.store.load((ready(tmp_path) / "out" / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS)
    store = at(stub.url, tmp_path)

    first, _ = push(store, tmp_path, dataset("owl", "tit"))
    second, _ = push(store, tmp_path, dataset("owl", "tit"))

    assert {*actions(first).values()} == {"note"}
    assert {*actions(second).values()} == {"keep"}
    assert stub.changes == []


def test_a_graph_that_lost_a_triple_behind_our_back_is_sent_again(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl", "tit"))
    stub.store.remove(next(iter(stub.store.quads_for_pattern(None, None, None, NamedNode(OWL)))))

    assert [str(found.missing) for found in verified(store, tmp_path).differences] == ["1"]
    plan, _ = push(store, tmp_path, dataset("owl", "tit"))

    assert [step.graph for step in plan.having("replace")] == [OWL]
    assert stub.lines() == lines_of(dataset("owl", "tit"))


def test_a_value_changed_behind_our_back_is_found_by_verification(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl"))
    quad = next(iter(stub.store.quads_for_pattern(None, None, None, NamedNode(OWL))))
    stub.store.remove(quad)
    stub.store.add(Quad(quad.subject, quad.predicate, Literal("other"), quad.graph_name))

    (found,) = verified(store, tmp_path).differences

    assert (found.graph, found.missing, found.extra) == (OWL, 1, 1)
    assert any('"other"' in line for line in found.examples)


def test_a_value_changed_behind_our_back_is_mended_by_a_push_but_not_seen_by_a_quick_one(
    stub: Stub, tmp_path: Path
) -> None:
    made = dataset("owl", "tit")
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, made)
    quad = next(iter(stub.store.quads_for_pattern(None, None, None, NamedNode(OWL))))
    stub.store.remove(quad)
    stub.store.add(Quad(quad.subject, quad.predicate, Literal("other"), quad.graph_name))

    quick, few = push(store, tmp_path, made, quick=True)
    plan, all_ = push(store, tmp_path, made)

    assert (quick.in_step, few.read, few.counted) == (True, set(), {*made})
    assert [(step.graph, step.insert, step.delete) for step in plan.having("replace")] == [(OWL, 1, 1)]
    assert all_.read == {*made}
    assert stub.lines() == lines_of(made)


@pytest.mark.parametrize("lie", ['"0000"', f'"{"0" * 64}"'])
def test_a_list_that_says_two_things_or_nonsense_is_not_believed(stub: Stub, tmp_path: Path, lie: str) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl"))
    stub.store.update(f"INSERT DATA {{ GRAPH <{PUSH}> {{ <{OWL}> <http://schema.org/sha256> {lie} }} }}")

    plan, _ = push(store, tmp_path, dataset("owl"))
    again, _ = push(store, tmp_path, dataset("owl"))

    assert actions(plan)[OWL] == "note"
    assert actions(again)[OWL] == "keep"


FAULTS: dict[str, Play] = {
    "500": status(500),
    "503": status(503, Retry_After="0"),
    "429": status(429),
    "connection lost before": storetest.hang_up,
    "connection lost after": storetest.hang_up_after,
}


@pytest.mark.parametrize("dialect", ["oxigraph", "virtuoso"])
@pytest.mark.parametrize("play", FAULTS.values(), ids=[*FAULTS])
def test_a_fault_that_passes_is_survived(stub: Stub, tmp_path: Path, dialect: str, play: Play) -> None:
    store = at(stub.url, ready(tmp_path), dialect)
    stub.fault(wrong, play, 2)
    stub.fault(lambda request: not request.changes, play, 2)

    push(store, tmp_path, dataset("owl", "tit"))

    assert stub.lines() == lines_of(dataset("owl", "tit"))


@pytest.mark.parametrize("dialect", ["oxigraph", "virtuoso"])
def test_a_connection_lost_in_the_middle_of_a_body_is_survived_or_said(
    stub: Stub, tmp_path: Path, dialect: str
) -> None:
    store = at(stub.url, ready(tmp_path), dialect)
    stub.cuts = 2
    push(store, tmp_path, dataset("owl", "tit"))
    assert (stub.cuts, stub.lines()) == (0, lines_of(dataset("owl", "tit")))

    stub.cuts = 99
    new = dataset("owl", "tit") | article("owl", count=9, word="heard")
    with pytest.raises(Stopped, match=r"(?s)3 tries.*0 of 1 graphs to send are written and proven; 1 are not proven"):
        push(store, tmp_path, new)
    stub.cuts = 0
    push(store, tmp_path, new)
    assert stub.lines() == lines_of(new)


@pytest.mark.parametrize("when", [wrong, lambda request: not request.changes], ids=["a change", "a question"])
def test_a_store_that_does_not_answer_in_time_is_asked_again_and_then_given_up(
    stub: Stub, tmp_path: Path, when: Callable[[Request], bool]
) -> None:
    def late(here: Stub, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        time.sleep(0.6)
        return here.right(request)

    place = workspace.read(ready(tmp_path))
    where = replace(targets.find(place, stub.url, "oxigraph"), tries=3, timeout=0.2)
    store = targets.connect(where, place.base, lambda _: None)
    stub.fault(when, late, 2)
    push(store, tmp_path, dataset("owl"))
    assert stub.lines() == lines_of(dataset("owl"))

    stub.fault(when, late, 99)
    with pytest.raises((Stopped, StoreError), match=r"timed out.*\(3 tries\)"):
        push(store, tmp_path, dataset("owl", "tit"))


def test_a_table_that_is_cut_between_two_rows_is_found_out_by_counting(stub: Stub, tmp_path: Path) -> None:
    def cut(here: Stub, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        code, headers, body = here.right(request)
        return code, headers, b"".join(body.splitlines(keepends=True)[:-2])

    made = dataset("owl", "tit")
    store = at(stub.url, published(tmp_path, made))
    stub.fault(lambda request: b"%3Fg+" in request.body or b"%3Fg%20%3Fs" in request.body, cut, 1)

    _, report = push(store, tmp_path, made)

    assert stub.faults[0].times == 0
    assert report.read == {*made}


@pytest.mark.parametrize("dialect", ["oxigraph", "virtuoso"])
@pytest.mark.parametrize("code", [500, 503, 507, 401, 403, 404, 400, 301])
def test_a_fault_that_stays_stops_the_push_which_a_repeat_finishes(
    stub: Stub, tmp_path: Path, dialect: str, code: int
) -> None:
    store = at(stub.url, ready(tmp_path), dialect)
    push(store, tmp_path, dataset("owl", "tit"))
    old, new = (
        dataset("owl", "tit"),
        dataset("owl", "tit") | article("owl", word="heard") | article("tit", word="heard"),
    )
    stub.requests.clear()
    stub.fault(wrong, status(code), 99)

    with pytest.raises(Stopped) as raised:
        push(store, tmp_path, new)
    assert f"{code}" in str(raised.value)
    assert "0 of 2 graphs to send are written and proven; 2 are not proven" in str(raised.value)
    assert "finishes the job" in str(raised.value)
    assert len(stub.changes) == (3 if code in (500, 503) else 1)
    assert stub.lines() == lines_of(old)

    stub.faults.clear()
    push(store, tmp_path, new)
    assert stub.lines() == lines_of(new)


def test_after_a_stop_in_the_middle_only_the_rest_is_sent(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIALECTS, "oxigraph", replace(DIALECTS["oxigraph"], batch=2))
    store = at(stub.url, ready(tmp_path))
    stub.fault(lambda request: wrong(request) and b"tit" in request.body, status(507), 9)

    with pytest.raises(
        Stopped, match=r"2 of 5 graphs to send are written and proven; 1 are not proven .*; 2 are as they"
    ):
        push(store, tmp_path, dataset("owl", "tit"))
    stub.faults.clear()
    plan, _ = push(store, tmp_path, dataset("owl", "tit"))

    assert (len(plan.having("keep")), len(plan.having("add"))) == (2, 3)
    assert stub.lines() == lines_of(dataset("owl", "tit"))


def test_half_a_graph_left_by_a_store_is_mended_by_a_repeat(stub: Stub, tmp_path: Path) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl"))
    stub.fault(lambda request: request.method == "PUT", storetest.half, 1)
    stub.fault(lambda request: request.method == "PUT", storetest.hang_up, 2)
    new = dataset("owl") | article("owl", count=8)

    with pytest.raises(Stopped):
        push(store, tmp_path, new)
    push(store, tmp_path, new)

    assert stub.lines() == lines_of(new)


def test_going_back_after_half_a_change_with_as_many_triples_sends_the_old_ones_again(
    stub: Stub, tmp_path: Path
) -> None:
    store = at(stub.url, ready(tmp_path))
    push(store, tmp_path, dataset("owl"))
    stub.fault(lambda request: request.method == "PUT", storetest.hang_up_after, 3)

    with pytest.raises(Stopped):
        push(store, tmp_path, dataset("owl") | article("owl", word="heard"))
    push(store, tmp_path, dataset("owl"), quick=True)  # which would believe the list

    assert stub.lines() == lines_of(dataset("owl"))


@pytest.mark.parametrize("dialect", ["oxigraph", "virtuoso"])
def test_a_store_that_says_yes_and_does_nothing_is_found_out(stub: Stub, tmp_path: Path, dialect: str) -> None:
    store = at(stub.url, ready(tmp_path), dialect)
    stub.fault(wrong, status(200), 99)

    with pytest.raises(Stopped) as raised:
        push(store, tmp_path, dataset("owl"))

    assert f"<{OWL}>: 3 missing, 0 too many" in str(raised.value)
    assert '"seen 0 é中"@en' in str(raised.value)
    assert list(stub.store) == []


def test_a_store_that_writes_a_value_another_way_is_right_and_it_is_said(stub: Stub, tmp_path: Path) -> None:
    made = dataset("owl")
    made[f"{BASE}graph/entities"] = [f'<{BASE}a> <{BASE}b> "07"^^<http://www.w3.org/2001/XMLSchema#int>']
    store = at(stub.url, published(tmp_path, made))

    _, report = push(store, tmp_path, made)

    assert report.differences == []
    assert dict(report.respelled) == {"a number with a needless sign or zero": 1}


def test_what_the_dialect_does_not_keep_is_in_the_plan(stub: Stub, tmp_path: Path) -> None:
    made = dataset("owl")
    made[OWL] = [f'<{BASE}a> <{BASE}b> "0.12345678"^^<http://www.w3.org/2001/XMLSchema#double>']
    ours = graphs.read(workspace.read(published(tmp_path, made)))

    def lost_at(dialect: str) -> tuple[str, ...]:
        store = at(stub.url, tmp_path, dialect)
        return plans.plan(store, views.look(store, ours)).lost

    assert lost_at("oxigraph") == ()
    (said,) = lost_at("virtuoso")
    assert said.startswith(f"<{OWL}>: a floating-point number of more than 6 digits, which is cut")


def test_a_store_that_cuts_its_answers_is_read_in_pages(stub: Stub, tmp_path: Path) -> None:
    made = dataset("owl", "tit", "jay") | article("owl", count=23)
    stub.rows = 5
    store = at(stub.url, published(tmp_path, made))

    push(store, tmp_path, made)
    again, _ = push(store, tmp_path, made)

    assert again.in_step
    assert {*actions(again).values()} == {"keep"}
    assert verified(store, tmp_path).differences == []
    assert stub.lines() == lines_of(made)


def test_an_answer_that_is_cut_in_the_middle_is_asked_for_again(stub: Stub, tmp_path: Path) -> None:
    def cut(here: Stub, request: Request) -> tuple[int, dict[str, str], bytes]:
        _, _, body = here.right(request)
        return 200, {}, body[:-4] + b"The SPARQL operation has been cancelled"

    store = at(stub.url, ready(tmp_path))
    stub.fault(lambda request: not request.changes, cut, 2)

    push(store, tmp_path, dataset("owl"))

    assert stub.lines() == lines_of(dataset("owl"))


def test_the_store_s_wish_to_wait_is_granted_within_bounds(stub: Stub, tmp_path: Path) -> None:
    waits: list[float] = []
    store = at(stub.url, ready(tmp_path), pause=waits.append)
    stub.fault(wrong, status(503, Retry_After="7"), 1)
    push(store, tmp_path, dataset("owl"))
    assert waits == [7.0]

    stub.fault(lambda _: True, status(503, Retry_After="3600"), 1)
    with pytest.raises(StoreError, match="asks to come back in 3600 seconds"):
        store.counts()


def test_waits_grow_and_are_not_all_the_same(stub: Stub, tmp_path: Path) -> None:
    waits: list[float] = []
    place = workspace.read(ready(tmp_path))
    store = targets.connect(replace(targets.find(place, stub.url, "oxigraph"), tries=6), BASE, waits.append)
    stub.fault(lambda _: True, status(503), 99)

    with pytest.raises(StoreError, match="6 tries"):
        store.counts()

    assert len({*waits}) == 5
    assert all(wait <= 0.5 * 2**number for number, wait in enumerate(waits))


def test_an_interruption_says_what_the_store_holds(stub: Stub, tmp_path: Path) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    store = at(stub.url, ready(tmp_path), pause=interrupt)
    stub.fault(wrong, status(503), 1)

    with pytest.raises(Interrupted, match="0 of 3 graphs to send are written and proven; 3 are not proven"):
        push(store, tmp_path, dataset("owl"))
    push(at(stub.url, tmp_path), tmp_path, dataset("owl"))

    assert stub.lines() == lines_of(dataset("owl"))


def test_of_two_pushes_one_steps_back(stub: Stub, tmp_path: Path) -> None:
    one, other = at(stub.url, ready(tmp_path)), at(stub.url, tmp_path)

    with leases.hold(one):
        with pytest.raises(StoreError, match="another push is at work"):
            push(other, tmp_path, dataset("owl"))
        assert stub.lines() == set()
    push(other, tmp_path, dataset("owl"))

    assert stub.lines() == lines_of(dataset("owl"))


def test_of_two_that_look_before_either_is_written_at_most_one_goes_on(stub: Stub, tmp_path: Path) -> None:
    one, other = (leases.Lease(at(stub.url, ready(tmp_path))) for _ in range(2))
    first = one.renew  # the other one takes it between the look and the writing of this one
    one.renew = lambda: (other.take(), first())[1]  # type: ignore[method-assign, func-returns-value]

    with pytest.raises(StoreError, match="another push is at work"):
        one.take()
    other.give_back()
    one.renew = first  # type: ignore[method-assign]
    one.take()


def test_a_dead_push_keeps_others_out_for_its_time_only_or_until_it_is_taken_over(stub: Stub, tmp_path: Path) -> None:
    now = [1_700_000_000.0]
    dead, next_, last = (leases.Lease(at(stub.url, ready(tmp_path)), lambda: now[0]) for _ in range(3))
    dead.take()
    with pytest.raises(StoreError):
        next_.take()
    now[0] += leases.LEASE + 1
    next_.take()
    last.take(over=True)

    now[0] += leases.LEASE * 0.6
    with pytest.raises(StoreError, match="took over"):
        next_.renew()
    last.renew()


def test_a_lease_is_gone_when_the_push_is_done(stub: Stub, tmp_path: Path) -> None:
    with leases.hold(at(stub.url, ready(tmp_path))):
        assert len(list(stub.store)) == 1

    assert list(stub.store) == []


def settings(kind: str, **more: str) -> str:
    rows = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'[stores.library]\nauth = "{kind}"\n{rows}'


def named(stub: Stub, root: Path, text: str) -> Store:
    place = workspace.read(published(root, dataset("owl"), f'{text}url = "{stub.url}"\n'))
    return targets.connect(replace(targets.find(place, "library"), tries=1), place.base)


@pytest.mark.parametrize(
    "sent",
    [
        ("basic", "fuseki", "Basic ZGJhOnMzY3JldA=="),
        ("bearer", "qlever", "Bearer s3cret"),
        ("gdb", "graphdb", "GDB s3cret"),
    ],
)
def test_each_kind_of_credentials_is_sent_with_every_request(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: tuple[str, str, str]
) -> None:
    kind, dialect, header = sent
    monkeypatch.setenv("U", "dba")
    monkeypatch.setenv("P", "s3cret")
    text = settings(kind, dialect=dialect, user_variable="U", password_variable="P", token_variable="P")  # noqa: S106

    push(named(stub, tmp_path, text), tmp_path, dataset("owl"))

    assert {request.headers.get("Authorization") for request in stub.requests} == {header}


def test_digest_answers_the_challenge_and_sends_the_whole_body_again(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U", "dba")
    monkeypatch.setenv("P", "s3cret")
    challenge = status(401, WWW_Authenticate='Digest realm="SPARQL", qop="auth", nonce="n0", algorithm=MD5')
    stub.fault(lambda request: "Authorization" not in request.headers, challenge, 99)
    store = named(stub, tmp_path, settings("digest", dialect="virtuoso", user_variable="U", password_variable="P"))  # noqa: S106

    store.add({OWL: []})
    store.update(f"INSERT DATA {{ GRAPH <{OWL}> {{ <{BASE}a> <{BASE}b> <{BASE}c> }} }}")

    assert len(stub.lines()) == 1
    assert stub.requests[-1].headers["Authorization"].startswith('Digest username="dba"')
    assert all("s3cret" not in str(request.headers) for request in stub.requests)


def test_the_netrc_file_is_not_looked_into_unless_asked(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login dba password s3cret\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    at(stub.url, ready(tmp_path)).counts()

    assert all("Authorization" not in request.headers for request in stub.requests)


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        ("", "library", r"no store 'library' .*\(there are: none\)"),
        ("", "http://127.0.0.1:9/", "nothing answers there .*--dialect is one of oxigraph"),
        ('url = "http://u:s3cret@a.example/"', "library", "no user or password in a URL"),
        ('url = "ftp://a.example/"', "library", "http or https"),
        ('url = "http://a.example/"\ndialect = "virtuso"', "library", "no dialect 'virtuso'"),
        ('url = "http://a.example/"\npassword = "s3cret"', "library", r"stores\.library\.password is no setting"),
        ('url = "http://a.example/"\ndialect = "virtuoso"\nauth = "basic"', "library", "takes digest, not basic"),
        ('url = "http://a.example/"\ndialect = "fuseki"\nauth = "basic"', "library", "in the clear; use https"),
    ],
)
def test_settings_that_cannot_be_used_are_answered_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, name: str, said: str
) -> None:
    monkeypatch.setenv("U", "dba")
    variables = '\nuser_variable = "U"\npassword_variable = "U"\n'
    text = f"[stores.library]\n{table}{variables}" if table else ""

    with pytest.raises((TargetError, workspace.WorkspaceError), match=said) as raised:
        targets.find(workspace.read(published(tmp_path, dataset("owl"), text)), name)

    assert "s3cret" not in str(raised.value)


def test_each_dialect_has_the_addresses_of_its_documentation(tmp_path: Path) -> None:
    place = workspace.read(ready(tmp_path))
    found = {
        name: [
            getattr(targets.find(place, "http://s/r", name).addresses, part)
            for part in ("query", "update", "graphs", "quads")
        ]
        for name in DIALECTS
    }

    assert found == {
        "oxigraph": ["http://s/r/query", "http://s/r/update", "http://s/r/store", "http://s/r/store"],
        "virtuoso": ["http://s/r/sparql", "http://s/r/sparql-auth", None, None],
        "fuseki": ["http://s/r/query", "http://s/r/update", "http://s/r/data", "http://s/r/data"],
        "rdf4j": ["http://s/r", "http://s/r/statements", "http://s/r/rdf-graphs/service", "http://s/r/statements"],
        "graphdb": ["http://s/r", "http://s/r/statements", "http://s/r/rdf-graphs/service", "http://s/r/statements"],
        "blazegraph": ["http://s/r", "http://s/r", None, None],
        "qlever": ["http://s/r", "http://s/r", None, None],
        "stardog": ["http://s/r/query", "http://s/r/update", "http://s/r", None],
        "generic": ["http://s/r", "http://s/r", None, None],
    }
