from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, parse

from conftest import REPOSITORY
from spacecoop import publish, workspace
from spacecoop.links import edits, linksets, mappings
from spacecoop.links.mappings import MappingSet

HEADING = """#curie_map:
#  ex: https://example.org/
#  wd: http://www.wikidata.org/entity/
#mapping_set_id: https://example.org/links
#license: https://creativecommons.org/publicdomain/zero/1.0/
#object_source: wd:Q2013
subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\treviewer_id\tmapping_date\tconfidence\tcomment
"""
LINE = "ex:a\towl:sameAs\t\twd:Q1\tsemapv:ManualMappingCuration\tex:me\t2026-11-23\t0.9\tSeen in two registers.\n"
GRAPH = "https://example.org/graph"
DCTERMS = "http://purl.org/dc/terms/"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SSSOM, OWL, VOID = "https://w3id.org/sssom/", "http://www.w3.org/2002/07/owl#", "http://rdfs.org/ns/void#"


def read(*lines: str, heading: str = HEADING) -> MappingSet:
    return mappings.read((heading + "".join(lines)).encode(), "links/a.tsv", {})


def test_a_reviewed_line_is_a_link() -> None:
    mapping_set = read(LINE)

    assert mapping_set.findings == ()
    assert [one.object for one in mapping_set.list_accepted(0.9)] == ["http://www.wikidata.org/entity/Q1"]
    assert mapping_set.list_accepted(0.91) == []


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("ex:me", "", "links/a.tsv:8:1: violation: the mapping has no reviewer_id"),
        ("2026-11-23", "", "links/a.tsv:8:1: violation: the mapping has no mapping_date"),
        ("Seen in two registers.", "", "links/a.tsv:8:1: violation: the mapping has no comment"),
        ("2026-11-23", "23/11/2026", "links/a.tsv:8:59: violation: '23/11/2026' is not what mapping_date takes"),
        ("ex:me", "me", "links/a.tsv:8:53: violation: 'me' is not what reviewer_id takes"),
        ("0.9", "1.9", "links/a.tsv:8:70: violation: '1.9' is not what confidence takes"),
    ],
)
def test_what_a_line_lacks_is_said_at_its_place(was: str, now: str, message: str) -> None:
    findings = read(LINE.replace(was, now)).findings

    assert [str(found)[: len(message)] for found in findings] == [message]


@pytest.mark.parametrize("key", ["mapping_set_id", "license"])
def test_a_set_without_a_name_or_a_licence_is_refused(key: str) -> None:
    heading = "".join(line for line in HEADING.splitlines(keepends=True) if key not in line)

    assert [found.rule for found in read(LINE, heading=heading).findings] == ["mapping-set"]


def test_the_set_itself_is_published_with_what_was_rejected_and_counts() -> None:
    rejected = LINE.replace("\t\twd:Q1", "\tNot\twd:Q2")
    weak = LINE.replace("wd:Q1", "wd:Q3").replace("0.9", "0.3")
    mapping_set = read(LINE, rejected, weak)

    quads = linksets.describe(mapping_set, 0.5, "https://example.org/", "https://example.org/fallback", GRAPH)

    said = {(quad.subject.value, quad.predicate.value): quad.object for quad in quads}  # type: ignore[union-attr]
    one, other = "https://example.org/links#ex-a-Q1", "https://example.org/links#ex-a-Q2"
    assert said[one, f"{OWL}annotatedTarget"] == NamedNode("http://www.wikidata.org/entity/Q1")
    assert said[one, f"{SSSOM}confidence"].value == "0.9"  # type: ignore[union-attr]
    assert said[other, f"{SSSOM}predicate_modifier"] == NamedNode(f"{SSSOM}NegatedPredicate")
    assert (one, f"{SSSOM}predicate_modifier") not in said
    linkset = "https://example.org/links#linkset-sameAs"
    assert said[linkset, f"{VOID}triples"].value == "1"  # type: ignore[union-attr]
    assert said[linkset, f"{VOID}objectsTarget"] == NamedNode("http://www.wikidata.org/entity/Q2013")
    assert Counter(quad.predicate.value for quad in quads)[f"{SSSOM}mappings"] == 3
    assert not any(isinstance(term, BlankNode) for quad in quads for term in (quad.subject, quad.object))


