"""Say what is wrong with fact files, as compilers do: file, line, column, what, and what would help.

  spacecoop validate                      all articles, and the files that they share
  spacecoop validate articles/a001.yaml   one article
"""

from __future__ import annotations

import argparse
from pathlib import Path

from spacecoop import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path, help="fact files (default: all in articles/)")
    parser.add_argument("--engine", choices=("fast", "pyshacl"), default="fast", help="what validates (default: fast)")


def run(arguments: argparse.Namespace) -> int:
    """Print all findings."""
    from spacecoop import publish
    from spacecoop.documents import Unreadable
    from spacecoop.findings import refused, tally

    workspace, language = cli.workspace(arguments), cli.language(arguments)
    files = [(arguments.folder / path).absolute() for path in arguments.files]
    try:
        findings = publish.validate(workspace, files, arguments.engine)
    except Unreadable as error:
        findings = [error.finding]
    for found in findings:
        print(found.line(language))
    print(tally(findings))
    return cli.REPAIR if refused(findings) else cli.DONE
