"""Links to Wikidata: check those that stand, look for new ones, decide, freeze, and give back.

  spacecoop links check                       ask Wikidata about each link: is its item there, is it the same thing
  spacecoop links check --offline             ask the snapshot in links/ instead
  spacecoop links suggest                     look for candidates for all entities without a link
  spacecoop links suggest svom id:cnes        look for candidates for some
  spacecoop links accept id:svom Q16677669 --reviewer orcid:0000-0000-0000-0000 --because "the COSPAR id agrees"
  spacecoop links reject id:svom Q3125220 --reviewer spacecoop:team --because "another satellite"
  spacecoop links snapshot                    freeze what Wikidata says of the linked items, for offline use
  spacecoop links quickstatements --dry-run   explain what our claims could add to Wikidata

Links are reviewed lines of links/wikidata.sssom.tsv; candidates wait in links/review/. Nothing is accepted, and nothing
is sent to Wikidata, without a person. An answer that is late, cut off, refused or no answer at all stops the command
and says so; run it again and it goes on from there. Set SPACECOOP_CONTACT to your address: Wikidata asks who asks.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.links.setups import Settings, Setup
    from spacecoop.links.wikidata import Ask

CONFIDENCE = 0.9


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("--endpoint", metavar="URL", help="ask this one (default: [links] endpoint in spacecoop.toml)")

    action = actions.add_parser("check", parents=[asking], help="ask Wikidata about each link")
    action.add_argument("--offline", action="store_true", help="ask the snapshot in links/ instead")
    action.add_argument("--fresh", action="store_true", help="ask again what was answered lately")

    action = actions.add_parser("suggest", parents=[asking], help="look for candidates, and write them for review")
    action.add_argument(
        "entities", nargs="*", metavar="ENTITY", help="such as svom or id:svom (default: all without a link)"
    )
    action.add_argument("--most", type=int, default=5, metavar="N", help="candidates an entity (default: 5)")

    for name, about in (("accept", "make a candidate a link"), ("reject", "keep a candidate as not the same thing")):
        action = actions.add_parser(name, help=about)
        action.add_argument("entity", metavar="ENTITY", help="as in the review file, such as id:svom")
        action.add_argument("item", metavar="ITEM", help="such as Q16677669")
        action.add_argument("--because", required=True, metavar="TEXT", help="the evidence, in a sentence")
        reviewer = os.environ.get("SPACECOOP_REVIEWER")
        text = "who decides, such as orcid:0000-0000-0000-0000, with a prefix of the file (or $SPACECOOP_REVIEWER)"
        action.add_argument("--reviewer", required=reviewer is None, default=reviewer, metavar="NAME", help=text)
        text = f"of the decision, from 0 to 1 (default: {CONFIDENCE})"
        action.add_argument("--confidence", type=float, default=CONFIDENCE, metavar="NUMBER", help=text)
        action.add_argument("--date", metavar="DAY", help="of the decision (default: today)")
        if name == "accept":
            action.add_argument("--predicate", default="", metavar="NAME", help="such as skos:closeMatch")

    actions.add_parser("snapshot", parents=[asking], help="freeze what Wikidata says of the linked items")

    action = actions.add_parser("quickstatements", parents=[asking], help="write what our claims could add to Wikidata")
    action.add_argument("--live", action="store_true", help="ask Wikidata, not the snapshot, what it lacks")
    action.add_argument("--dry-run", action="store_true", help="explain each statement instead of writing it")
    action.add_argument("--output", type=Path, metavar="FILE", help="write to a file (default: the terminal)")


def run(arguments: argparse.Namespace) -> int:
    """Do one action."""
    from spacecoop import linking
    from spacecoop.documents import Unreadable
    from spacecoop.links import setups
    from spacecoop.links.reconciliation import ReconciliationError
    from spacecoop.links.wikidata import IncompleteError, QueryFileError
    from spacecoop.queries.endpoint import EndpointError

    workspace = cli.workspace(arguments)
    try:
        settings = setups.settings(workspace, getattr(arguments, "endpoint", None))
        ask = _asker(settings, workspace.base)
        setup = linking.begin(workspace, settings, ask, cli.progress("items"), time.sleep)
        return ACTIONS[arguments.action](setup, arguments)
    except Unreadable as error:
        raise cli.UserError(error.finding.line(cli.language(arguments))) from error
    except (EndpointError, IncompleteError, ReconciliationError) as error:
        text = f"{error}. What was answered before is kept; nothing is concluded from this. Run it again to go on"
        raise cli.UserError(text) from error
    except (setups.LinksError, QueryFileError) as error:
        raise cli.UserError(str(error)) from error


def _asker(settings: Settings, page: str) -> Ask:
    """Return what asks the endpoint; it is made when it is first asked, so that work offline needs none."""

    def ask(query: str) -> Sequence[Mapping[str, object]]:
        from spacecoop.queries.endpoint import Endpoint, agent

        return Endpoint(settings.endpoint, agent(page), settings.timeout).select(query).rows

    return ask


def check(setup: Setup, arguments: argparse.Namespace) -> int:
    """Print what speaks against each link."""
    from spacecoop import linking
    from spacecoop.findings import is_refusal, tally

    done = linking.check(setup, arguments.fresh, arguments.offline)
    for found in done.findings:
        print(found.line(cli.language(arguments)))
    unknown = f", {done.unknown} not in the snapshot" if done.unknown else ""
    cli.say(f"{done.links} links checked, {done.asked} items asked for now{unknown}: {tally(done.findings)}")
    if done.without:
        cli.say(f"nobody found an item (sssom:NoTermFound): {', '.join(done.without)}")
    return cli.REPAIR if is_refusal(done.findings) else cli.DONE


def suggest(setup: Setup, arguments: argparse.Namespace) -> int:
    """Print the candidates, and where they are."""
    from spacecoop import linking
    from spacecoop.iris import shorten

    done = linking.suggest(setup, arguments.entities, arguments.most)
    prefixes = setup.workspace.prefixes
    for one in done.candidates:
        names = shorten(one.entity.iri, prefixes), shorten(one.item.iri, prefixes)
        cli.say(f"{names[0]}  {names[1]}  {one.score:.2f}  {one.explain()}")
    for name in done.without:
        cli.say(f"{name}  no candidate")
    if done.candidates:
        cli.say(f"written to {done.file}; look at each item, then `spacecoop links accept` or `reject` it")
    return cli.DONE


def decide(setup: Setup, arguments: argparse.Namespace) -> int:
    """Move one candidate into the mapping set."""
    from spacecoop.links import review, setups, wikidata

    accepted = arguments.action == "accept"
    decision = review.Decision(
        subject=arguments.entity,
        object=arguments.item,
        accepted=accepted,
        reviewer=arguments.reviewer,
        because=arguments.because,
        confidence=arguments.confidence,
        date=arguments.date or wikidata.today(),
        predicate=getattr(arguments, "predicate", ""),
    )
    line = review.decide(setup, decision)
    cli.show(f"{setups.FILE}: {' '.join(line.split())}")
    return cli.DONE


def snapshot(setup: Setup, arguments: argparse.Namespace) -> int:  # noqa: ARG001  (all actions are called alike)
    """Print what was frozen."""
    from spacecoop import linking
    from spacecoop.links import setups

    done = linking.freeze(setup)
    manifest = done.snapshot.manifest
    cli.say(f"{setups.SNAPSHOT}: {manifest.statements:,} statements about {manifest.items:,} items, of {manifest.date}")
    if done.gone:
        cli.say(f"not there any more: {', '.join(done.gone)}; see `spacecoop links check`")
    return cli.DONE


def quickstatements(setup: Setup, arguments: argparse.Namespace) -> int:
    """Print or write the commands, or explain them."""
    from spacecoop import documents, linking

    proposals = linking.give_back(setup, arguments.live)
    lines = [one.line for one in proposals if one.proposed]
    explained = [f"{'+' if one.proposed else '-'} {one.reason}" for one in proposals]
    if arguments.dry_run:
        cli.say("\n".join([*explained, f"{len(lines)} of {len(proposals)} statements would be written"]))
        return cli.DONE
    text = "".join(f"{line}\n" for line in lines)
    if arguments.output:
        documents.save(arguments.folder / arguments.output, text)
    else:
        print(text, end="")
    left = len(proposals) - len(lines)
    why = "; --dry-run says why" if left else ""
    cli.say(
        f"{len(lines)} statements to review and run at quickstatements.toolforge.org, {left} left out{why}",
        error=True,
    )
    return cli.DONE


ACTIONS: dict[str, Callable[[Setup, argparse.Namespace], int]] = {
    "check": check,
    "suggest": suggest,
    "accept": decide,
    "reject": decide,
    "snapshot": snapshot,
    "quickstatements": quickstatements,
}