def test_the_committed_set_is_published_with_the_number_of_its_links() -> None:
    space = workspace.read(REPOSITORY)
    text = (space.out / "dataset.nq").read_text("utf-8")
    data = (REPOSITORY / "links" / "wikidata.sssom.tsv").read_bytes()
    accepted = mappings.read(data, "links/wikidata.sssom.tsv", space.prefixes).list_accepted(0.5)

    for predicate, count in Counter(one.predicate for one in accepted).items():
        linkset = f"links/wikidata#linkset-{predicate.rpartition('#')[2].rpartition('/')[2]}> <{VOID}triples>"
        found = [line for line in text.splitlines() if linkset in line]
        assert len(found) == 1
        assert f'"{count}"' in found[0]
        links_of = [line for line in text.splitlines() if f"<{predicate}> <http://www.wikidata.org/" in line]
        assert len(links_of) == count


def test_each_mapping_is_found_in_the_document_of_its_set() -> None:
    document = parse(path=str(REPOSITORY / "out" / "links" / "wikidata.ttl"), format=RdfFormat.TURTLE)

    said = {(str(quad.subject), quad.predicate.value) for quad in document}

    assert ("<https://w3id.org/spacecoop/links/wikidata#id-china-Q148>", f"{OWL}annotatedTarget") in said
    assert ("<https://w3id.org/spacecoop/links/wikidata#linkset-sameAs>", f"{VOID}triples") in said


