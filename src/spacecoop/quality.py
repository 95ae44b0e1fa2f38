"""A workspace's vocabulary, and the data that use it, in; what the rules of ``queries/quality/`` find in them, out.

A rule is a query with front matter: ``?offender`` is the term that breaks it, ``?value`` what is the matter with it.
Its ``summary`` says what is wrong and its ``fix`` what would help, in each language. ``examines: data`` has it asked of
the articles too, ``severity: info`` has it only told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode, Quad, QuerySolutions, Store

from spacecoop import documents, reach, sandbox, shared, work
from spacecoop.documents import Unreadable
from spacecoop.findings import Finding, Place, Severity, finding, sort
from spacecoop.iris import shorten
from spacecoop.messages import Words
from spacecoop.places import Places
from spacecoop.progress import Progress, silent
from spacecoop.quads import text
from spacecoop.queries import library
from spacecoop.queries.library import QueryError
from spacecoop.sandbox import Begin, StoppedError
from spacecoop.shared import Shared
from spacecoop.workspace import Workspace

FOLDER = "queries/quality"
OF_ONTOLOGY, OF_DATA = "ontology", "data"


@dataclass(frozen=True)
class Rule:
    """One rule, as its file says it."""

    name: str
    file: str
    text: str
    severity: Severity
    examines: str
    """Whether it is asked of the ontology alone, or of the articles too."""
    summary: Mapping[str, str]
    fix: Mapping[str, str]


def check(workspace: Workspace, progress: Progress = silent) -> list[Finding]:
    """Return what the workspace's rules find, each at the place of the term that breaks it.

    Raises Unreadable where the shared files cannot be read; a rule that cannot be used is a finding at its file.
    """
    common = shared.load(workspace)
    paths = workspace.files(FOLDER, ".rq")
    if not paths:
        return [finding("no-quality", Place(f"{FOLDER}/"))]
    rules, found = [], workspace.misfits(FOLDER, ".rq")
    for path in paths:
        try:
            rules.append(_rule(documents.load(path, workspace.name(path)), path.stem, workspace.name(path)))
        except (QueryError, Unreadable, KeyError) as error:
            found.append(_unusable(workspace.name(path), error))
    places = [common.facts.places]
    stores = {OF_ONTOLOGY: _fill_store(_ontology(common))}
    if any(rule.examines == OF_DATA for rule in rules):
        stores[OF_DATA] = _fill_store(list(common.facts.quads))
        for quads, where in _articles(common, progress):
            stores[OF_DATA].extend(quads)
            places.append(where)
    while rules:
        try:
            found += sandbox.each(lambda begin: _ask(rules, stores, places, workspace.prefixes, begin))
            break
        except StoppedError as error:
            last = next((place for place, rule in enumerate(rules) if rule.file == error.step), len(rules) - 1)
            found.append(_unusable(error.step, QueryError(str(error).partition(";")[0])))
            del rules[last]
    return sort(found)


def _ask(
    rules: list[Rule], stores: Mapping[str, Store], places: list[Places], prefixes: Mapping[str, str], begin: Begin
) -> list[Finding]:
    """Return what the rules find, and which of them cannot be asked."""
    found: list[Finding] = []
    for rule in rules:
        begin(rule.file)
        try:
            found += _find_broken(rule, stores[rule.examines], places, prefixes)
        except (SyntaxError, OSError, RuntimeError, QueryError) as error:
            found.append(_unusable(rule.file, error))
    return found


def _rule(data: bytes, name: str, file: str) -> Rule:
    """Read a rule; raises QueryError, or KeyError for a word that is none of its kind."""
    query = reach.stay(data.decode("utf-8", "replace"))
    said = library.front(query, file)
    severity = Severity[str(said.get("severity", "warning")).upper()]
    examines = str(said.get("examines", OF_ONTOLOGY))
    if examines not in (OF_ONTOLOGY, OF_DATA):
        raise KeyError(examines)
    return Rule(
        name=name,
        file=file,
        text=query,
        severity=severity,
        examines=examines,
        summary=_texts(said.get("summary"), name),
        fix=_texts(said.get("fix"), ""),
    )


def _texts(said: Any, otherwise: str) -> dict[str, str]:
    """Return a text for each language of front matter."""
    if isinstance(said, dict):
        return {str(language): str(text) for language, text in said.items()}
    return {"en": str(said or otherwise)}


def _ontology(common: Shared) -> list[Quad]:
    return [quad for file, quads in common.files.items() if file.startswith("ontology/") for quad in quads]


def _fill_store(quads: list[Quad]) -> Store:
    store = Store()
    store.extend(quads)
    return store


def _articles(common: Shared, progress: Progress) -> Iterator[tuple[tuple[Quad, ...], Places]]:
    """Yield what each article says, as it would be published, and where it says it."""
    sources, _ = work.find(common)
    for number, source in enumerate(sources, 1):
        article = work.describe(common, source)
        progress(number, len(sources))
        yield article.quads, article.places


def _find_broken(rule: Rule, store: Store, places: list[Places], prefixes: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each row of a rule's query; raises QueryError where that is not of the form."""
    rows = store.query(rule.text, use_default_graph_as_union=True)
    if not isinstance(rows, QuerySolutions) or {"offender"} - {one.value for one in rows.variables}:
        raise QueryError(f"{rule.file}: a rule selects ?offender, and ?value where there is one")
    valued = "value" in {one.value for one in rows.variables}
    for row in rows:
        offender, value = row["offender"], row["value"] if valued else None
        iri = offender.value if offender is not None and hasattr(offender, "value") else str(offender)
        name = shorten(iri, prefixes) if isinstance(offender, NamedNode) else iri
        what = str(getattr(value, "value", value) or "")
        what = f" ({shorten(what, prefixes) if isinstance(value, NamedNode) else what})" if what else ""
        message = {language: f"{name}: {said}{what}" for language, said in rule.summary.items()}
        place = _place(iri, places, store) if isinstance(offender, NamedNode) else Place("ontology/")
        yield Finding(place, rule.severity, rule.name, message, rule.fix)


def _place(iri: str, places: list[Places], store: Store) -> Place:
    """Return where a term is described, else where it is first used, else the folder of the ontology."""
    term = NamedNode(iri)
    uses = [*store.quads_for_pattern(None, None, term), *store.quads_for_pattern(None, term, None)]
    for node in [iri, *sorted(text(quad.subject) for quad in uses)]:
        for one in places:
            if node in one.nodes:
                return one.find(node) if node == iri else _use(iri, node, one)
    return Place("ontology/")


def _use(iri: str, node: str, places: Places) -> Place:
    """Return where a node uses a term, as its property or its value; else where the node stands."""
    rows = (
        (value, path, key, place)
        for (of, path), rows in places.values.items()
        if of == node
        for value, key, place in rows
    )
    found = (key if path == iri else place for value, path, key, place in rows if iri in (path, value))
    return min(found, default=places.nodes[node])


def _unusable(file: str, error: Exception) -> Finding:
    """Return the finding that a rule cannot be used."""
    line = getattr(error, "line", None) or getattr(error, "lineno", None) or 1
    reason: object = " ".join(str(error).removeprefix(f"{file}: ").split())
    if isinstance(error, Unreadable):
        reason = error.finding.message
    if isinstance(error, KeyError):
        reason = Words("it says {}", reason)
    return finding("quality-rule", Place(file, int(line)), reason=reason)
