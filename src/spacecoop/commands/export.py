"""Write the dataset in one syntax, for other tools and for the bulk loaders of triple stores.

  spacecoop export                                       N-Quads, to the standard output
  spacecoop export --format trig -o dataset.trig
  spacecoop export --format nquads --gzip -o dataset.nq.gz
  spacecoop export --gzip --split 1000000 -o load/       parts of at most a million statements, in a folder

The same dataset gives the same bytes. Turtle and N-Triples have the triples without their graphs. Jelly, a binary
syntax, needs the extra: pip install 'spacecoop[jelly]'.
docs/stores.md says how each store loads such files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from spacecoop import cli

FORMATS = ("nquads", "trig", "turtle", "jsonld", "ntriples", "jelly")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--format", choices=FORMATS, default="nquads", help="the syntax (default: nquads)")
    parser.add_argument("--gzip", action="store_true", help="pack it")
    parser.add_argument("--split", type=count, metavar="N", help="at most N statements a file; -o is a folder then")
    parser.add_argument(
        "-o", dest="place", type=Path, metavar="FILE|DIR", help="where to (default: the standard output)"
    )


def count(text: str) -> int:
    """Read a number of statements, which is 1 or more."""
    number = int(text.replace("_", ""))
    if number < 1:
        raise ValueError
    return number


def run(arguments: argparse.Namespace) -> int:
    """Export."""
    from spacecoop.stores import exports

    workspace = cli.workspace(arguments)
    form = exports.Form(exports.FORMATS[arguments.format], arguments.gzip, arguments.split)
    try:
        if arguments.place is not None:
            place = (arguments.folder / arguments.place).absolute()
            if place.is_dir() != bool(form.split) and place.exists():
                raise cli.UserError(f"-o {arguments.place}: a folder goes with --split, a file without")
            written = exports.write(workspace, form, place)
            cli.say(
                f"wrote {len(written)} file{'s' * (len(written) != 1)}: {written[0] if written else 'nothing'}",
                error=True,
            )
            return cli.DONE
        if form.split:
            raise cli.UserError("--split writes several files; say into which folder with -o DIR")
        with tempfile.TemporaryDirectory() as scratch:
            exports.send(workspace, form, sys.stdout.buffer, Path(scratch))
    except exports.ExportError as error:
        raise cli.UserError(str(error)) from error
    return cli.DONE
