"""Bring a triple store in step with out/, and prove it: every graph that is sent is read back and compared.

  spacecoop push library                    to the store [stores.library] of spacecoop.toml
  spacecoop push http://localhost:7878/ --dialect oxigraph
  spacecoop push library --dry-run          say what would be sent, and stop
  spacecoop push library --plan plan.json   write that to a file, too
  spacecoop push library --prune            delete graphs of ours that are no longer published
  spacecoop push library --verify-only      change nothing; read every graph back and compare it

Only graphs whose IRI begins with the dataset's base IRI are read, changed or deleted. Secrets come from the
environment, netrc or a keyring, as docs/stores.md says. Exit codes: 0 in step; 1 not; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli
from spacecoop.dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spacecoop import stores
    from spacecoop.graphs import Graph
    from spacecoop.graphstore import Store

SHOWN = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "target", metavar="TARGET", help="the name of a store in spacecoop.toml, or a URL with --dialect"
    )
    parser.add_argument("--dialect", choices=tuple(DIALECTS), help="what kind of store it is")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    what.add_argument("--verify-only", action="store_true", help="change nothing; read every graph back and compare it")
    parser.add_argument("--plan", metavar="FILE", type=Path, help="write the plan to a file, as JSON")
    parser.add_argument("--prune", action="store_true", help="delete graphs of ours that are no longer published")
    parser.add_argument("--verify", action="store_true", help="read back the unchanged graphs, too")
    parser.add_argument("--take-over", action="store_true", help="go on where another push died")


def run(arguments: argparse.Namespace) -> int:
    """Push, or only plan or verify."""
    from spacecoop import graphs, stores
    from spacecoop.graphstore import StoreError

    workspace = cli.workspace(arguments)
    try:
        ours = graphs.read(workspace)
        target = stores.target(workspace, arguments.target, arguments.dialect)
        return worked(stores.connect(target, workspace.base), ours, arguments, target.name)
    except stores.Interrupted as stopped:
        print(f"\nspacecoop push: {stopped}", file=sys.stderr)
        return cli.INTERRUPTED
    except KeyboardInterrupt:
        print(
            "\nspacecoop push: interrupted while reading; each graph is as it was, or written and proven",
            file=sys.stderr,
        )
        return cli.INTERRUPTED
    except (stores.TargetError, stores.Stopped, StoreError, graphs.GraphsError) as error:
        raise cli.UserError(str(error)) from error


def worked(store: Store, ours: Mapping[str, Graph], arguments: argparse.Namespace, name: str) -> int:
    """Do what the arguments ask; return the exit code."""
    from spacecoop import stores

    if arguments.verify_only:
        return verified(store, ours, stores.Report())
    if arguments.dry_run:
        return planned(store, ours, arguments, name)[1]
    with stores.leased(store, arguments.take_over) as lease:
        plan, code = planned(store, ours, arguments, name)
        if code != cli.DONE:
            return code
        report = stores.apply(store, ours, plan, lease, Clock())
        if arguments.verify:
            return verified(store, ours, report)
        if not plan.in_step:  # the plan has counted what it keeps
            stores.recount(store, ours, report)
        return summary(report)


def planned(
    store: Store, ours: Mapping[str, Graph], arguments: argparse.Namespace, name: str
) -> tuple[stores.Plan, int]:
    """Make and print the plan; the exit code is not 0 where the store would not keep what it says."""
    from spacecoop import stores

    plan = stores.plan(store, ours, arguments.prune)
    print(table(plan, name))
    if arguments.plan:
        data = {"store": name, "steps": [asdict(step) for step in plan.steps], "lost": list(plan.lost)}
        path = arguments.folder / arguments.plan
        path.write_text(json.dumps(data, indent=1) + "\n", "utf-8", newline="\n")
    if not plan.lost:
        return plan, cli.DONE
    print(f"nothing is sent: this kind of store ({store.dialect.name}) does not keep", file=sys.stderr)
    print("\n".join(f"  {line}" for line in plan.lost), file=sys.stderr)
    return plan, cli.REPAIR


def table(plan: stores.Plan, name: str) -> str:
    """Return a plan as lines: what is done with how many graphs, and which."""
    from spacecoop.stores import ACTIONS

    lines = [f"plan for {name}:"]
    for action, words in ACTIONS.items():
        steps = plan.having(action)
        if not steps:
            continue
        plus, minus = sum(step.insert for step in steps), sum(step.delete for step in steps)
        change = f" (+{plus:,} -{minus:,} triples)" if plus or minus else ""
        lines.append(f"{len(steps):>8,} graphs {words}{change}")
        if action != "keep":
            lines += [f"           <{step.graph}> +{step.insert:,} -{step.delete:,}" for step in steps[:SHOWN]]
            lines += [f"           ... and {len(steps) - SHOWN:,} more"] * (len(steps) > SHOWN)
    return "\n".join(lines)


def verified(store: Store, ours: Mapping[str, Graph], report: stores.Report) -> int:
    """Read every graph back, and say what came of it."""
    from spacecoop import stores

    report.counted, report.read, report.respelled = 0, 0, Counter()
    for graph in stores.verify(store, ours, report, Clock()):
        print(f"stale: <{graph}> is ours, but no longer published; --prune deletes it")
    return summary(report)


def summary(report: stores.Report) -> int:
    """Print what was done and proven; return the exit code."""
    if report.written or report.deleted:
        print(f"written: {report.written:,} graphs of {report.sent:,} triples; deleted: {report.deleted:,} graphs")
    print(f"proven: {report.counted:,} graphs by count, {report.read:,} of them read back and compared by value")
    for words, number in sorted(report.respelled.items()):
        print(f"note: the store writes {number:,} values in another way: {words}")
    for difference in report.differences:
        print(f"error: {difference}")
    if report.differences:
        print(f"{len(report.differences):,} graphs differ; a push mends them", file=sys.stderr)
        return cli.REPAIR
    return cli.DONE


class Clock:
    """Shows on a terminal how far it is, how fast, and how long it will take."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        """Show it."""
        if not of or not sys.stderr.isatty():
            return
        rate = done / max(time.monotonic() - self._begun, 0.001)
        left = f", {(of - done) / rate:,.0f} s left" if rate else ""
        print(
            f"\r{done:,} of {of:,} triples, {rate:,.0f} a second{left}   ",
            end="\n" * (done == of),
            file=sys.stderr,
            flush=True,
        )
