"""A question with its bounds in; its answer, written where it is wanted, and what came of it, out."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from spacecoop import documents, sandbox
from spacecoop.iris import shorten
from spacecoop.messages import Words
from spacecoop.queries import indexes, library, plots, remarks, results, sources, sparql
from spacecoop.queries.endpoint import Endpoint, EndpointError, agent, credentials
from spacecoop.queries.indexes import DamagedError, SourceError
from spacecoop.queries.library import Query
from spacecoop.queries.sources import Local, Remote, Source
from spacecoop.queries.sparql import QueryError
from spacecoop.queries.spool import Spool, SpoolError
from spacecoop.sandbox import Limits, Signals

if TYPE_CHECKING:
    from spacecoop.workspace import Workspace

AWAKE = 5.0
"""Seconds within which a service has to say that it is there; else what is frozen of it is used."""


READ = 500_000
"""Bytes of RDF that any machine reads in a second; a large file may take the longer."""


class AskError(Exception):
    """A question got no answer; the message says why, and what would help."""


@dataclass(frozen=True)
class Question:
    """A query, and all that its answer depends on."""

    query: Query
    workspace: Workspace | None = None
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The values of its parameters, as words."""
    data: tuple[Path, ...] = ()
    store: Path | None = None
    endpoint: str = ""
    services: tuple[str, ...] = ()
    """The endpoints, by name or IRI, that SERVICE may reach."""
    language: str = "en"
    """The language of what is said beneath the answer."""
    check_terms: bool = False
    """Whether an endpoint is asked whether it has the terms of the query."""

    @property
    def prefixes(self) -> Mapping[str, str]:
        """The prefixes that need not be declared."""
        return self.workspace.prefixes if self.workspace is not None else {}

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The endpoints that have a name."""
        return dict(self.workspace.settings.get("endpoints", {})) if self.workspace is not None else {}


@dataclass(frozen=True)
class Output:
    """How an answer is to be written, and where."""

    format: str = "table"
    path: Path | None = None
    """None is standard output."""
    limit: int | None = None
    page: int = 1
    labels: bool = False
    plot: str = ""
    """The kind of picture that is wanted instead."""


@dataclass(frozen=True)
class Outcome:
    """What came of a question: how many rows, in what time, from where, and what is to be known of it."""

    rows: int
    seconds: float
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Failure:
    """Why nothing came, as it is sent from one process to another."""

    message: str


def ask(question: Question, output: Output, limits: Limits, tell: Callable[[float], None]) -> Outcome | None:
    """Evaluate in a process of its own, which writes the answer; return what came of it.

    None is returned where the reader had enough. A file is written beside, and takes its place when it is whole.
    Raises AskError.
    """
    if output.path is not None and output.path.is_dir():
        raise AskError(f"{output.path} is a folder; name a file in it")
    target = documents.follow(output.path) if output.path is not None else None
    special = target is not None and documents.is_special(target)
    beside = target.with_name(f".{target.name}.new") if target is not None and not special else None
    try:
        bounds = replace(limits, loading=_loading(question))
        outcome = sandbox.run(functools.partial(_answer_guarded, question, output, beside or target), bounds, tell)
        if isinstance(outcome, _Failure):
            raise AskError(outcome.message)
        if beside is not None and target is not None:
            beside.replace(target)
    except sandbox.StoppedError as error:
        raise AskError(str(error)) from error
    except OSError as error:
        if error.errno in sandbox.FULL:  # the door says what would help
            raise
        raise AskError(f"{error.filename or target or 'standard output'}: {error.strerror or error}") from error
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
    return outcome  # type: ignore[no-any-return]


def _loading(question: Question) -> float:
    """Return the seconds that reading the files of a question may take beyond the usual."""
    size = 0
    with contextlib.suppress(SourceError, OSError):
        size = sum(path.stat().st_size for path in _files(question))
    return size / READ


def _answer_guarded(question: Question, output: Output, path: Path | None, signals: Signals) -> Outcome | _Failure:
    """Answer, in the child process; what is wrong with query, source or endpoint becomes a message."""
    try:
        try:
            return _answer(question, output, path, signals)
        except DamagedError:
            signals.loading()
            indexes.forget(_files(question), indexes.home())
            return _answer(question, output, path, signals)
    except (QueryError, SourceError, EndpointError, results.FormatError, plots.PlotError, SpoolError) as error:
        return _Failure(str(error))


def _answer(question: Question, output: Output, path: Path | None, signals: Signals) -> Outcome:
    source = _open(question, signals.limits)
    said = question.said
    if not source.network:
        with signals.shut():  # what a query's front matter says of its values is a stranger's query too
            said = library.complete(question.query, said, _values(source))
            said, spoken = _speak(question, source, said)
    else:
        spoken = []
    text = question.query.bound(said, source.resolve)
    form = sparql.form(text)
    outward = _check_reach(text, form, question, source)
    columns: list[str] = []
    here = sparql.redirect(text, outward.services, {one: f"GRAPH <{one}>" for one in outward.services})
    results.prepare(form, output.format)
    if output.plot and form != "SELECT" and (output.plot != "network" or form == "ASK"):
        raise plots.PlotError("only the rows of a SELECT can be drawn, and triples as a network")
    spool = Spool(sort=form != "SELECT" or not sparql.is_ordered(text))
    try:
        stream = path.open("wb") if path is not None else sys.stdout.buffer
    except OSError as error:
        raise SourceError(f"{output.path}: {error.strerror}") from error
    with _reaching(text, outward.services, question, signals.limits) as (text, notes, network, failures):
        signals.ready(network=network or source.network)
        started = time.perf_counter()
        if sparql.selects_all(text):
            with signals.shut():
                columns = sources.columns(here, question.prefixes)
        asked = sparql.spell_out(text, columns)
        try:
            result = results.spool_rows(source.answer(asked, union=not outward.graphs), spool)
        except SyntaxError as error:
            signals.printing()  # explaining opens files
            if source.network:
                raise _tell_broken(source, error) from error
            place = sparql.explain(error, text, question.prefixes)
            raise QueryError(f"{question.query.name}: {place}") from error
        except (OSError, RuntimeError) as error:  # RuntimeError is what a damaged store raises
            signals.printing()
            if function := sparql.unknown_function(error):
                raise QueryError(f"{question.query.name}: there is no function <{function}>") from error
            if source.cached and not failures:
                raise DamagedError from error
            raise (failures[0] if failures else SourceError(f"{source.name}: {error}")) from error
        seconds = time.perf_counter() - started
        told = (
            *notes,
            *_tell_defaults(question),
            *spoken,
            *_remarks(question, source, here, result.lines.count),
            *(f"SERVICE SILENT left out what failed: {failure}" for failure in failures),
        )
    signals.printing()
    result = result.page(output.limit, output.page)
    _show(result, source, question, output, stream)
    return Outcome(result.shown, seconds, source.name, told)


def _show(result: results.Result, source: Source, question: Question, output: Output, stream: IO[bytes]) -> None:
    """Write or draw an answer."""
    languages = question.workspace.languages if question.workspace is not None else ("en",)
    labels = functools.partial(source.labels, languages=languages) if output.labels or output.plot else None
    width = results.terminal_width() if output.path is None else 0
    view = results.View(question.prefixes, labels, width, instead=bool(output.plot))
    if output.plot:
        drawn = results.edges(result) if result.kind == "graph" else result
        png = output.path is not None and output.path.suffix.lower() == ".png"
        plots.draw(output.plot, drawn.variables, list(results.texts(drawn, view)), stream, "png" if png else "svg")
    else:
        results.write(result, output.format, stream, view)
    stream.flush()


def _values(source: Source) -> Callable[[library.Parameter], Iterator[str]]:
    """Return what gives the values of a parameter that the source has."""

    def values(parameter: library.Parameter) -> Iterator[str]:
        answer: Any = source.answer(f"SELECT DISTINCT ?value WHERE {{ {parameter.among} }}")
        for row in answer:
            yield row["value"].value

    return values


def _tell_defaults(question: Question) -> Iterator[str]:
    """Yield a note for each value that nobody said, and that the dataset's settings chose."""
    for parameter in question.query.parameters:
        if parameter.chosen and parameter.name not in question.said:
            yield f"{parameter.name}: {', '.join(parameter.default)}, by default"


