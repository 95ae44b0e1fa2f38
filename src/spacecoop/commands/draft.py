"""Propose a fact file for a text: claims with their quotes, parties, times and reasons, for a person to finish.

spacecoop draft texts/mine.txt --url https://… --language fr --published 2026-01-15
                           writes articles/mine.yaml, and what entities/ lacks into drafting/proposed/mine.yaml

Then: read and finish the draft (`spacecoop validate articles/mine.yaml` lists what is still owed), delete its line
`draft:`, and run `spacecoop anchor articles/mine.yaml --text texts/mine.txt`. A draft is never published: build
refuses it. The rules are files of the workspace, in drafting/.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from spacecoop import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "text", metavar="TEXT", type=Path, help="the article's text, as UTF-8; its name becomes the draft's"
    )
    parser.add_argument("--url", help="the article's address")
    parser.add_argument("--language", required=True, metavar="CODE", help="the text's language: fr, en, zh, …")
    parser.add_argument("--published", type=_day, metavar="DAY", help="the day of publication, such as 2026-01-15")
    parser.add_argument("--publisher", metavar="NAME", help="the publisher, as entities/ name it")


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{words!r} is no day; write it as 2026-01-15") from error


def run(arguments: argparse.Namespace) -> int:
    """Draft, and say what was proposed."""
    from spacecoop import documents, drafting
    from spacecoop.documents import Unreadable
    from spacecoop.drafts.rules import RulesError
    from spacecoop.iris import is_iri, is_slug

    workspace = cli.workspace(arguments)
    path = arguments.folder / arguments.text
    slug, language = arguments.text.stem, cli.language(arguments)
    target = workspace.root / "articles" / f"{slug}.yaml"
    beside = workspace.root / drafting.FOLDER / "proposed" / f"{slug}.yaml"
    if not is_slug(slug):
        raise cli.UserError(
            f"{arguments.text}: name the text with a-z, 0-9 and hyphens only, such as texts/moon-2019.txt"
        )
    for one in (target, beside):
        if one.exists():
            raise cli.UserError(f"{workspace.name(one)} is there already, and is left as it is; move it away first")
    if arguments.url is not None and not is_iri(arguments.url):
        raise cli.UserError(f"--url {arguments.url!r} is no address; write it with https://")
    try:
        text = drafting.open_text(path)
        source = drafting.Source(
            slug, str(arguments.text), text, arguments.url, arguments.language, arguments.published, arguments.publisher
        )
        made = drafting.draft(drafting.set_up(workspace), source)
    except Unreadable as error:
        raise cli.UserError(error.finding.line(language)) from error
    except RulesError as error:
        raise cli.UserError(str(error)) from error
    except drafting.Refused as error:
        for found in error.findings:
            print(found.line(language), file=sys.stderr)
        return cli.REPAIR
    for found in made.findings:
        print(found.line(language), file=sys.stderr)
    target.parent.mkdir(exist_ok=True)
    documents.save(target, made.source)
    claims = len(made.reading.candidates)
    print(
        f"{workspace.name(target)}: {claims} claim{'s' * (claims != 1)} proposed "
        f"from {len(made.reading.sentences)} sentences"
    )
    if made.missing is not None:
        beside.parent.mkdir(exist_ok=True)
        documents.save(beside, made.missing)
        print(f"{workspace.name(beside)}: what entities/ lacks")
    return cli.DONE
