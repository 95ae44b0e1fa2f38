"""Ask the dataset a question: a named query of queries/, a query file, or - for standard input.

  spacecoop query --list                         the questions that have a name
  spacecoop query agreements                     ask one
  spacecoop query cooperation --help             what it takes and gives
  spacecoop query cooperation --param country=france --param from=2019
  spacecoop query evidence --param claim=B-07 --format csv --output evidence.csv
  echo 'SELECT (COUNT(*) AS ?n) { ?s ?p ?o }' | spacecoop query -

The dataset is out/, as `spacecoop build` wrote it; all of its graphs are seen as one. Something else is asked with
--data FILE, --store DIR or --endpoint URL. Rows come sorted where the query does not order them. A query changes
nothing, and reaches nothing on the network but what --allow-service names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.asking import Question
    from spacecoop.queries.library import Query
    from spacecoop.sandbox import Limits
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    from spacecoop.queries.results import NAMES

    about = parser.add_argument_group("help", conflict_handler="resolve")  # argparse's own --help knows no names
    about.add_argument(
        "-h", "--help", action="store_true", help="say how this works; after a NAME, how that query does"
    )
    parser.set_defaults(usage=parser.format_help, wrong=parser.error)
    parser.add_argument("question", nargs="?", metavar="NAME|FILE|-", help="a named query, a file, or standard input")
    parser.add_argument("-i", "--interactive", action="store_true", help="ask one question after the other")
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
    parser.add_argument(
        "--check-terms", action="store_true", help="ask an endpoint too whether it has the terms of the query"
    )
    shown = parser.add_argument_group("what comes out")
    shown.add_argument("--format", choices=NAMES, default="table", metavar="FORMAT", help=f"one of {', '.join(NAMES)}")
    shown.add_argument("--output", type=Path, metavar="FILE", help="write to a file, when all is there")
    shown.add_argument("--limit", type=_positive, metavar="N", help="show N rows at most")
    shown.add_argument("--page", type=_positive, metavar="N", help="with --limit: the N-th page of rows")
    shown.add_argument("--labels", action="store_true", help="show labels beside IRIs")
    shown.add_argument(
        "--plot", choices=("bar", "timeline", "network"), help="draw the rows, as SVG, or as PNG into FILE.png"
    )
    shown.add_argument(
        "-v", "--verbose", action="store_true", help="say how long it took, how many rows, and from where"
    )
    bounds = parser.add_argument_group("bounds")
    bounds.add_argument(
        "--allow-service",
        action="append",
        default=[],
        metavar="URL",
        help="let SERVICE reach this endpoint, or one that [endpoints] names; again for one more",
    )
    bounds.add_argument("--timeout", type=_seconds, default=60, metavar="SECONDS", help="stop after (default: 60)")
    bounds.add_argument("--memory", type=_positive, default=2048, metavar="MB", help="stop beyond (default: 2048)")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Ask, list, or explain."""
    from spacecoop import asking
    from spacecoop.queries.library import QueryError

    if arguments.page and not arguments.limit:
        arguments.wrong("--page says which part of --limit N rows; give both")
    workspace = _workspace(arguments)
    try:
        if arguments.list:
            return _list(asking.read_named(workspace), cli.language(arguments))
        if arguments.interactive:
            return _interact(arguments, workspace)
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


def _query(arguments: argparse.Namespace, workspace: Workspace | None) -> Query:
    """Return the query that is meant: by its name, its file, or standard input."""
    from spacecoop import asking
    from spacecoop.queries import library

    question = arguments.question
    if question == "-":
        return library.parse(library.text_of(sys.stdin.buffer, "standard input"), "-", "standard input")
    path = arguments.folder / question
    if "/" in question or path.suffix in (".rq", ".sparql") or path.is_file():
        return library.read(path)
    allowed = workspace is not None and workspace.outside
    return library.find(question, asking.folder(workspace), asking.defaults(workspace), allowed)


def _list(named: Mapping[str, Query], language: str) -> int:
    """Print the named queries, each with its summary."""
    from spacecoop.findings import choose_text, visible

    width = max(map(len, named), default=0)
    for name, query in named.items():
        print(visible(f"{name:{width}}  {choose_text(query.summary, language)}"))
    return cli.DONE