def _speak(
    question: Question, source: Source, said: Mapping[str, Sequence[str]]
) -> tuple[Mapping[str, Sequence[str]], list[str]]:
    """Return what is said, in the dataset's first language where nothing is there in the one that is asked for.

    With it come notes: that it is so, or how many rows have no text in that language. Raises QueryError for a
    language that the dataset does not have.
    """
    languages = tuple(question.workspace.languages) if question.workspace is not None else ()
    spoken: list[str] = []
    for parameter in question.query.parameters:
        words = said.get(parameter.name, ())
        if parameter.type != "language" or not languages or not words:
            continue
        for word in words:
            if word not in languages:
                raise QueryError(
                    f"{parameter.name}: {word!r} is not a language of the dataset; there are {', '.join(languages)}"
                )
        if languages[0] in words:
            continue
        first = {**said, parameter.name: [languages[0]]}
        shown, all_ = (_count(question.query.bound(one, source.resolve), question, source) for one in (said, first))
        if shown < all_:
            asked, best = ", ".join(words), languages[0]
            few = Words("{} of {} rows have all of their texts in '{}'; '{}' has all", shown, all_, asked, best)
            none = Words("nothing is said in '{}'; the answer is in '{}'", asked, best)
            spoken.append((few if shown else none).text(question.language))
            said = said if shown else first
    return said, spoken


