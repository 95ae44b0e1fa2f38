from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pyoxigraph import parse

from conftest import REPOSITORY, Run
from spacecoop import workspace
from spacecoop.stores import exports
from spacecoop.stores.exports import FORMATS, ExportError, Form
from storetest import dataset, oxigraph, published

PLACE = workspace.read(REPOSITORY)
QUADS = {str(quad) for quad in parse(path=str(REPOSITORY / "out" / "dataset.nq"))}


@pytest.mark.parametrize("name", sorted({*FORMATS} - {"jelly"}))
def test_every_format_has_every_statement(name: str, tmp_path: Path) -> None:
    form = Form(FORMATS[name])
    (path,) = exports.write(PLACE, form, tmp_path / f"all{form.ending}")

    found = list(parse(path=str(path), format=FORMATS[name].format))
    if FORMATS[name].named_graphs:
        assert {str(quad) for quad in found} == QUADS
    else:
        assert {str(quad.triple) for quad in found} == {
            str(quad.triple) for quad in parse(path=str(PLACE.out / "dataset.nq"))
        }


@pytest.mark.parametrize("name", sorted({*FORMATS} - {"jelly"}))
def test_parts_hold_at_most_as_many_statements_as_asked_and_together_all(name: str, tmp_path: Path) -> None:
    paths = exports.write(PLACE, Form(FORMATS[name], split=1000), tmp_path)
    parts = [list(parse(path=str(path), format=FORMATS[name].format)) for path in paths]

    assert max(map(len, parts)) <= 1000
    assert sum(map(len, parts)) == len(QUADS)
    assert [path.name for path in paths] == sorted(path.name for path in tmp_path.iterdir())


def test_packed_files_have_the_same_bytes_each_time_and_no_time_in_them(tmp_path: Path) -> None:
    form = Form(FORMATS["nquads"], packed=True)
    (one,), (other,) = (exports.write(PLACE, form, tmp_path / name) for name in ("a.nq.gz", "b.nq.gz"))

    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes()[3:8] == b"\0\0\0\0\0"
    assert gzip.decompress(one.read_bytes()) == (PLACE.out / "dataset.nq").read_bytes()


def test_parts_of_an_earlier_export_go_and_other_files_stay(tmp_path: Path) -> None:
    exports.write(PLACE, Form(FORMATS["nquads"], split=500), tmp_path)
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    few = exports.write(PLACE, Form(FORMATS["nquads"], split=2000), tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([*few, tmp_path / "notes.txt"])


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path, dataset("owl")))
    target = tmp_path / "load" / "all.nq"
    exports.write(place, Form(FORMATS["nquads"]), target)
    before = target.read_bytes()
    (tmp_path / "out" / "dataset.nq").write_text("<a> broken", "utf-8")

    with pytest.raises(ExportError, match="spacecoop build"):
        exports.write(place, Form(FORMATS["nquads"]), target)

    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_the_command_writes_to_the_standard_output_or_to_a_place(run: Run, tmp_path: Path) -> None:
    shown = run("export", "--format", "trig")
    wrote = run("export", "--format", "nquads", "--gzip", "--split", "2_000", "-o", tmp_path / "load")

    assert shown.stdout == (REPOSITORY / "out" / "dataset.trig").read_text("utf-8")
    assert (wrote.returncode, wrote.stdout) == (0, "")
    assert (tmp_path / "load" / "dataset-00001.nq.gz").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--split", "9"], 1, "-o DIR"),
        (["--split", "0"], 2, "--split"),
        (["-o", "out"], 1, "a folder goes with --split"),
        (["--format", "rdfxml"], 2, "invalid choice"),
    ],
)
def test_wrong_words_are_answered_with_what_would_help(run: Run, words: list[str], code: int, said: str) -> None:
    done = run("export", *words)

    assert done.returncode == code
    assert said in done.stderr


def test_oxigraph_s_own_loader_takes_the_parts(tmp_path: Path) -> None:
    import subprocess
    import sys

    from spacecoop import pushing
    from spacecoop.stores import graphs, targets

    paths = exports.write(PLACE, Form(FORMATS["nquads"], packed=True, split=2000), tmp_path / "load")
    program = Path(sys.prefix) / "bin" / "oxigraph"
    for path in paths:  # the loader reads plain files
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    plain = [path.with_suffix("") for path in paths]
    subprocess.run([program, "load", "--location", tmp_path / "db", "--file", *plain], check=True, capture_output=True)

    with oxigraph(tmp_path / "db") as url:
        store = targets.connect(targets.find(PLACE, url, "oxigraph"), PLACE.base)
        report = pushing.Report()
        pushing.verify(store, graphs.read(PLACE), report)

    assert report.differences == []
    assert report.read == {*graphs.read(PLACE)}
