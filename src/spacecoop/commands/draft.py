"""Propose a fact file for a text: claims with their quotes, parties, times and reasons, for a person to finish.

spacecoop draft texts/mine.txt --url https://… --language fr --published 2026-01-15
                           writes articles/mine.yaml, and what entities/ lacks into drafting/proposed/mine.yaml

spacecoop draft … --review  walks through the candidates first: keep, change, drop; what is dropped is remembered
spacecoop draft … --endpoint http://localhost:11434/v1 --model NAME
                           a model that you run proposes instead, over the chat interface of OpenAI. The text is sent
                           there, and nowhere otherwise. A key is taken from $SPACECOOP_MODEL_KEY.

Then: read and finish the draft (`spacecoop validate articles/mine.yaml` lists what is still owed), delete its line
`draft:`, and run `spacecoop anchor articles/mine.yaml --text texts/mine.txt`. A draft is never published: build
refuses it. The rules are files of the workspace, in drafting/.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.drafting import Draft
    from spacecoop.drafts.candidates import Reading
    from spacecoop.drafts.models import Model
    from spacecoop.drafts.review import Reviewed
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "text", metavar="TEXT", type=Path, help="the article's text, as UTF-8; its name becomes the draft's"
    )
    parser.add_argument("--url", help="the article's address")
    parser.add_argument("--language", required=True, metavar="CODE", help="the text's language: fr, en, zh, …")
    parser.add_argument("--published", type=_day, metavar="DAY", help="the day of publication, such as 2026-01-15")
    parser.add_argument("--publisher", metavar="NAME", help="the publisher, as entities/ name it")
    parser.add_argument("--review", action="store_true", help="walk through the candidates in the terminal first")
    parser.add_argument("--endpoint", metavar="URL", help="let a model propose, asked at this address")
    parser.add_argument("--model", metavar="NAME", help="which model")


def _day(words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{words!r} is no day; write it as 2026-01-15") from error


def run(arguments: argparse.Namespace) -> int:
    """Draft, and say what was proposed."""
    from spacecoop import documents, drafting

    workspace = cli.workspace(arguments)
    language, slug = cli.language(arguments), arguments.text.stem
    target, beside = _targets(arguments, workspace)
    try:
        made = _draft(arguments, workspace)
    except drafting.Refused as error:
        for found in error.findings:
            print(found.line(language), file=sys.stderr)
        return cli.REPAIR
    for found in made.findings:
        print(found.line(language), file=sys.stderr)
    target.parent.mkdir(exist_ok=True)
    documents.save(target, made.source)
    if made.dropped:
        drafting.remember(workspace, slug, made.dropped)
    claims, sentences = len(made.reading.candidates), len(made.reading.sentences)
    cli.say(f"{workspace.name(target)}: {claims} claim{'s' * (claims != 1)} proposed from {sentences} sentences")
    if made.missing is not None:
        beside.parent.mkdir(exist_ok=True)
        documents.save(beside, made.missing)
        cli.say(f"{workspace.name(beside)}: what entities/ lacks")
    return cli.DONE


def _targets(arguments: argparse.Namespace, workspace: Workspace) -> tuple[Path, Path]:
    """Return the two files that may be written; raises UserError where one is there already."""
    from spacecoop import drafting
    from spacecoop.iris import is_iri, is_slug

    slug = arguments.text.stem
    if not is_slug(slug):
        raise cli.UserError(f"{arguments.text}: name it with a-z, 0-9 and hyphens only, such as texts/moon-2019.txt")
    target = workspace.root / "articles" / f"{slug}.yaml"
    beside = workspace.root / drafting.FOLDER / "proposed" / f"{slug}.yaml"
    for one in (target, beside):
        if one.exists():
            raise cli.UserError(f"{workspace.name(one)} is there already, and is left as it is; move it away first")
    if arguments.url is not None and not is_iri(arguments.url):
        raise cli.UserError(f"--url {arguments.url!r} is no address; write it with https://")
    return target, beside


def _draft(arguments: argparse.Namespace, workspace: Workspace) -> Draft:
    """Draft by rules or by a model, with a person's review where it is wanted."""
    from spacecoop import drafting
    from spacecoop.documents import Unreadable
    from spacecoop.drafts import review
    from spacecoop.drafts.models import ModelError
    from spacecoop.drafts.rules import RulesError

    said = arguments.url, arguments.language, arguments.published, arguments.publisher
    language = cli.language(arguments)
    model = _model(arguments)
    try:
        text = drafting.open_text(arguments.folder / arguments.text)
        setup = drafting.set_up(workspace)
        names = sorted(setup.names.things)

        def walk(reading: Reading) -> Reviewed:
            return review.walk(reading, setup.names.things, names, input, language)

        source = drafting.Source(arguments.text.stem, str(arguments.text), text, *said)
        return drafting.draft(setup, source, walk if arguments.review else drafting.everything, model)
    except Unreadable as error:
        raise cli.UserError(error.finding.line(language)) from error
    except RulesError as error:
        raise cli.UserError(str(error)) from error
    except ModelError as error:
        raise cli.UserError(f"the model at {arguments.endpoint}: {error}; nothing was written") from error
    except (review.Left, EOFError) as error:
        raise cli.UserError("the review was left before its end; nothing was written") from error


def _model(arguments: argparse.Namespace) -> Model | None:
    """Return the model that is to be asked, if any."""
    from spacecoop.drafts.models import Model
    from spacecoop.iris import is_iri

    if arguments.endpoint is None and arguments.model is None:
        return None
    if arguments.endpoint is None or arguments.model is None:
        raise cli.UserError("a model needs both --endpoint URL and --model NAME")
    if not is_iri(arguments.endpoint) or not arguments.endpoint.startswith(("http://", "https://")):
        raise cli.UserError(f"--endpoint {arguments.endpoint!r} is no address; write it with http:// or https://")
    return Model(arguments.endpoint, arguments.model, os.environ.get("SPACECOOP_MODEL_KEY"))