def _count(text: str, question: Question, source: Source) -> int:
    """Return how many rows a query has; 0 where it cannot be asked, which is said when it is."""
    if sparql.form(text) != "SELECT" or sparql.outward(text, question.prefixes).services:
        return 0
    try:
        answer: Any = source.answer(text)
        return sum(1 for _ in answer)
    except (SyntaxError, OSError, RuntimeError):
        return 0


def _remarks(question: Question, source: Source, text: str, rows: int) -> Iterator[str]:
    """Yield what is to be known of an answer: terms that are nowhere, data that are lacking, an empty default graph.

    A named query is known to be written right: its terms are looked up where it has no answer, else those that were
    said.
    """
    query, language = question.query, question.language
    with contextlib.suppress(EndpointError):
        if rows <= 1:
            yield from remarks.empty_default_graph(source, language)
        if source.network and not question.check_terms:
            return
        lacking = list(remarks.lacks(query, source, language))
        yield from lacking
        iris = [] if lacking else sparql.terms(text, question.prefixes)
        if query.summary and rows:
            bare = sparql.terms(
                query.bound({one.name: [] for one in query.parameters}, source.resolve), question.prefixes
            )
            iris = [iri for iri in iris if iri not in bare]
        yield from remarks.unknown(iris, source, question.prefixes, language)


def _tell_broken(source: Source, error: Exception) -> EndpointError:
    """Say that an answer broke off, without the secrets that its source was sent."""
    said = source.endpoint.hide(str(error)) if isinstance(source, Remote) else str(error)
    return EndpointError("incomplete", f"{source.name}: the answer is cut off or broken: {said}")


def _check_reach(text: str, form: str, question: Question, source: Source) -> sparql.Outward:
    """Return what a query reaches for; raise QueryError where it changes data, or reaches for what is not allowed."""
    name = question.query.name
    if form == "UPDATE":
        raise QueryError(f"{name}: this is an update, and a query changes nothing")
    outward = sparql.outward(text, question.prefixes)
    allowed = {question.endpoints.get(service, service) for service in question.services}
    for service in outward.services:
        if service.startswith("?"):
            raise QueryError(f"{name}: SERVICE {service} may reach any host; write it with its IRI in full")
        if service not in allowed:
            known = next((key for key, url in question.endpoints.items() if url == service), service)
            raise QueryError(f"{name}: SERVICE <{service}> would reach the network; --allow-service {known} allows it")
    for graph in outward.graphs:
        if not source.has_graph(graph):
            raise QueryError(f"{name}: FROM <{graph}> is not a graph of {source.name}, and nothing is fetched")
    return outward


@contextmanager
def _reaching(
    text: str, services: Sequence[str], question: Question, limits: Limits
) -> Iterator[tuple[str, list[str], bool, list[EndpointError]]]:
    """Give the query with its services led through a relay, or to what is frozen of them where they are not there.

    With it come notes for the user, whether there is need of the network, and the failures as they come.
    """
    if not services or question.endpoint:  # a remote endpoint reaches services by itself
        yield text, [], False, []
        return
    from spacecoop.queries import relay

    notes, frozen, live = [], {}, {}
    for service in dict.fromkeys(services):
        graph, file = _find_extract(service, question)
        who = agent(question.workspace.base if question.workspace is not None else "")
        try:
            Endpoint(service, who, timeout=AWAKE, attempts=1).ask("ASK {}")
        except EndpointError as error:
            if not graph or error.reason not in ("unreachable", "timeout", "busy"):
                raise
            frozen[service] = f"GRAPH <{graph}>"
            notes.append(f"{error}; what is frozen of it in {file} was used")
        else:
            live[service] = Endpoint(service, who, timeout=limits.seconds)
    with relay.running(live) as (addresses, failures):
        led = {service: f"SERVICE <{address}>" for service, address in addresses.items()}
        yield sparql.redirect(text, services, led | frozen), notes, bool(live), failures


