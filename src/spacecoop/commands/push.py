"""Bring a triple store in step with out/, and prove it: every graph of ours is read back and compared.

  spacecoop push library                    to the store [stores.library] of spacecoop.toml
  spacecoop push http://localhost:7878/     to the store there, if it says what it is; else name it: --dialect oxigraph
  spacecoop push library --dry-run          say what would be sent, and stop
  spacecoop push library --plan plan.json   write that to a file, too
  spacecoop push library --prune            delete graphs of ours that are no longer published
  spacecoop push library --quick            believe the store's own list of what it was sent (docs/stores.md)
  spacecoop push library --verify-only      change nothing; read every graph back and compare it

Only graphs whose IRI begins with the dataset's base IRI are read, changed or deleted. Secrets come from the
environment, netrc or a keyring, as docs/stores.md says. Exit codes: 0 in step; 1 not; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli
from spacecoop.stores.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spacecoop import pushing
    from spacecoop.progress import Progress
    from spacecoop.stores.graphs import Graph
    from spacecoop.stores.graphstore import Store
    from spacecoop.stores.plans import Plan
    from spacecoop.stores.views import View
    from spacecoop.workspace import Workspace

SHOWN = 12
"""How many graphs of each kind a plan shows."""
PATIENCE = 30
"""After how many seconds a log, which is no terminal, is told how far it is."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("target", metavar="TARGET", help="the name of a store in spacecoop.toml, or a URL")
    parser.add_argument("--dialect", choices=tuple(DIALECTS), help="what kind of store it is, where it does not say")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    what.add_argument("--verify-only", action="store_true", help="change nothing; read every graph back and compare it")
    parser.add_argument("--plan", metavar="FILE", type=Path, help="write the plan to a file, as JSON")
    parser.add_argument("--prune", action="store_true", help="delete graphs of ours that are no longer published")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="believe what the store's own list calls unchanged, instead of reading it",
    )
    parser.add_argument("--take-over", action="store_true", help="go on where another push died")


def run(arguments: argparse.Namespace) -> int:
    """Push, or only plan or verify."""
    from spacecoop import pushing
    from spacecoop.stores import graphs, targets
    from spacecoop.stores.connections import StoreError

    workspace = cli.workspace(arguments)
    try:
        ours = None if arguments.quick else graphs.read(workspace)
        target = targets.find(workspace, arguments.target, arguments.dialect)
        if target.recognised:
            cli.say(f"{target.name} is taken for {target.dialect.name} ({target.recognised})", error=True)
        return push(targets.connect(target, workspace.base), workspace, ours, arguments, target.name)
    except pushing.Interrupted as stopped:
        cli.say(f"\nspacecoop push: {stopped}", error=True)
        return cli.INTERRUPTED
    except KeyboardInterrupt:
        cli.say(
            "\nspacecoop push: interrupted while reading; each graph is as it was, or written and proven",
            error=True,
        )
        return cli.INTERRUPTED
    except (targets.TargetError, pushing.Stopped, StoreError, graphs.GraphsError) as error:
        raise cli.UserError(str(error)) from error


def push(
    store: Store,
    workspace: Workspace,
    ours: Mapping[str, Graph] | None,
    arguments: argparse.Namespace,
    name: str,
) -> int:
    """Do what the arguments ask, with graphs of ours or, for a quick push, those that changed; return the exit code."""
    from spacecoop import pushing
    from spacecoop.stores import graphs, leases, views

    if arguments.verify_only:
        return verify(store, graphs.read(workspace) if ours is None else ours)
    if arguments.dry_run:
        return make_plan(store, look(store, workspace, ours, arguments), arguments, name, Clock("read"))[1]
    with leases.hold(store, arguments.take_over) as lease:
        clock = Clock("read")

        def beat(done: int, of: int) -> None:
            lease.renew()
            clock(done, of)

        view = look(store, workspace, ours, arguments)
        lease.renew()
        plan, code = make_plan(store, view, arguments, name, beat)
        if code != cli.DONE:
            return code
        report = pushing.apply(store, view.ours, plan, lease, Clock("sent and proven"))
        if not plan.in_step:  # the plan has counted what it keeps
            pushing.recount(store, view.ours, report, alone=view.partial)
        if not report.differences and not plan.having("stale"):
            lease.renew()
            views.settle(store, workspace, view, len(plan.having("add")) - report.deleted)
        return summary(report, view.ours, view)


def look(store: Store, workspace: Workspace, ours: Mapping[str, Graph] | None, arguments: argparse.Namespace) -> View:
    """Return what is looked at: of a quick push, whose plan nobody wants whole, what changed since the last."""
    from spacecoop.stores import graphs, views

    view = views.glance(store, workspace) if arguments.quick and not arguments.plan else None
    return view or views.look(store, graphs.read(workspace) if ours is None else ours)


