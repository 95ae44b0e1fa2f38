"""Delete what builds kept in .cache/ to be faster; out/ and all that you wrote stay.

spacecoop clean            what the next build makes again, from your files
spacecoop clean --all      also what was fetched: answers of Wikidata, the aggregators' rules, JavaScript libraries
"""

from __future__ import annotations

import argparse

from spacecoop import cli

MADE = (
    "archives",
    "articles",
    "bulk",
    "comparisons",
    "dumps",
    "feed",
    "graphs.json",
    "pages",
    "pushed",
    "standing",
    "twins",
)
FETCHED = ("assets", "links", "rules")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--all", action="store_true", help="delete also what was fetched from the web")


def run(arguments: argparse.Namespace) -> int:
    """Clean, unless a build is at work: it is waited for."""
    from spacecoop import cache, folders
    from spacecoop.documents import Unreadable
    from spacecoop.messages import Words

    workspace, language = cli.workspace(arguments), cli.language(arguments)
    kept = workspace.root / ".cache"
    freed = 0
    try:
        if kept.is_dir():
            with folders.hold(kept / "build.lock"):
                freed = cache.clear(kept, [*MADE, *(FETCHED if arguments.all else ())])
    except Unreadable as error:
        raise cli.UserError(error.finding.line(language)) from error
    except OSError as error:
        raise cli.UserError(f"{error.filename or kept}: {error.strerror or error}") from error
    said = Words("freed {} bytes in .cache/", freed) if freed else Words("nothing to delete in .cache/")
    print(said.text(language))
    return cli.DONE
