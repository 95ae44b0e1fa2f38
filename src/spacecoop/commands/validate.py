"""Say what is wrong with fact files, as compilers do: file, line, column, what, and what would help.

  spacecoop validate                        all articles, and the files that they share
  spacecoop validate articles/a001.yaml     one article, and the shared files
  spacecoop validate --vocabulary           the vocabulary itself, by the rules of queries/quality/
  spacecoop validate --format sarif         for a code host; also json, jsonl, github, junit, turtle
  spacecoop explain Claim-modality          what a rule is for, with a good and a bad example

SHACL decides. Exit code 0: nothing to repair; 1: something of the severity that fails (--severity); 2: wrong usage.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.work import Run
    from spacecoop.workspace import Workspace

SEVERITIES = ("violation", "warning", "info")
FORMATS = ("text", "json", "jsonl", "sarif", "github", "junit", "turtle")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path, help="fact files (default: all in articles/)")
    parser.add_argument("--format", choices=FORMATS, default="text", help="form of the report (default: text)")
    parser.add_argument("--severity", choices=SEVERITIES, default="violation", help="what fails (default: violation)")
    parser.add_argument("--max", type=int, metavar="N", help="show at most so many findings")
    parser.add_argument(
        "--engine", choices=("fast", "pyshacl", "both"), default="fast", help="what validates; both: compare them"
    )
    parser.add_argument(
        "--vocabulary", action="store_true", help="judge the vocabulary by queries/quality/, instead of fact files"
    )
    parser.add_argument("--no-cache", action="store_true", help="do not believe what was found out before")
    cli.offer_spark(parser)


def run(arguments: argparse.Namespace) -> int:
    """Report all findings."""
    if arguments.vocabulary and arguments.files:
        arguments.wrong("--vocabulary judges the whole vocabulary, and no FILE")
    runner = cli.runner(arguments)
    with cli.opened(arguments) as (workspace, _):
        return report(arguments, workspace, runner)


def report(arguments: argparse.Namespace, workspace: Workspace, runner: Run | None) -> int:
    """Report what is wrong in a workspace."""
    from spacecoop import publish, quality, reports
    from spacecoop.documents import Unreadable
    from spacecoop.findings import Severity
    from spacecoop.reports import Report

    language = cli.language(arguments)
    files = [(arguments.folder / path).absolute() for path in arguments.files]
    try:
        if arguments.vocabulary:
            findings = quality.check(workspace, cli.progress("articles"))
        else:
            findings = publish.validate(
                workspace, files, arguments.engine, cli.progress("articles"), not arguments.no_cache, runner
            )
    except Unreadable as error:
        findings = [error.finding]
    shown = findings if arguments.max is None else findings[: max(0, arguments.max)]
    whole = Report(shown, language, workspace.root, len(findings) - len(shown))
    print(reports.FORMATS[arguments.format](whole), end="")
    fails = Severity[arguments.severity.upper()]
    return cli.REPAIR if any(found.severity >= fails for found in findings) else cli.DONE