def make_plan(
    store: Store, view: View, arguments: argparse.Namespace, name: str, progress: Progress
) -> tuple[Plan, int]:
    """Make and print the plan; the exit code is not 0 where the store would not keep what it says."""
    from spacecoop.stores import plans

    plan = plans.plan(store, view, arguments.prune, arguments.quick, progress)
    cli.say(table(plan, name, view.left["graphs"]))
    if arguments.plan:
        data = {"store": name, "steps": [step._asdict() for step in plan.steps], "lost": list(plan.lost)}
        path = arguments.folder / arguments.plan
        try:
            path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")
        except OSError as error:
            raise cli.UserError(f"--plan {arguments.plan}: {error.strerror}; nothing was sent") from error
    if not plan.lost:
        return plan, cli.DONE
    cli.say(f"nothing is sent: this kind of store ({store.dialect.name}) does not keep", error=True)
    cli.say("\n".join(f"  {line}" for line in plan.lost), error=True)
    return plan, cli.REPAIR


def table(plan: Plan, name: str, left: int = 0) -> str:
    """Return a plan as lines: what is done with how many graphs, and which; *left* more are unchanged."""
    from spacecoop.stores.plans import ACTIONS

    lines = [f"plan for {name}:"]
    for action, words in ACTIONS.items():
        steps = plan.having(action)
        number = len(steps) + left * (action == "keep")
        if not number:
            continue
        plus, minus = sum(step.insert for step in steps), sum(step.delete for step in steps)
        change = f" (+{plus:,} -{minus:,} triples)" if plus or minus else ""
        lines.append(f"{number:>8,} {_graphs(number)} {words}{change}")
        if action != "keep":
            lines += [f"           <{step.graph}> +{step.insert:,} -{step.delete:,}" for step in steps[:SHOWN]]
            lines += [f"           ... and {len(steps) - SHOWN:,} more"] * (len(steps) > SHOWN)
    return "\n".join(lines)


def _graphs(number: int) -> str:
    return "graph" if number == 1 else "graphs"


def verify(store: Store, ours: Mapping[str, Graph]) -> int:
    """Read every graph back, and say what came of it."""
    from spacecoop import pushing

    report = pushing.Report()
    for graph in pushing.verify(store, ours, report, Clock("read")):
        cli.say(f"stale: <{graph}> is ours, but no longer published; --prune deletes it")
    return summary(report, ours)


def summary(report: pushing.Report, ours: Mapping[str, Graph], view: View | None = None) -> int:
    """Print what was done and proven; return the exit code."""
    if report.written or report.deleted:
        cli.say(
            f"written: {report.written:,} {_graphs(report.written)} of {report.sent:,} triples;"
            f" deleted: {report.deleted:,} {_graphs(report.deleted)}"
        )
    wrong = {found.graph for found in report.differences}
    read, counted = report.read - wrong, report.counted - report.read - wrong
    triples = sum(ours[iri].statements for iri in read | counted)
    cli.say(
        f"proven: {len(read) + len(counted):,} of {len(ours):,} {_graphs(len(ours))} ({triples:,} triples):"
        f" {len(read):,} read whole and compared, {len(counted):,} only counted"
    )
    if view and view.partial:
        graphs, triples = view.left["graphs"], view.left["triples"]
        cli.say(f"believed: {graphs:,} {_graphs(graphs)} ({triples:,} triples), as the last push left them")
    for words, number in sorted(report.respelled.items()):
        cli.say(f"note: the store writes {number:,} values in another way: {words}")
    for difference in report.differences:
        cli.say(f"error: {difference}")
    if report.differences:
        cli.say(
            f"{len(wrong):,} {_graphs(len(wrong))} differ{'s' * (len(wrong) == 1)}; a push mends that",
            error=True,
        )
        return cli.REPAIR
    return cli.DONE


class Clock:
    """Shows how far it is, how fast, and how long it will take: at once on a terminal, each half minute in a log."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = self._said = time.monotonic()
        self._bar = cli.progress(f"triples {what}")

    def __call__(self, done: int, of: int) -> None:
        """Show it."""
        now = time.monotonic()
        if sys.stderr.isatty():
            self._bar(done, of)
            return
        if not of or now - self._said <= PATIENCE:
            return
        self._said = now
        rate = done / max(now - self._begun, 0.001)
        left = f", {(of - done) / rate:,.0f} s left" if rate else ""
        cli.say(f"{done:,} of {of:,} triples {self._what}, {rate:,.0f} a second{left}", error=True)
