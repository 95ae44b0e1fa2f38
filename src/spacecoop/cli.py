"""The door: parses the command line, calls one function, prints what comes back."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from spacecoop.progress import Bar
    from spacecoop.work import Run
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
    "stories": "list what several articles tell of; suggest and decide joins",
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


_spoken: ContextVar[str] = ContextVar("the language of messages", default="en")


class UserError(Exception):
    """Something for the user to repair; the message says what, where and what would help."""


class Parser(argparse.ArgumentParser):
    """Reads the command line, and says what is wrong with it in the user's language."""

    def error(self, message: str) -> NoReturn:
        """End with what is wrong."""
        from spacecoop.findings import visible
        from spacecoop.messages import translate

        spoken = _spoken.get()
        usage = self.format_usage()
        if spoken != "en":
            usage = usage.replace("usage: ", translate("usage: ", spoken), 1)
        sys.stderr.write(usage)
        self.exit(USAGE, f"{self.prog}: {translate('error', spoken)}: {visible(translate(message, spoken))}\n")


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit code. Whatever goes wrong ends here, and is told in a line."""
    words = sys.argv[1:] if argv is None else argv
    _open_what_is_closed()
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _tell(words, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has enough
        _let_go_of_output()
        return DONE
    except OSError as error:
        from spacecoop.findings import visible

        where = f"{visible(str(error.filename))}: " if error.filename is not None else ""
        said = f"{where}{error.strerror or error}"
        _tell(words, "full" if error.errno in _FULL or "(os error 28)" in said else "world", said)
        _let_go_of_output()
        return REPAIR
    except Exception as error:  # the last resort: what nobody foresaw
        return _give_up(words, error)
    return code


def _open_what_is_closed() -> None:
    """Have a standard stream that the caller closed lead nowhere: a file that is opened would take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  (open to the end)


def _run(words: list[str]) -> int:
    _spoken.set(_language_of(words))
    parser = _parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help()
        return USAGE
    command = importlib.import_module(f"spacecoop.commands.{arguments.command}")
    try:
        return int(command.run(arguments))
    except UserError as error:
        _close_bars()
        print(f"spacecoop {arguments.command}: ", end="", file=sys.stderr)
        say(str(error), error=True)
        return REPAIR
    finally:
        _close_bars()


_FULL = (errno.ENOSPC, errno.EDQUOT)
_TOLD = {
    "interrupted": "interrupted; nothing was left half-written",
    "world": "{}",
    "full": "{}: what was there before is as it was; make room, for example by `spacecoop clean`",
    "fault": "this is a fault of the program, not yours: {}; please report it with the command that you gave "
    "(SPACECOOP_DEBUG=1 shows where it happened)",
}


def say(message: str, end: str = "\n", error: bool = False) -> None:
    """Print a message in the user's language, for people only: on standard output, or where errors go."""
    from spacecoop.findings import visible
    from spacecoop.messages import translate

    print(visible(translate(message, _spoken.get())), end=end, file=sys.stderr if error else sys.stdout, flush=error)


def show(text: str) -> None:
    """Print what is for people, and may hold words of files, as a terminal can show it."""
    from spacecoop.findings import visible

    print(visible(text))


def _close_bars() -> None:
    """Take away what shows how far work has come, where something is shown."""
    if shown := sys.modules.get("spacecoop.progress"):
        shown.close()


def _tell(words: list[str], key: str, *values: str) -> None:
    """Print one line about how a command ended, on standard error, where somebody still reads it."""
    _close_bars()
    command = next((word for word in words if word in COMMANDS), "")
    from spacecoop.messages import Words, translate

    language = _language_of(words)
    text = Words(_TOLD[key], *(translate(value, language) for value in values)).text(language)
    start = "\n" if key == "interrupted" else ""
    with contextlib.suppress(OSError):
        print(f"{start}spacecoop{' ' * bool(command)}{command}: {text}", file=sys.stderr, flush=True)