def _find_extract(service: str, question: Question) -> tuple[str, str]:
    """Return the graph and the file in which there is an extract of a service; empty where there is none."""
    if question.workspace is not None and not question.data and question.store is None:
        for name, url in question.endpoints.items():
            path = question.workspace.root / "links" / f"{name}.nt"
            if url == service and path.is_file():
                return question.workspace.graph(name), question.workspace.name(path)
    return "", ""


def _open(question: Question, limits: Limits) -> Source:
    """Open what is asked."""
    workspace = question.workspace
    base = workspace.base if workspace is not None else ""
    if question.store is not None:
        return sources.folder(question.store, question.prefixes, base)
    if question.endpoint:
        url = question.endpoints.get(question.endpoint, question.endpoint)
        names = _dataset(question) if workspace is not None and _locate_dataset(workspace).is_file() else None
        remote = Endpoint(url, agent(base), limits.seconds, credentials=credentials(url))
        return sources.Remote(question.endpoint, remote, names, question.prefixes)
    return _dataset(question)


def _dataset(question: Question) -> Local:
    """Open the files that are given; else what was built, and beside it what is frozen of others in links/."""
    files, workspace = _files(question), question.workspace
    base = workspace.base if workspace is not None else ""
    names = [workspace.name(path) if workspace is not None else str(path) for path in files]
    frozen = [f"the frozen {name}" for name, graph in zip(names, files.values(), strict=True) if graph]
    plain = [name for name, graph in zip(names, files.values(), strict=True) if not graph]
    name = " with ".join([", ".join(plain), *frozen])
    return sources.files(files, name, question.prefixes, base, indexes.home())


def _files(question: Question) -> dict[Path, str]:
    """Return the files that are asked, each with the graph that it goes to; empty where it says so itself."""
    workspace = question.workspace
    if question.data or workspace is None:
        return dict.fromkeys(question.data, "")
    built = _locate_dataset(workspace)
    if not built.is_file():
        raise SourceError(f"{workspace.name(built)} is not there; run `spacecoop build` first")
    return {built: "", **{path: workspace.graph(path.stem) for path in workspace.files("links", ".nt")}}


def _locate_dataset(workspace: Workspace) -> Path:
    return workspace.out / "dataset.nq"


def words(question: Question, limits: Limits) -> list[str]:
    """Return what is worth completing: prefixes, and the classes, properties and things of what is asked."""
    found = {f"{prefix}:" for prefix in question.prefixes}
    if question.endpoint:
        return sorted(found)
    try:
        return sandbox.run(functools.partial(_words, question), replace(limits, loading=_loading(question)))  # type: ignore[no-any-return]
    except sandbox.StoppedError as error:
        raise SourceError(str(error)) from error


def _words(question: Question, signals: Signals) -> list[str]:
    """Return what is worth completing, in the child process."""
    found = {f"{prefix}:" for prefix in question.prefixes}
    try:
        source = _open(question, signals.limits)
    except SourceError as error:
        raise sandbox.StoppedError(str(error)) from error
    signals.ready()
    for text in (
        "SELECT DISTINCT ?x { ?s a ?x }",
        "SELECT DISTINCT ?x { ?s ?x ?o }",
        "SELECT DISTINCT ?x { ?x a ?class FILTER (!CONTAINS(STR(?x), '#')) }",
    ):
        answer: Any = source.answer(text)
        shorts = (shorten(row["x"].value, question.prefixes) for row in answer)
        found |= {short for short in shorts if not short.startswith("<")}
    return sorted(found)


def read_named(workspace: Workspace | None) -> dict[str, Query]:
    """Return the named queries; raises QueryError."""
    return library.every(folder(workspace), defaults(workspace), workspace is not None and workspace.outside)


def defaults(workspace: Workspace | None) -> library.Defaults:
    """Return the values of parameters that the settings choose, by query."""
    chosen = workspace.settings.get("query", {}).get("defaults", {}) if workspace is not None else {}
    return chosen if isinstance(chosen, Mapping) else {}


def folder(workspace: Workspace | None) -> Path:
    """Return where named queries are."""
    return workspace.root / "queries" if workspace is not None else Path("queries")
