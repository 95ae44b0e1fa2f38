"""Replace quotes in a fact file by their place and digest in the private text; or check those that stand.

While a claim is being written it may carry the passage it rests on:

  claims:
    - id: this:claim-1
      quote: "the passage, copied from the text"

  spacecoop anchor articles/mine.yaml --text mine.txt    finds each quote in the text, and writes instead of it
                                                         where it stands: its sentence, its first and last code
                                                         point, and the SHA-256 of its words; says which text it
                                                         is, and moves the anchors that stand when it has changed
  spacecoop anchor --check --texts DIR                   recomputes every anchor whose text is in DIR

The words of a text stay with their owner: they are never published, nor copied into the workspace.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.facts.texts import Text
    from spacecoop.findings import Finding
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path, help="fact files (with --check: all by default)")
    parser.add_argument("--text", type=Path, metavar="TEXT", help="the article's text, as UTF-8")
    parser.add_argument("--check", action="store_true", help="write nothing; recompute the anchors that stand")
    texts = os.environ.get("SPACECOOP_TEXTS", "texts")
    text = f"folder of private texts (default: {texts}/, which $SPACECOOP_TEXTS can change)"
    parser.add_argument("--texts", type=Path, metavar="DIR", default=Path(texts), help=text)


def run(arguments: argparse.Namespace) -> int:
    """Anchor, or check."""
    from spacecoop.documents import Unreadable

    workspace = cli.workspace(arguments)
    files = [(arguments.folder / path).absolute() for path in arguments.files]
    try:
        if arguments.check:
            return check(arguments, workspace, files)
        if not files or arguments.text is None:
            raise cli.UserError("say which FILE, and --text TEXT; or --check. See spacecoop anchor --help")
        return anchor(arguments, workspace, files)
    except Unreadable as error:
        raise cli.UserError(error.finding.line(cli.language(arguments))) from error


def anchor(arguments: argparse.Namespace, workspace: Workspace, files: list[Path]) -> int:
    """Replace the quotes of each file; a file in which one cannot be found stays as it is."""
    from spacecoop import documents
    from spacecoop.facts import quotes, texts
    from spacecoop.findings import is_refusal

    text = texts.read(arguments.folder / arguments.text)
    settings = workspace.settings.get("evidence", {})
    if not {"key", "fields"} <= settings.keys():
        raise cli.UserError("spacecoop.toml does not say how an anchor is written; add [evidence] with key and fields")
    form = quotes.Form(**{name: settings[name] for name in quotes.Form.__match_args__ if name in settings})
    failed = False
    for path in files:
        name = workspace.name(path)
        data = documents.load(path, name)
        source, document = documents.decode(data, name), documents.read(data, name)
        own = replace(text, language=quotes.language(document, form))
        done = quotes.anchor(source, document, own, form)
        for found in done.findings:
            print(found.line(cli.language(arguments)))
        failed |= is_refusal(done.findings)
        if done.source != source:
            documents.save(path, done.source)
        if done.source != source or not is_refusal(done.findings):
            cli.say(f"{name}: {done.replaced} quote{'s' * (done.replaced != 1)} replaced")
    return cli.REPAIR if failed else cli.DONE


def check(arguments: argparse.Namespace, workspace: Workspace, files: list[Path]) -> int:
    """Recompute anchors, and say how many."""
    from spacecoop import reach, shared, work
    from spacecoop.facts import evidence
    from spacecoop.findings import is_refusal

    common = shared.load(workspace)
    texts = _texts(arguments, workspace, files)
    anchors = workspace.root / "queries" / "check" / "anchors.rq"
    if not anchors.is_file():
        raise cli.UserError(f"{workspace.name(anchors)} is not there; it says what an anchor is in this vocabulary")
    try:
        query = reach.stay(workspace.text(anchors))
    except reach.QueryError as error:
        raise cli.UserError(f"{workspace.name(anchors)}: {error}") from error
    checked = skipped = differing = 0
    findings: list[Finding] = []
    for path in files or work.paths(workspace):
        article = work.describe(common, path)
        try:
            result = evidence.check(article.quads, article.places, query, texts)
        except reach.QueryError as error:
            raise cli.UserError(f"{workspace.name(anchors)}: {error}") from error
        checked, skipped = checked + result.checked, skipped + result.skipped
        differing += result.differing
        findings += result.findings
    for found in findings:
        print(found.line(cli.language(arguments)))
    cli.say(f"{checked} anchors checked, {differing} differ, {skipped} skipped (their text is not at hand)")
    return cli.REPAIR if is_refusal(findings) else cli.DONE


def _texts(arguments: argparse.Namespace, workspace: Workspace, files: list[Path]) -> list[Text]:
    """Return the texts at hand: those of the folder, and the one that is said to be that of the one file."""
    from spacecoop.facts import texts

    if arguments.text is None:
        return [texts.read(path) for path in sorted((workspace.root / arguments.texts).glob("*.txt"))]
    if len(files) != 1:
        raise cli.UserError("--check with --text TEXT takes the one FILE whose text it is")
    return [replace(texts.read(arguments.folder / arguments.text), name=files[0].stem)]
