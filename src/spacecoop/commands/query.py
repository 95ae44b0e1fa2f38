"""Ask the dataset a question: a named query of queries/, a query file, or - for standard input.

  spacecoop query --list                         the questions that have a name
  spacecoop query agreements                     ask one
  spacecoop query cooperation --help             what it takes and gives
  spacecoop query cooperation --param country=france --param from=2019
  spacecoop query evidence --param claim=B-07 --format csv --output evidence.csv
  echo 'SELECT * { ?s a spc:Agreement }' | spacecoop query -

The dataset is out/, as `spacecoop build` wrote it; all of its graphs are seen as one. Something else is asked with
--data FILE, --store DIR or --endpoint URL. Rows come sorted where the query does not order them. A query changes
nothing and reaches nothing on the network.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.queries import Query
    from spacecoop.sandbox import Signals
    from spacecoop.sources import Source
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    from spacecoop.results import NAMES

    about = parser.add_argument_group("help", conflict_handler="resolve")  # argparse's own --help knows no names
    about.add_argument(
        "-h", "--help", action="store_true", help="say how this works; after a NAME, how that query does"
    )
    parser.set_defaults(usage=parser.format_help)
    parser.add_argument("question", nargs="?", metavar="NAME|FILE|-", help="a named query, a file, or standard input")
    parser.add_argument("--list", action="store_true", help="list the named queries")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a value for the query; again for one more"
    )
    where = parser.add_argument_group("what is asked").add_mutually_exclusive_group()
    where.add_argument("--data", nargs="+", type=Path, metavar="FILE", help="RDF files, in any syntax, gzipped or not")
    where.add_argument("--store", type=Path, metavar="DIR", help="the folder of an Oxigraph store, read only")
    where.add_argument(
        "--endpoint", metavar="URL", help="a SPARQL endpoint, or its name in [endpoints] of spacecoop.toml"
    )
    shown = parser.add_argument_group("what comes out")
    shown.add_argument("--format", choices=NAMES, default="table", metavar="FORMAT", help=f"one of {', '.join(NAMES)}")
    shown.add_argument("--output", type=Path, metavar="FILE", help="write to a file, when all is there")
    shown.add_argument("--limit", type=_positive, metavar="N", help="show N rows at most")
    shown.add_argument("--page", type=_positive, default=1, metavar="N", help="with --limit: the N-th page of rows")
    shown.add_argument("--labels", action="store_true", help="show labels beside IRIs")
    shown.add_argument(
        "-v", "--verbose", action="store_true", help="say how long it took, how many rows, and from where"
    )
    bounds = parser.add_argument_group("bounds")
    bounds.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="stop after (default: 60)")
    bounds.add_argument("--memory", type=_positive, default=2048, metavar="MB", help="stop beyond (default: 2048)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(arguments: argparse.Namespace) -> int:
    """Ask, list, or explain."""
    from spacecoop.queries import QueryError

    workspace = _workspace(arguments)
    try:
        if arguments.list:
            return _list(_folder(workspace), cli.language(arguments))
        if arguments.question is None or (arguments.help and arguments.question == "-"):
            print(arguments.usage())
            return cli.DONE if arguments.help else cli.USAGE
        query = _query(arguments, workspace)
        if arguments.help:
            return _explain(query, cli.language(arguments))
        return _ask(query, arguments, workspace)
    except QueryError as error:
        raise cli.UserError(str(error)) from error


def _workspace(arguments: argparse.Namespace) -> Workspace | None:
    """Open the workspace; there need be none where something else is asked."""
    elsewhere = arguments.data or arguments.store or arguments.endpoint
    if not elsewhere and not (arguments.help and arguments.question is None):
        return cli.workspace(arguments)
    from spacecoop.workspace import WorkspaceError, find

    try:
        return find(arguments.folder)
    except WorkspaceError:
        return None


def _folder(workspace: Workspace | None) -> Path:
    return workspace.root / "queries" if workspace is not None else Path("queries")


def _query(arguments: argparse.Namespace, workspace: Workspace | None) -> Query:
    """Return the query that is meant: by its name, its file, or standard input."""
    from spacecoop import queries

    question = arguments.question
    if question == "-":
        text = sys.stdin.read(queries.LONGEST + 1)
        if len(text) > queries.LONGEST:
            raise queries.QueryError(f"more than {queries.LONGEST:,} characters is no query")
        return queries.parse(text, "-", "standard input")
    path = arguments.folder / question
    if "/" in question or path.suffix in (".rq", ".sparql") or path.is_file():
        return queries.read(path)
    return queries.find(question, _folder(workspace))


def _list(folder: Path, language: str) -> int:
    """Print the named queries, each with its summary."""
    from spacecoop import queries
    from spacecoop.findings import said

    named = queries.library(folder)
    width = max(map(len, named), default=0)
    for name, query in named.items():
        print(f"{name:{width}}  {said(query.summary, language)}")
    return cli.DONE


def _explain(query: Query, language: str) -> int:
    """Print what a query takes and gives."""
    from spacecoop.findings import said

    print(f"{query.name}: {said(query.summary, language)}")
    if query.description:
        print(f"\n{said(query.description, language)}")
    if query.parameters:
        print("\nparameters:")
    for one in query.parameters:
        default = f"; default: {', '.join(one.default)}" if one.default else ""
        example = f"; such as --param {one.name}={one.example}" if one.example else ""
        print(f"  {one.name} ({one.type}): {said(one.summary, language)}{default}{example}")
    if query.columns:
        print("\ncolumns:")
    for name, texts in query.columns.items():
        print(f"  {name}: {said(texts, language)}")
    return cli.DONE


@dataclass(frozen=True)
class Outcome:
    """What came of a question: how many rows, in what time, from where; or why nothing did."""

    rows: int = 0
    seconds: float = 0
    source: str = ""
    error: str = ""


@dataclass(frozen=True)
class Question:
    """A query, and all that its answer depends on."""

    query: Query
    said: Mapping[str, Sequence[str]]
    arguments: argparse.Namespace
    workspace: Workspace | None
    output: Path | None

    @property
    def prefixes(self) -> Mapping[str, str]:
        """The prefixes that need not be declared."""
        return self.workspace.prefixes if self.workspace is not None else {}


def _ask(query: Query, arguments: argparse.Namespace, workspace: Workspace | None) -> int:
    """Evaluate in a process of its own, which prints the answer; say what became of it."""
    from spacecoop import sandbox

    beside = None
    if arguments.output is not None:
        output = arguments.folder / arguments.output
        beside = output.with_name(f".{output.name}.new")
    arguments.usage = None  # it cannot go to another process
    question = Question(query, _said(query, arguments, workspace), arguments, workspace, beside)
    limits = sandbox.Limits(arguments.timeout, arguments.memory)
    try:
        outcome = sandbox.run(functools.partial(_answer, question), limits, _tell)
        if outcome is not None and not outcome.error and beside is not None:
            beside.replace(output)
    except (sandbox.Stopped, OSError) as error:
        raise cli.UserError(str(error)) from error
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
    if outcome is None:  # whoever read it has enough
        return cli.DONE
    if outcome.error:
        raise cli.UserError(outcome.error)
    if arguments.verbose:
        rows = f"{outcome.rows:,} row{'s' * (outcome.rows != 1)}"
        print(f"{rows} in {outcome.seconds:.3f} s from {outcome.source}", file=sys.stderr)
    return cli.DONE


def _said(query: Query, arguments: argparse.Namespace, workspace: Workspace | None) -> dict[str, list[str]]:
    """Return the values by parameter; `lang`, where a query has it, is the language of messages by default."""
    from spacecoop.queries import QueryError

    said: dict[str, list[str]] = {}
    for pair in arguments.param:
        name, equals, value = pair.partition("=")
        if not equals:
            raise QueryError(f"--param {pair}: write it as NAME=VALUE")
        said.setdefault(name, []).append(value)
    if arguments.lang and any(one.name == "lang" for one in query.parameters):
        said.setdefault("lang", [arguments.lang])
    return said


def _tell(seconds: float) -> None:
    """Show how long it takes, on a terminal; 0 takes it away again."""
    if sys.stderr.isatty():
        print(f"\r{seconds:.0f} s" if seconds else "\r        \r", end="", file=sys.stderr, flush=True)


def _answer(question: Question, signals: Signals) -> Outcome:
    """Answer a question, in the child process."""
    from spacecoop import results, sources
    from spacecoop.endpoint import EndpointError
    from spacecoop.queries import QueryError

    try:
        return _answered(question, signals)
    except (QueryError, sources.SourceError, EndpointError) as error:
        return Outcome(error=str(error))
    except results.FormatError as error:
        return Outcome(error=str(error))


def _answered(question: Question, signals: Signals) -> Outcome:
    from spacecoop import results, sparql
    from spacecoop.queries import QueryError
    from spacecoop.sources import SourceError

    arguments = question.arguments
    source = _source(question)
    text = question.query.bound(question.said, source.resolve)
    _allow(text, question, source)
    kind = sparql.form(text)
    results.prepare(kind, arguments.format)
    spool = results.Spool(results.sorts(sparql.is_ordered(text), kind))
    stream = question.output.open("wb") if question.output is not None else sys.stdout.buffer
    signals.ready(network=source.network)
    started = time.perf_counter()
    try:
        result = results.spooled(source.answer(text), spool).page(arguments.limit, arguments.page)
    except SyntaxError as error:
        signals.printing()  # explaining opens files
        raise QueryError(f"{question.query.name}: {sparql.explain(error, text, question.prefixes)}") from error
    except OSError as error:
        raise SourceError(f"{source.name}: {error}") from error
    seconds = time.perf_counter() - started
    signals.printing()
    languages = question.workspace.languages if question.workspace is not None else ("en",)
    labels = functools.partial(source.labels, languages=languages) if arguments.labels else None
    width = results.terminal_width() if question.output is None else 0
    results.write(result, arguments.format, stream, results.View(question.prefixes, labels, width))
    stream.flush()
    return Outcome(result.shown, seconds, source.name)


def _allow(text: str, question: Question, source: Source) -> None:
    """Refuse what changes data, and what reaches outside; raises QueryError."""
    from spacecoop import sparql
    from spacecoop.queries import QueryError

    name = question.query.name
    if sparql.form(text) == "UPDATE":
        raise QueryError(f"{name}: this is an update, and a query changes nothing")
    outward = sparql.outward(text, question.prefixes)
    for service in outward.services:
        raise QueryError(f"{name}: SERVICE <{service}> would reach the network; --allow-service {service} allows it")
    for graph in outward.graphs:
        if not source.has_graph(graph):
            raise QueryError(f"{name}: FROM <{graph}> is not a graph of {source.name}, and nothing is fetched")


def _source(question: Question) -> Source:
    """Open what is asked."""
    from spacecoop import sources

    arguments, workspace = question.arguments, question.workspace
    base = workspace.base if workspace is not None else ""
    if arguments.store is not None:
        return sources.folder(arguments.folder / arguments.store, question.prefixes, base)
    if arguments.data:
        paths = {arguments.folder / path: "" for path in arguments.data}
        name = ", ".join(str(path) for path in arguments.data)
        return sources.files(paths, name, question.prefixes, base, sources.cache())
    if arguments.endpoint is not None:
        known = workspace.settings.get("endpoints", {}) if workspace is not None else {}
        url = known.get(arguments.endpoint, arguments.endpoint)
        built = workspace is not None and (workspace.out / "dataset.nq").is_file()
        names = _dataset(workspace) if built and workspace is not None else None
        return sources.endpoint(url, arguments.endpoint, question.prefixes, names, arguments.timeout)
    assert workspace is not None
    return _dataset(workspace)


def _dataset(workspace: Workspace):  # type: ignore[no-untyped-def]
    """Open what was built, and beside it what Wikidata says, where links/ holds an extract."""
    from spacecoop import sources

    built = workspace.out / "dataset.nq"
    if not built.is_file():
        raise sources.SourceError(f"{workspace.name(built)} is not there; run `spacecoop build` first")
    extracts = workspace.files("links", ".nt")
    paths = {built: "", **{path: workspace.graph(path.stem) for path in extracts}}
    name = " with ".join([workspace.name(built), *(f"the frozen {workspace.name(path)}" for path in extracts)])
    return sources.files(paths, name, workspace.prefixes, workspace.base, sources.cache())
