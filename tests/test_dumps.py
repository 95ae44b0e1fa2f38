"""The dumps, partly joined from the articles' own files, are what writing all quads at once would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import output, publish, workspace
from spacecoop.harvest import dumps
from spacecoop.syntaxes import NQUADS, Syntax


@pytest.mark.parametrize("syntax", dumps.SYNTAXES, ids=[syntax.name for syntax in dumps.SYNTAXES])
def test_a_dump_is_what_all_quads_together_give(syntax: Syntax, tmp_path: Path) -> None:
    place = workspace.read(REPOSITORY)
    path = place.out / f"dataset{syntax.ending}"
    output.write(output.read(place.out / "dataset.nq"), tmp_path / path.name, syntax, place.prefixes)

    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_words_that_look_like_the_end_of_a_line_stay_in_their_text(birds: Path) -> None:
    path = birds / "articles" / "cranes.yaml"
    odd = '"a <b> . \\n <c> .\\u2028 <d"'
    path.write_text(path.read_text("utf-8").replace("sky: clear", f"sky: {odd}"), "utf-8")
    place = workspace.read(birds)
    files = {one.path: one for one in publish.publish(place).files}

    quads = list(output.read(place.out / "dataset.nq"))
    triples = (place.out / "dataset.nt").read_text("utf-8").split("\n")
    assert any(" <d" in line for line in triples)
    assert sorted(triples[:-1]) == sorted(f"{quad.triple} ." for quad in quads)
    assert {files[name].statements for name in dumps.NAMES} == {len(quads)}
    assert (
        (place.out / "dataset.nq")
        .read_bytes()
        .startswith((place.out / "article" / f"cranes{NQUADS.ending}").read_bytes())
    )