def test_what_is_below_the_confidence_or_rejected_is_not_published(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    for name in ("articles", "entities", "links", "ontology", "queries", "shapes"):
        shutil.copytree(REPOSITORY / name, folder / name)
    text = (REPOSITORY / "spacecoop.toml").read_text("utf-8").replace("confidence = 0.5", "confidence = 0.93")
    (folder / "spacecoop.toml").write_text(text, "utf-8")

    publish.publish(workspace.read(folder))

    lines = (folder / "out" / "dataset.nq").read_text("utf-8").splitlines()
    same = {line.split(" ")[2] for line in lines if " <http://schema.org/sameAs> " in line}
    assert "<http://www.wikidata.org/entity/Q142>" in same
    assert "<http://www.wikidata.org/entity/Q16677669>" not in same
    assert "<http://www.wikidata.org/entity/Q18328127>" not in same


def test_a_line_is_added_at_its_place_and_taken_away_again() -> None:
    later = LINE.replace("ex:a", "ex:c")
    text = HEADING + LINE + later
    cells = dict(zip(HEADING.splitlines()[-1].split("\t"), LINE.rstrip().split("\t"), strict=True)) | {
        "subject_id": "ex:b",
        "comment": "Two\twords\nand more",
    }

    changed = edits.add(text, cells)

    assert changed.splitlines()[8].startswith("ex:b\t")
    assert changed.splitlines()[8].endswith("\tTwo words and more")
    assert edits.remove(changed, 9) == text
    assert len(mappings.read(changed.encode(), "a", {}).mappings) == 3


def test_a_line_is_added_behind_a_last_line_without_an_end() -> None:
    cells = dict(zip(HEADING.splitlines()[-1].split("\t"), LINE.rstrip().split("\t"), strict=True))

    changed = edits.add((HEADING + LINE).rstrip("\n"), cells | {"subject_id": "ex:z"})

    assert [one.subject[-1] for one in mappings.read(changed.encode(), "a", {}).mappings] == ["a", "z"]


def test_a_column_that_the_heading_lacks_is_not_lost_silently() -> None:
    with pytest.raises(ValueError, match="see_also"):
        edits.add(HEADING, {"subject_id": "ex:a", "see_also": "ex:b"})


SSSOM_TOOL = shutil.which("sssom", path=f"{REPOSITORY / '.cache' / 'sssom' / 'bin'}:{os.environ['PATH']}")


def sssom(*words: str) -> subprocess.CompletedProcess[str]:
    assert SSSOM_TOOL is not None
    return subprocess.run([SSSOM_TOOL, *words], cwd=REPOSITORY, text=True, capture_output=True, check=False)


@pytest.mark.extended
@pytest.mark.skipif(SSSOM_TOOL is None, reason="sssom (PyPI) is not installed; .ci/extended installs it")
@pytest.mark.parametrize("file", ["links/wikidata.sssom.tsv", "src/spacecoop/starter/links/wikidata.sssom.tsv"])
def test_sssoms_own_tool_finds_the_mapping_sets_valid(file: str) -> None:
    done = sssom("validate", file)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.extended
@pytest.mark.skipif(SSSOM_TOOL is None, reason="sssom (PyPI) is not installed; .ci/extended installs it")
def test_the_set_is_published_with_the_terms_that_sssoms_own_tool_writes(tmp_path: Path) -> None:
    converted = tmp_path / "theirs.ttl"
    done = sssom("convert", "links/wikidata.sssom.tsv", "-O", "rdf", "-o", str(converted))
    assert done.returncode == 0, done.stdout + done.stderr

    theirs = of_mappings(parse(path=str(converted), format=RdfFormat.TURTLE))
    ours = of_mappings(parse(path=str(REPOSITORY / "out" / "dataset.nq"), format=RdfFormat.N_QUADS))

    assert len(ours) == len(theirs) > 30
    condensed = f"{DCTERMS}created"  # the tool says of the set what is the same in all lines, such as the day
    assert {name for one in ours for name, _ in one} - {condensed} == {name for one in theirs for name, _ in one} - {
        condensed
    }
    keys = (f"{OWL}annotatedSource", f"{OWL}annotatedProperty", f"{OWL}annotatedTarget", f"{SSSOM}predicate_modifier")
    assert sorted(sorted(row for row in one if row[0] in keys) for one in ours) == sorted(
        sorted(row for row in one if row[0] in keys) for one in theirs
    )


def of_mappings(quads: Iterable[Quad]) -> list[set[tuple[str, str]]]:
    """What is said of each mapping, whatever it is called."""
    said: dict[str, set[tuple[str, str]]] = {}
    for quad in quads:
        said.setdefault(str(quad.subject), set()).add((quad.predicate.value, str(quad.object)))
    return [one for one in said.values() if (RDF_TYPE, f"<{OWL}Axiom>") in one]


QUOTED = (
    "#mapping_set_id: https://example.org/set\n#license: https://example.org/l\n#curie_map:\n#  a: https://example.org/a/\n"
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\tconfidence\tcomment\treviewer_id\tmapping_date\n"
    "a:one\tskos:exactMatch\ta:x\tsemapv:ManualMappingCuration\t1\t"
    '"said ""so"",\twith a tab\nand a line"\ta:me\t2026-01-01\n'
    'a:two\tskos:exactMatch\t"sssom:NoTermFound"\tsemapv:ManualMappingCuration\t1\tnothing\ta:me\t2026-01-01\n'
)


def test_cells_in_quotes_hold_tabs_quotes_and_lines_and_rows_keep_their_line() -> None:
    read = mappings.read(QUOTED.encode(), "links/a.tsv", {})

    assert [one.place.line for one in read.mappings] == [6, 8]
    assert read.mappings[0].cells["comment"] == 'said "so",\twith a tab\nand a line'
    assert read.findings == ()


def test_only_a_line_feed_ends_a_row() -> None:
    odd = LINE.replace("Seen in two registers.", "Seen\u2028in two\x0bregisters.")

    assert [one.place.line for one in read(odd, LINE.replace("ex:a", "ex:b")).mappings] == [8, 9]
    assert edits.remove(HEADING + odd + LINE, 9) == HEADING + odd


def test_that_nothing_was_found_is_kept_and_publishes_no_link() -> None:
    read = mappings.read(QUOTED.encode(), "links/a.tsv", {})
    said = linksets.describe(read, 0.5, "https://example.org/d", "https://example.org/set", "https://example.org/g")

    assert [one.subject for one in read.list_accepted(0.0)] == ["https://example.org/a/one"]
    assert mappings.NO_TERM in {quad.object.value for quad in said}  # type: ignore[union-attr]


def test_a_row_of_several_lines_is_removed_whole_and_a_new_one_comes_between_rows() -> None:
    without = edits.remove(QUOTED, 6)
    more = edits.add(QUOTED, {"subject_id": "a:three", "object_id": "a:y", "confidence": "1", "comment": '"a'})

    assert [one.subject for one in mappings.read(without.encode(), "a", {}).mappings] == ["https://example.org/a/two"]
    subjects = [row.cells["subject_id"] for row in mappings.read(more.encode(), "a", {}).mappings]
    assert "a:one" in subjects and "a:two" in subjects
    assert QUOTED.splitlines(keepends=True)[5] in more


@pytest.mark.parametrize(
    ("heading", "place", "said"),
    [
        ("#license: 'a b'\n", ":7:11", "an IRI, or prefix:name"),
        ("#license: {a: b}\n", ":7:11", "a text"),
        ("#mapping_set_id: ['http://a/%']\n", ":7:19", "an IRI, or prefix:name"),
        ("#object_source: no iri\n", ":7:17", "an IRI, or prefix:name"),
        ("#curie_map: [a]\n", ":7:13", "an IRI for each prefix"),
        ("#curie_map: {ex: 3}\n", ":7:18", "an IRI"),
        ("#curie_map: {ex: 'http://a/%zz'}\n", ":7:18", "an IRI"),
    ],
)
def test_a_heading_that_gives_no_iri_is_told_at_its_place(heading: str, place: str, said: str) -> None:
    key = heading[1:].partition(":")[0]
    lines = [line for line in HEADING.splitlines(keepends=True) if not line.startswith(f"#{key}")]
    if key == "curie_map":
        lines = [line for line in lines if not line.startswith("#  ")]
    at = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    text = "".join([*lines[:at], heading, *lines[at:]])
    place = place.replace(":7:", f":{at + 1}:")

    found = mappings.read((text + LINE).encode(), "links/a.tsv", {}).findings

    told = [one for one in found if one.rule == "mapping-value" and str(one.place).endswith(place)]
    assert told, found
    assert said in told[0].message["en"]
    assert told[0].message["fr"] != told[0].message["en"]


def test_a_cell_that_would_be_published_as_an_iri_and_is_none_is_told() -> None:
    heading = HEADING.replace("\tcomment", "\tcomment\tcreator_id\tmapping_source")
    line = LINE.rstrip("\n") + "\tex:me|no iri\thttps://a/%zz\n"

    found = mappings.read((heading + line).encode(), "links/a.tsv", {})

    assert [one.message["en"].partition(" is not")[0] for one in found.findings] == ["'no iri'", "'https://a/%zz'"]
    assert found.mappings == ()


HEAD = (
    "#mapping_set_id: https://example.org/set\n#license: https://example.org/l\n"
    "#curie_map:\n#  a: https://example.org/a/\n"
)
PLAIN = "subject_id\tpredicate_id\tobject_id\tmapping_justification"
SAME = "a:one\tskos:exactMatch\ta:x\tsemapv:ManualMappingCuration"
OF_OURS = {"mapping-unreviewed", "mapping-set", "mapping-twice"}
"""What the format can do without, and a link that is published cannot."""


@pytest.mark.parametrize(
    ("text", "mappings_", "kinds"),
    [
        (f"{HEAD}{PLAIN}\n{SAME}\n", 1, set()),  # no confidence
        (f"{HEAD}#mapping_date: 2026-01-01\n{PLAIN}\n{SAME}\n", 1, set()),  # a slot of the heading
        (f"{HEAD}{PLAIN}\tother\tcomment\n{SAME}\n", 1, set()),  # a row that ends before its empty cells
        (f"{HEAD}{PLAIN}\n{SAME.replace('a:x', 'sssom:NoTermFound')}\n", 1, set()),
        (
            f"{HEAD}subject_label\tsubject_type\tpredicate_id\tobject_id\tmapping_justification\n"
            "word\trdfs literal\tskos:closeMatch\ta:x\tsemapv:ManualMappingCuration\n",
            0,
            {"mapping-no-thing"},
        ),
        (
            f"{HEAD}{PLAIN}\tsubject_type\n{SAME.replace('a:one', 'a:(b)')}\tcomposed entity expression\n",
            0,
            {"mapping-no-thing"},
        ),
        (f"{HEAD}{PLAIN}\n{SAME.replace('a:x', 'b:x')}\n", 0, {"mapping-value"}),  # a prefix of nobody
        (f"{HEAD}{PLAIN}\n{SAME}\tmore\n", 0, {"mapping-cells"}),
        (f"{HEAD}{PLAIN.replace('object_id', 'object')}\n{SAME}\n", 0, {"mapping-columns"}),
        (f"{HEAD}{PLAIN}\tconfidence\n{SAME}\thigh\n", 0, {"mapping-value"}),
    ],
)
def test_what_the_format_allows_is_read_and_what_it_does_not_is_refused(
    text: str, mappings_: int, kinds: set[str]
) -> None:
    read = mappings.read(text.encode(), "links/a.tsv", {})

    assert len(read.mappings) == mappings_
    assert {found.rule for found in read.findings} - OF_OURS == kinds


def test_a_value_of_the_heading_holds_for_rows_without_the_column() -> None:
    text = f"{HEAD}#mapping_date: 2026-01-01\n{PLAIN}\n{SAME}\n"

    assert mappings.read(text.encode(), "links/a.tsv", {}).mappings[0].cells["mapping_date"] == "2026-01-01"
