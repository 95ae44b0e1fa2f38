"""Candidates in, lines that wait for a person; a person's decision in, a line of the mapping set out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spacecoop import documents
from spacecoop.findings import Finding
from spacecoop.iris import shorten
from spacecoop.links import candidates, edits, mappings, wikidata
from spacecoop.links.agreement import Entity
from spacecoop.links.candidates import Candidate
from spacecoop.links.mappings import Link
from spacecoop.links.setups import FILE, ITEMS, LinksError, Setup, text_of

REVIEW = "links/review/wikidata.sssom.tsv"


def propose(setup: Setup, chosen: Sequence[Entity], proposed: Sequence[Candidate]) -> None:
    """Put the candidates in place of those that stood in the review file for the same entities."""
    path = setup.workspace.root / REVIEW
    prefixes = setup.workspace.prefixes
    text = documents.text(path, REVIEW) if path.is_file() else _heading(setup)
    subjects = {shorten(entity.iri, prefixes) for entity in chosen}
    for number, line in reversed(list(enumerate(documents.lines(text), 1))):
        if not line.startswith("#") and line.partition("\t")[0] in subjects:
            text = edits.remove(text, number)
    for candidate in proposed:
        names = shorten(candidate.entity.iri, prefixes), shorten(candidate.item.iri, prefixes)
        cells = candidates.cells(candidate, *names, setup.settings.predicate, wikidata.today())
        text = edits.add(text, cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    documents.save(path, text)


def _heading(setup: Setup) -> str:
    """Return the heading of the mapping set, for candidates: with an id of its own."""
    text = text_of(setup.workspace, FILE)
    lines = [line for line in text.splitlines() if line.startswith("#")]
    kept = [line for line in lines if not line.startswith(("#mapping_set_", "#comment", "#creator"))]
    kept = [line for line in kept if not line.startswith("#  -")]
    columns = next(line for line in text.splitlines() if not line.startswith("#"))
    title = "#mapping_set_title: Candidates for links, not reviewed yet"
    return "\n".join([*kept, f"#mapping_set_id: {setup.workspace.base}links/review", title, columns]) + "\n"


@dataclass(frozen=True)
class Decision:
    """What a person decided about a candidate."""

    subject: str
    object: str
    """As they are written in the review file; of an item, its number is enough."""
    accepted: bool
    reviewer: str
    because: str
    """The evidence, in a sentence."""
    confidence: float
    date: str
    predicate: str = ""


def decide(setup: Setup, decision: Decision) -> str:
    """Move a candidate's line from the review file into the mapping set; return the line as it stands there."""
    if not (setup.workspace.root / REVIEW).is_file():
        raise LinksError(f"there is no {REVIEW}; `spacecoop links suggest {decision.subject}` writes it")
    pending = mappings.read(text_of(setup.workspace, REVIEW).encode(), REVIEW, setup.workspace.prefixes)
    line = next((each for each in pending.mappings if _is(each, decision)), None)
    if line is None:
        text = f"{REVIEW} has no candidate {decision.object} for {decision.subject}"
        raise LinksError(f"{text}; `spacecoop links suggest {decision.subject}` looks for some")
    text = text_of(setup.workspace, FILE)
    for each in mappings.read(text.encode(), FILE, setup.workspace.prefixes).mappings:
        if (each.subject, each.object) == (line.subject, line.object):
            raise LinksError(f"{each.place}: that pair stands here already; change it there, or delete it first")
    cells = {
        **line.cells,
        "predicate_id": decision.predicate or line.cells["predicate_id"],
        "predicate_modifier": "" if decision.accepted else mappings.NOT,
        "mapping_justification": "semapv:ManualMappingCuration",
        "reviewer_id": decision.reviewer,
        "mapping_date": decision.date,
        "confidence": f"{decision.confidence:g}",
        "comment": decision.because,
    }
    try:
        changed = edits.add(text, cells)
    except ValueError as error:
        raise LinksError(f"{FILE}: {error}") from error
    findings = mappings.read(changed.encode(), FILE, setup.workspace.prefixes).findings
    mine = [found for found in findings if _is_about(changed, found, cells)]
    if mine:
        raise LinksError(f"nothing was written: {mine[0].message['en']}")
    documents.save(setup.workspace.root / FILE, changed)
    documents.save(setup.workspace.root / REVIEW, edits.remove(text_of(setup.workspace, REVIEW), line.place.line))
    return "\t".join(cells[key] for key in ("subject_id", "predicate_id", "predicate_modifier", "object_id"))


def _is(line: Link, decision: Decision) -> bool:
    subject, _, local = line.cells["subject_id"].partition(":")
    objects = {line.cells["object_id"], line.object, line.object.removeprefix(ITEMS)}
    return decision.subject in {f"{subject}:{local}", line.subject, local} and decision.object in objects


def _is_about(text: str, found: Finding, cells: Mapping[str, str]) -> bool:
    """Tell whether a finding is about the line of these cells."""
    line = documents.lines(text)[found.place.line - 1].split("\t")
    return cells["subject_id"] in line and cells["object_id"] in line
