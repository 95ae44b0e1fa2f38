"""Shared matters and the articles that tell of them: list them, and join an article's matter to a shared one.

  spacecoop stories                           the shared matters, each with its accounts
  spacecoop stories list svom-launch          one of them; --format csv, json, markdown and others
  spacecoop stories suggest                   which matters of articles may be accounts of a shared one, with a score
                                              and reasons; and which two shared matters may be one
  spacecoop stories suggest a014              those of one article; or of one matter: svom-launch, a014:launch
  spacecoop stories accept a014:launch svom-launch
                                              write into the article's fact file that the one is an account of the other
  spacecoop stories reject a014:launch svom-launch --reviewer spacecoop:team --because "another launch"
                                              remember that they are not one, and never suggest it again

The sources are read, as they stand now; out/ is not. An article's matter is called by the article and its name there.
What speaks for two matters' being one are the queries of queries/joins/, each with its weight: a value that both have
counts the more, the rarer it is. Rejections are lines of stories/rejected.tsv: commit it. Nothing is joined by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.joining import Setup
    from spacecoop.queries.results import Result

DECIMAL = "http://www.w3.org/2001/XMLSchema#decimal"
FORMATS = ("table", "csv", "tsv", "json", "jsonl", "xml", "markdown", "html")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    shown = argparse.ArgumentParser(add_help=False)
    shown.add_argument(
        "--format",
        choices=FORMATS,
        default=argparse.SUPPRESS,
        metavar="FORMAT",
        help=f"one of {', '.join(FORMATS)} (default: table)",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")

    action = actions.add_parser("list", parents=[shown], help="list shared matters with their accounts (default)")
    action.add_argument("matters", nargs="*", metavar="MATTER", help="such as svom-launch (default: all)")

    action = actions.add_parser("suggest", parents=[shown], help="propose joins, the best first")
    action.add_argument(
        "names", nargs="*", metavar="ARTICLE|MATTER", help="such as a014, a014:launch, svom-launch (default: all)"
    )
    action.add_argument("--most", type=int, default=3, metavar="N", help="proposals for each matter (default: 3)")
    action.add_argument(
        "--least", type=_score, metavar="SCORE", help="from 0 to 1 (default: [stories] least in spacecoop.toml, or 0.5)"
    )

    action = actions.add_parser("accept", help="write that an article's matter is an account of a shared one")
    _pair(action)
    action = actions.add_parser("reject", help="remember that two matters are not one")
    _pair(action)
    action.add_argument("--because", required=True, metavar="TEXT", help="the evidence, in a sentence")
    reviewer = os.environ.get("SPACECOOP_REVIEWER")
    text = "who decides, such as orcid:0000-0000-0000-0000 (or $SPACECOOP_REVIEWER)"
    action.add_argument("--reviewer", required=reviewer is None, default=reviewer, metavar="NAME", help=text)
    action.add_argument("--date", metavar="DAY", help="of the decision (default: today)")


def _pair(action: argparse.ArgumentParser) -> None:
    action.add_argument("one", metavar="MATTER", help="of an article, such as a014:launch")
    action.add_argument("other", metavar="SHARED", help="of entities/, such as svom-launch")


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1
    if not 0 <= score <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return score


def run(arguments: argparse.Namespace) -> int:
    """Do one action."""
    from spacecoop import joining

    try:
        return ACTIONS[arguments.action or "list"](joining.begin(cli.workspace(arguments)), arguments)
    except joining.NotValidError as error:
        told = [found.line(cli.language(arguments)) for found in error.findings]
        raise cli.UserError("\n".join([str(error), *told])) from error
    except joining.JoinError as error:
        raise cli.UserError(str(error)) from error


def show(setup: Setup, arguments: argparse.Namespace) -> int:
    """Print the shared matters with their accounts."""
    from spacecoop import joining

    matters = getattr(arguments, "matters", ())
    return _write(joining.tell(setup, matters, cli.language(arguments)), setup, arguments)


def suggest(setup: Setup, arguments: argparse.Namespace) -> int:
    """Print the proposals."""
    from pyoxigraph import Literal, NamedNode

    from spacecoop import joining
    from spacecoop.queries.results import Result
    from spacecoop.queries.spool import Spool
    from spacecoop.stories import joins

    language = cli.language(arguments)
    done = joining.suggest(setup, arguments.names, arguments.least, arguments.most)
    spool = Spool(sort=False)
    for each in (*done.joins, *done.pairs):
        cells = (Literal(f"{each.score:.2f}", datatype=NamedNode(DECIMAL)), NamedNode(each.one), NamedNode(each.other))
        spool.write(
            "\t".join(map(str, (*cells, Literal(joins.explain(each, setup.prefixes, language))))).encode() + b"\n"
        )
    result = Result("rows", ("score", "one", "other", "reasons"), spool.close())
    if result.shown or arguments.format != "table":
        _write(result, setup, arguments)
    if not done.joins and not done.pairs:
        cli.say("nothing to propose that is not decided already", error=True)
        return cli.DONE
    cli.say(
        f"{len(done.joins)} joins and {len(done.pairs)} pairs of shared matters proposed; look at each, then "
        "`spacecoop stories accept` or `reject` it",
        error=True,
    )
    return cli.DONE


def _write(result: Result, setup: Setup, arguments: argparse.Namespace) -> int:
    from spacecoop.queries import results

    sys.stdout.flush()
    view = results.View(setup.prefixes, width=results.terminal_width())
    results.write(result, arguments.format, sys.stdout.buffer, view)
    sys.stdout.buffer.flush()
    return cli.DONE


def accept(setup: Setup, arguments: argparse.Namespace) -> int:
    """Write one join, and say where."""
    from spacecoop import joining

    file, line = joining.accept(setup, joining.Decision(arguments.one, arguments.other))
    cli.show(f"{file}: {line}")
    return cli.DONE


def reject(setup: Setup, arguments: argparse.Namespace) -> int:
    """Remember one refusal, and say where."""
    from datetime import date

    from spacecoop import joining
    from spacecoop.stories import refusals

    day = arguments.date or date.today().isoformat()
    decision = joining.Decision(arguments.one, arguments.other, arguments.reviewer, arguments.because, day)
    cli.show(f"{refusals.FILE}: {joining.reject(setup, decision)}")
    return cli.DONE


Action = Callable[["Setup", argparse.Namespace], int]
ACTIONS: dict[str, Action] = {"list": show, "suggest": suggest, "accept": accept, "reject": reject}
