from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.stores import graphs
from spacecoop.stores.graphs import GraphsError
from storetest import BASE, article, dataset, lines_of, published


def test_each_graph_has_its_size_and_comes_back_with_its_triples(tmp_path: Path) -> None:
    made = dataset("owl", "tit")
    found = graphs.read(workspace.read(published(tmp_path, made)))

    assert {iri: graph.statements for iri, graph in found.items()} == {iri: len(lines) for iri, lines in made.items()}
    read = {f"{line} <{graph.iri}>" for graph, lines in graphs.lines(found.values()) for line in lines}
    assert read == lines_of(made)


def test_an_edit_of_one_article_changes_the_digest_of_its_graph_alone(tmp_path: Path) -> None:
    before = graphs.read(workspace.read(published(tmp_path, dataset("owl", "tit"))))
    after = graphs.read(workspace.read(published(tmp_path, dataset("owl", "tit") | article("tit", word="heard"))))

    changed = [iri for iri in before if before[iri].digest != after[iri].digest]
    assert changed == [f"{BASE}article/tit#assertion"]


def test_digests_of_files_that_did_not_change_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace.read(published(tmp_path, dataset("owl", "tit")))
    first = graphs.read(place)
    monkeypatch.setattr(graphs, "_measure", lambda part: pytest.fail(f"{part} was read again"))

    assert graphs.read(place) == first


def test_a_spoilt_cache_is_not_believed(tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path, dataset("owl")))
    first = graphs.read(place)
    (tmp_path / ".cache" / "graphs.json").write_text("[]", "utf-8")

    assert graphs.read(place) == first


def test_a_dataset_in_another_order_than_its_articles_is_read_as_a_whole(tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path, dataset("owl", "tit")))
    expected = {iri: graph.digest for iri, graph in graphs.read(place).items()}
    path = tmp_path / "out" / "dataset.nq"
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    for row in manifest["files"]:
        if row["path"] == "dataset.nq":
            row["sha256"] = __import__("hashlib").sha256(path.read_bytes()).hexdigest()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest), "utf-8")

    found = graphs.read(place)

    assert {iri: graph.digest for iri, graph in found.items()} == expected
    assert {graph.part.start for graph in found.values()} == {0}


def test_a_file_that_is_not_what_the_manifest_says_is_not_sent(tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path, dataset("owl")))
    found = graphs.read(place)
    path = tmp_path / "out" / "article" / "owl.nq"
    path.write_bytes(path.read_bytes().replace(b"seen 0", b"seen 9"))

    with pytest.raises(GraphsError, match=r"owl\.nq is not what the manifest says"):
        list(graphs.lines(found.values()))


def test_a_folder_without_a_manifest_and_a_graph_of_somebody_else_are_refused(tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path, {"https://else.example/g": [f"<{BASE}a> <{BASE}b> <{BASE}c>"]}))

    with pytest.raises(GraphsError, match="do not begin with"):
        graphs.read(place)
    (tmp_path / "out" / "manifest.json").unlink()
    with pytest.raises(GraphsError, match="spacecoop build"):
        graphs.read(place)


def test_the_graphs_of_this_repository_are_those_of_its_dataset() -> None:
    lines = (REPOSITORY / "out" / "dataset.nq").read_text("utf-8").splitlines()
    found = graphs.read(workspace.read(REPOSITORY))

    assert set(found) == {line.removesuffix(" .").rpartition("<")[2].removesuffix(">") for line in lines}
    assert sum(graph.statements for graph in found.values()) == len(lines)