def _give_up(words: list[str], error: Exception) -> int:
    """End with what a user can repair as such, and with anything else as a fault of the program."""
    from spacecoop.documents import Unreadable
    from spacecoop.findings import visible
    from spacecoop.reach import QueryError
    from spacecoop.remote import RemoteError
    from spacecoop.spark import SparkError
    from spacecoop.workspace import WorkspaceError

    if os.environ.get("SPACECOOP_DEBUG"):
        raise error
    if isinstance(error, Unreadable | WorkspaceError):
        findings = [error.finding] if isinstance(error, Unreadable) else error.findings
        _tell(words, "world", "\n".join(found.line(_language_of(words)) for found in findings))
    elif isinstance(
        error, QueryError | RemoteError | SparkError
    ):  # a query of the workspace, wherever it was needed; or no Spark
        _tell(words, "world", visible(str(error)))
    else:
        _tell(words, "fault", visible(" ".join(f"{type(error).__name__}: {error}".split())[:400]))
    return REPAIR


def _let_go_of_output() -> None:
    """Have what is still to be written go nowhere: the interpreter would try again, and complain."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
            continue
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that is called is loaded."""
    from spacecoop.messages import languages

    form = argparse.RawDescriptionHelpFormatter
    parser = Parser("spacecoop", description=ABOUT, epilog=FIRST_STEPS, formatter_class=form)
    parser.add_argument("--version", action="version", version=_version(words))
    parser.add_argument("-C", dest="folder", metavar="DIR", type=Path, default=Path(), help="work in this folder")
    parser.add_argument(
        "--lang", choices=languages(), default=None, help="language of messages (default: the locale's)"
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
    from spacecoop.findings import choose_text
    from spacecoop.workspace import WorkspaceError, find

    try:
        return find(arguments.folder)
    except WorkspaceError as error:
        spoken = language(arguments)
        nowhere = [found for found in error.findings if found.rule == "no-workspace"]  # it has no place
        lines = [f"{choose_text(found.message, spoken)}; {choose_text(found.help, spoken)}" for found in nowhere]
        lines = lines or [found.line(spoken) for found in error.findings]
        raise UserError("\n".join(lines if len(lines) == 1 else ["", *lines])) from error


def offer_spark(parser: argparse.ArgumentParser) -> None:
    """Let a command's work on articles be done by Apache Spark."""
    parser.add_argument("--on", metavar="MASTER", help="have Apache Spark do it, such as local[4] or spark://host:7077")
    parser.add_argument("--partitions", metavar="N", type=int, help="in how many tasks Spark does it (default: enough)")
    parser.add_argument(
        "--articles",
        metavar="PATH",
        action="append",
        default=[],
        help="read archives there too: a file or folder of .jsonl, .jsonl.gz or .parquet, by any path that Spark reads",
    )
    parser.set_defaults(wrong=parser.error, to=None)


def runner(arguments: argparse.Namespace) -> Run | None:
    """Return what does the work on articles, where Spark was asked for; raises SparkError where it is not there."""
    if arguments.on is None:
        return None
    from spacecoop import spark

    return spark.runs_on(arguments.on, arguments.partitions and max(1, arguments.partitions))


@contextlib.contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[tuple[Workspace, Any]]:
    """Give the workspace, with the archives that lie elsewhere, and Spark's context where one is asked for paths."""
    place = workspace(arguments)
    if not arguments.articles and arguments.to is None:
        yield place, None
        return
    if arguments.on is None:
        arguments.wrong("--articles and --to go through Apache Spark: say which by --on, such as local[2]")
    from spacecoop import remote, spark
    from spacecoop.facts import bulk

    with spark.session(arguments.on) as context:
        folder = place.root / ".cache" / "archives"
        archives = remote.fetch(context, arguments.articles, bulk.ENDINGS, folder) if arguments.articles else {}
        yield replace(place, archives=archives), context


def language(arguments: argparse.Namespace) -> str:
    """Return the language of messages: the one asked for, else the locale's, else English."""
    return choose_language(arguments.lang)


def _language_of(words: list[str]) -> str:
    """Return the language of messages where the command line could not be read to its end."""
    return choose_language(next((after for word, after in pairwise(words) if word == "--lang"), None))


def choose_language(asked: str | None) -> str:
    """Return the language asked for, else the locale's, else English."""
    from spacecoop.messages import ENGLISH, languages

    if asked in languages():
        return str(asked)
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    spoken = locale.replace("-", "_").replace(".", "_").partition("_")[0]
    return spoken if spoken in languages() else ENGLISH


def progress(noun: str) -> Bar:
    """Return what shows how many things of a kind are done, on a terminal, with the rate and the time left."""
    from spacecoop.messages import translate
    from spacecoop.progress import Bar

    return Bar(noun, lambda text: translate(text, _spoken.get()))
