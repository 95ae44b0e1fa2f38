"""Say what each aggregator would say of the dataset in out/, before it does; most of them reject without a word.

  spacecoop preflight                        all of them
  spacecoop preflight --for lod-cloud        one of them
  spacecoop preflight --update-rules         fetch the aggregators' own SHACL first, from GitHub, at commits we know
  spacecoop preflight --for dcat-ap --shapes de.ttl
                                             judge by a SHACL file of yours too, such as a national profile
  spacecoop preflight --format markdown      for a pull request or an issue

Each rule passes, warns or fails; what only the live web can tell is "not checked here". Exits with 1 where one fails.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.preflight.judging import Verdict


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    from spacecoop.preflight.rulebooks import AGGREGATORS, GITHUB, PATIENCE

    parser.add_argument(
        "--for",
        dest="aggregators",
        action="append",
        choices=(*AGGREGATORS, "all"),
        help="which aggregator (default: all)",
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="how it is written (default: text)")
    parser.add_argument("--failed", action="store_true", help="leave out what passes")
    parser.add_argument(
        "--update-rules", action="store_true", help="fetch the aggregators' own rules into .cache/rules/"
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PLACE",
        default=GITHUB,
        help="take them from below this folder or address, laid out as owner/name/commit/path (default: GitHub)",
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=PATIENCE, help="for each file (default: %(default)g)"
    )
    parser.add_argument(
        "--shapes",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="judge by this SHACL as well; say with --for what it looks at",
    )


def run(arguments: argparse.Namespace) -> int:
    """Fetch the rules where asked; judge, and print."""
    from spacecoop.preflight import judging, rulebooks
    from spacecoop.preflight.inspections import NotBuilt
    from spacecoop.preflight.judging import BadShapes, Outcome
    from spacecoop.preflight.rulebooks import AGGREGATORS, NotFetched

    workspace, language = cli.workspace(arguments), cli.language(arguments)
    asked = arguments.aggregators or ["all"]
    aggregators = AGGREGATORS if "all" in asked else tuple(one for one in AGGREGATORS if one in asked)
    if arguments.shapes and len(aggregators) > 1:
        raise cli.UserError("say what --shapes is to look at, such as --for dcat-ap")
    try:
        if arguments.update_rules:
            remote = arguments.source.startswith(("http://", "https://"))
            source = arguments.source if remote else str(arguments.folder / arguments.source)
            fetched = rulebooks.update(workspace, aggregators, source, arguments.timeout)
            cli.say(f"fetched {len(fetched)} rule files into .cache/rules/", error=True)
        verdicts = list(judging.judge(workspace, aggregators, [arguments.folder / one for one in arguments.shapes]))
    except NotFetched as error:
        raise cli.UserError(f"the rules cannot be fetched: {error}; those in .cache/rules/ stay as they are") from error
    except NotBuilt as error:
        raise cli.UserError(f"{error}; run `spacecoop build` first") from error
    except BadShapes as error:
        raise cli.UserError(str(error)) from error
    shown = [one for one in verdicts if not arguments.failed or one.outcome is not Outcome.PASS]
    print(FORMATS[arguments.format](shown, language))
    if arguments.format == "text":
        counts = Counter(one.outcome for one in verdicts)
        told = [outcome for outcome in Outcome if counts[outcome] or outcome is not Outcome.ELSEWHERE]
        print(", ".join(f"{counts[outcome]} {outcome.value}" for outcome in told))
    return cli.REPAIR if any(one.outcome is Outcome.FAIL for one in verdicts) else cli.DONE


def text(verdicts: Sequence[Verdict], language: str) -> str:
    """Return a line for each rule, and what is wrong and would help below it."""
    from spacecoop.findings import choose_text

    lines = []
    title = None
    for one in verdicts:
        if one.aggregator != title:
            title = one.aggregator
            lines.append(f"{title} ({one.source})")
        lines.append(f"  {one.outcome.value}: {choose_text(one.says, language)} [{one.rule}]")
        if one.outcome.value != "pass":
            lines += [f"      {found}" for found in one.found]
            lines += [f"      -> {choose_text(one.fix, language)}"] if one.fix else []
    return "\n".join(lines)


def as_json(verdicts: Sequence[Verdict], language: str) -> str:
    """Return a list of objects."""
    from spacecoop.findings import choose_text

    rows: list[dict[str, Any]] = [
        {
            "aggregator": one.aggregator,
            "rule": one.rule,
            "outcome": one.outcome.value,
            "says": choose_text(one.says, language),
            "found": list(one.found),
            "fix": choose_text(one.fix, language),
            "source": one.source,
        }
        for one in verdicts
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def markdown(verdicts: Sequence[Verdict], language: str) -> str:
    """Return a table."""
    from spacecoop.findings import choose_text

    lines = ["| rule | outcome | what it wants | found | what would help |", "|---|---|---|---|---|"]
    for one in verdicts:
        good = one.outcome.value == "pass"
        cells = [
            one.rule,
            one.outcome.value,
            choose_text(one.says, language),
            "; ".join(one.found),
            "" if good else choose_text(one.fix, language),
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


FORMATS = {"text": text, "json": as_json, "markdown": markdown}
