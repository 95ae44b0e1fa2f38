"""The door: parses the command line, calls one function, prints what comes back."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacecoop.workspace import Workspace

DONE, REPAIR, USAGE, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "init": "make a new workspace",
    "draft": "propose a fact file for a text, for a person to finish",
    "anchor": "replace quotes in a fact file by their place and digest in the text",
    "validate": "say what is wrong with fact files, and where",
    "explain": "say what a rule asks for and why, with a good and a bad example",
    "build": "publish the workspace into out/",
    "assets": "bring the JavaScript libraries of the query page, by exact version",
    "preflight": "say what aggregators would say of out/",
    "nanopub": "export articles or claims as nanopublications",
    "query": "ask the dataset a question",
    "links": "check, suggest and decide links to Wikidata; give statements back",
    "export": "write the dataset in one syntax, for other tools",
    "serve": "show the built site, and answer SPARQL, on this machine",
    "clean": "delete what was kept to be faster; out/ and your files stay",
    "push": "bring a triple store in step with out/, and prove it",
}
"""Each command, in the order of the work, with what it does; its module has the same name."""

ABOUT = "Publish what news articles say about international space cooperation as linked data."
FIRST_STEPS = """first steps:
  spacecoop init my-dataset            make a workspace, with an example article in it
  cd my-dataset
  spacecoop build                      validate the articles and write out/
  spacecoop query --list               see which questions can be asked
  spacecoop query agreements           ask one

Each command explains itself: spacecoop COMMAND --help
Exit codes: 0 done, 1 something to repair in the data or the world, 2 wrong usage.
"""


class UserError(Exception):
    """Something for the user to repair; the message says what, where and what would help."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    parser = _parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return USAGE
    command = importlib.import_module(f"spacecoop.commands.{arguments.command}")
    try:
        return int(command.run(arguments))
    except UserError as error:
        print(f"spacecoop {arguments.command}: {error}", file=sys.stderr)
        return REPAIR
    except KeyboardInterrupt:
        print(f"\nspacecoop {arguments.command}: interrupted; nothing was left half-written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that is called is loaded."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spacecoop", description=ABOUT, epilog=FIRST_STEPS, formatter_class=form)
    parser.add_argument("--version", action="version", version=_version(words))
    parser.add_argument("-C", dest="folder", metavar="DIR", type=Path, default=Path(), help="work in this folder")
    parser.add_argument(
        "--lang", choices=("en", "fr"), default=None, help="language of messages (default: the locale's)"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    called = next((word for word in words if word in COMMANDS), None)
    for name, about in COMMANDS.items():
        sub = commands.add_parser(name, help=about, formatter_class=form)
        if name == called:
            module = importlib.import_module(f"spacecoop.commands.{name}")
            sub.description = module.__doc__
            module.arguments(sub)
    return parser


def _version(words: list[str]) -> str:
    if "--version" not in words:
        return ""
    from importlib.metadata import version

    return f"spacecoop {version('spacecoop')}"


def workspace(arguments: argparse.Namespace) -> Workspace:
    """Open the workspace that the command works in; raises UserError where there is none."""
    from spacecoop.workspace import WorkspaceError, find

    try:
        return find(arguments.folder)
    except WorkspaceError as error:
        raise UserError(str(error)) from error


def language(arguments: argparse.Namespace) -> str:
    """Return the language of messages: the one asked for, else the locale's, else English."""
    if arguments.lang:
        return str(arguments.lang)
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "fr" if locale.startswith("fr") else "en"


def progress(done: int, of: int) -> None:
    """Show how far long work has come, on a terminal."""
    if of > 1 and sys.stderr.isatty():
        print(f"\r{done:,} of {of:,} articles", end="\n" if done == of else "", file=sys.stderr, flush=True)