def _explain(query: Query, language: str) -> int:
    """Print what a query takes and gives."""
    from spacecoop.findings import choose_text
    from spacecoop.messages import Words

    cli.show(f"{query.name}: {choose_text(query.summary, language)}")
    if query.description:
        cli.show(f"\n{choose_text(query.description, language)}")
    if query.parameters:
        cli.show(f"\n{Words('parameters:').text(language)}")
    for one in query.parameters:
        default = f"; {Words('default:').text(language)} {', '.join(one.default)}" if one.default else ""
        example = f"; {Words('such as').text(language)} --param {one.name}={one.example}" if one.example else ""
        cli.show(f"  {one.name} ({one.type}): {choose_text(one.summary, language)}{default}{example}")
    if query.columns:
        cli.show(f"\n{Words('columns:').text(language)}")
    for name, texts in query.columns.items():
        cli.show(f"  {name}: {choose_text(texts, language)}")
    return cli.DONE


def _ask(query: Query, arguments: argparse.Namespace, workspace: Workspace | None) -> int:
    """Have a question answered, and say what is to be known of the answer."""
    from spacecoop import asking
    from spacecoop.messages import Words

    here = arguments.folder
    path = here / arguments.output if arguments.output is not None else None
    output = asking.Output(
        format=arguments.format,
        path=path,
        limit=arguments.limit,
        page=arguments.page or 1,
        labels=arguments.labels,
        plot=arguments.plot or "",
    )
    try:
        outcome = asking.ask(_question(query, arguments, workspace), output, _limits(arguments), _tell)
    except asking.AskError as error:
        raise cli.UserError(str(error)) from error
    if outcome is None:  # whoever read it has enough
        return cli.DONE
    for note in outcome.notes:
        cli.say(f"{Words('note:').text(cli.language(arguments))} ", end="", error=True)
        cli.say(note, error=True)
    if arguments.verbose:
        rows = f"{outcome.rows:,} row{'s' * (outcome.rows != 1)}"
        cli.say(f"{rows} in {outcome.seconds:.3f} s from {outcome.source}", error=True)
    return cli.DONE


def _question(query: Query, arguments: argparse.Namespace, workspace: Workspace | None) -> Question:
    from spacecoop import asking

    here = arguments.folder
    return asking.Question(
        query,
        workspace,
        _read_values(query, arguments),
        data=tuple(here / path for path in arguments.data or ()),
        store=here / arguments.store if arguments.store is not None else None,
        endpoint=arguments.endpoint or "",
        services=tuple(arguments.allow_service),
        language=cli.language(arguments),
        check_terms=arguments.check_terms,
    )


def _limits(arguments: argparse.Namespace) -> Limits:
    from spacecoop import sandbox

    return sandbox.Limits(arguments.timeout, arguments.memory)


def _interact(arguments: argparse.Namespace, workspace: Workspace | None) -> int:
    """Ask what is typed, until the end of input; what is wrong with one question does not end the rest."""
    from spacecoop import asking
    from spacecoop.queries import indexes, library, prompt

    named = asking.read_named(workspace)
    empty = library.parse("ASK {}", "-", "the prompt")
    try:
        words = asking.words(_question(empty, arguments, workspace), _limits(arguments))
        cli.say("A query, or the name of one; .list lists them; Tab completes; Ctrl-D ends.")
        for text in prompt.lines(words, indexes.home().parent / "history", list(named)):
            if text in (".quit", ".exit"):
                break
            try:
                if text == ".list":
                    _list(named, cli.language(arguments))
                else:
                    query = named.get(text) or library.parse(text, "-", "the prompt")
                    _ask(query, arguments, workspace)
            except (cli.UserError, library.QueryError) as error:
                cli.say(str(error), error=True)
            except KeyboardInterrupt:
                cli.say("interrupted", error=True)
    except (prompt.PromptError, indexes.SourceError) as error:
        raise cli.UserError(str(error)) from error
    return cli.DONE


def _read_values(query: Query, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return the values by parameter; `lang`, where a query has it, is the language of messages by default."""
    from spacecoop.queries.library import QueryError

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
