from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import pytest
from pyoxigraph import Literal, NamedNode

from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.links import mappings, setups, snapshot
from spacecoop.links.wikidata import LABEL, Item

P, Q = "http://www.wikidata.org/prop/direct/P", "http://www.wikidata.org/entity/Q"
ITEMS = (
    Item(f"{Q}1", ((LABEL, Literal("un", language="fr")), (f"{P}31", NamedNode(f"{Q}5"))), None, "2026-11-24"),
    Item(f"{Q}2", ((LABEL, Literal("deux", language="fr")),), None, "2026-11-23"),
    Item(f"{Q}3", (), None, "2026-11-20"),
)


def test_the_order_of_items_and_of_their_facts_does_not_matter() -> None:
    turned = tuple(replace(item, facts=item.facts[::-1]) for item in ITEMS)
    orders = [*permutations(ITEMS), *permutations(turned)]
    written = {snapshot.write(order, "https://example.org/sparql", [f"{P}31"]) for order in orders}

    assert len(written) == 1


def test_a_snapshot_is_read_back_with_what_its_silence_means() -> None:
    text, manifest = snapshot.write(ITEMS, "https://example.org/sparql", [f"{P}31"])

    read = snapshot.read(text.encode(), manifest.encode())

    assert (read.manifest.items, read.manifest.statements, read.manifest.date) == (2, 3, "2026-11-23")
    assert {iri: dict(item.facts) for iri, item in read.items.items()} == {
        one.iri: dict(one.facts) for one in ITEMS[:2]
    }
    assert read.missing(f"{Q}1", f"{P}31") is False
    assert read.missing(f"{Q}2", f"{P}31") is True
    assert read.missing(f"{Q}2", f"{P}619") is None  # nobody asked
    assert read.missing(f"{Q}3", f"{P}31") is None


@pytest.mark.parametrize(("was", "now"), [("deux", "douze"), ("\n", ""), ("<", "")])
def test_a_changed_snapshot_is_refused(was: str, now: str) -> None:
    text, manifest = snapshot.write(ITEMS, "https://example.org/sparql", [])

    with pytest.raises(snapshot.DamagedError):
        snapshot.read(text.replace(was, now, 1).encode(), manifest.encode())


def test_the_committed_snapshot_is_what_its_manifest_says_and_only_about_published_links() -> None:
    space = workspace.read(REPOSITORY)
    frozen = setups.read_snapshot(space)
    data = (REPOSITORY / setups.FILE).read_bytes()
    accepted = {one.object for one in mappings.read(data, setups.FILE, space.prefixes).list_accepted(0.5)}

    assert frozen is not None
    assert len(frozen.items) == frozen.manifest.items > 20
    assert set(frozen.items) <= accepted
    assert "could not be reached" in frozen.manifest.note
    assert frozen.manifest.properties == ()
    assert set(frozen.manifest.evidence) == {iri.removeprefix(setups.ITEMS) for iri in frozen.items}
    assert all(said[:2] in ("A:", "B:") for said in frozen.manifest.evidence.values())


def test_a_workspace_whose_snapshot_has_no_manifest_is_told(birds: object) -> None:
    root = workspace.read(birds)  # type: ignore[arg-type]
    (root.root / "links").mkdir()
    (root.root / setups.SNAPSHOT).write_text("", "utf-8")

    with pytest.raises(setups.LinksError, match="snapshot` writes it anew"):
        setups.read_snapshot(root)
    assert json.loads(snapshot.write((), "x", ())[1])["items"] == 0
