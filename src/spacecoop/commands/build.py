"""Publish the workspace: articles, entities and links become validated linked data in out/.

spacecoop build            write out/, or print every reason why not and leave it untouched
spacecoop build --check    write nothing; exit with 1 when out/ is not what the sources give
spacecoop build --no-site  write the data alone, without the pages that people read
spacecoop build --on local[4]    have Apache Spark do the work on the articles; also spark://host:7077, yarn, k8s://…
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from posixpath import normpath
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.folders import Holder
    from spacecoop.publish import Published
    from spacecoop.work import Run
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--check", action="store_true", help="write nothing; say which files of out/ are out of date")
    parser.add_argument(
        "--engine", choices=("fast", "pyshacl", "both"), default="fast", help="what validates (default: fast)"
    )
    parser.add_argument("--no-site", action="store_true", help="write the data alone, without pages for people")
    parser.add_argument("--no-cache", action="store_true", help="do not believe what was found out before")
    cli.offer_spark(parser)
    parser.add_argument("--to", metavar="PATH", help="write the files of out/ there too, by any path that Spark writes")


def run(arguments: argparse.Namespace) -> int:
    """Publish, or check; and send what was published where it is wanted too."""
    runner = cli.runner(arguments)
    with cli.opened(arguments) as (workspace, context):
        code = build(arguments, workspace, runner)
        if arguments.to is not None and not arguments.check and code == cli.DONE:
            from spacecoop import remote

            sent = remote.send(context, workspace.out, arguments.to)
            print(tell_sent(sent, arguments.to, cli.language(arguments)))
    return code


def build(arguments: argparse.Namespace, workspace: Workspace, runner: Run | None) -> int:
    """Publish a workspace, or check it."""
    from spacecoop import publish
    from spacecoop.documents import Unreadable
    from spacecoop.findings import tally

    language, pages = cli.language(arguments), not arguments.no_site
    try:
        if arguments.check:
            stale = publish.check(workspace, arguments.engine, cli.progress("articles"), pages, runner)
            cli.show("\n".join(tell_check(stale, len(publish.find_absent(workspace)), language)))
            return cli.REPAIR if stale else cli.DONE
        waiting = partial(tell_wait, language)
        done = publish.publish(
            workspace=workspace,
            engine=arguments.engine,
            progress=cli.progress("articles"),
            cached=not arguments.no_cache,
            waiting=waiting,
            pages=pages,
            run=runner,
        )
    except publish.Rejected as rejected:
        for found in rejected.findings:
            print(found.line(language))
        cli.say(f"nothing was published, out/ is as it was: {tally(rejected.findings)}", error=True)
        return cli.REPAIR
    except Unreadable as error:
        raise cli.UserError(error.finding.line(language)) from error
    for found in done.findings:
        print(found.line(language))
    for line in summary(done).split("\n"):
        cli.say(line)
    return cli.DONE


def tell_sent(sent: int, place: str, language: str) -> str:
    """Say what was written elsewhere."""
    from spacecoop.messages import Words

    return Words("{} changed files written to {}", sent, place).text(language)


def tell_check(stale: list[str], absent: int, language: str) -> list[str]:
    """Return what a check found, a line each."""
    from spacecoop.messages import Words

    proven = "out/ is up to date; {} of its files are not here, and their digests in the manifest are right"
    right = Words(proven, absent) if absent else Words("out/ is up to date")
    wrong = [Words("{} is not what the sources give", normpath(f"out/{path}")) for path in stale]
    return [one.text(language) for one in wrong or [right]]


def tell_wait(language: str, holder: Holder) -> None:
    """Say whom this build waits for."""
    from spacecoop.messages import Words

    said = "another build is at work here (process {}, on {}, since {}); waiting for it"
    text = Words(said, str(holder.process), holder.host, holder.since).text(language)
    print(text, file=sys.stderr, flush=True)


def summary(done: Published) -> str:
    """Return a short table of what was written for the whole dataset."""
    rows = [one for one in done.files if one.path.startswith("dataset.") and not one.path.endswith(".gz")]
    lines = [f"{one.path:16} {one.statements:>9,} statements {one.bytes:>11,} bytes" for one in rows]
    count = f"{done.articles} article{'s' * (done.articles != 1)}"
    return "\n".join([f"published {count} in {len(done.files)} files:", *lines])
