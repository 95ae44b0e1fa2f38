"""Say what a rule asks for and why it exists, with a good and a bad example.

spacecoop explain Claim-modality             one rule, by the name that findings end with
spacecoop --lang fr explain Claim-modality   in French
spacecoop explain --list                     all rules: the shapes', then the reader's own
"""

from __future__ import annotations

import argparse

from spacecoop import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("rule", nargs="?", metavar="RULE", help="the rule's name, as findings have it in brackets")
    parser.add_argument("--list", action="store_true", help="list all rules with their titles")


def run(arguments: argparse.Namespace) -> int:
    """Explain one rule, or list all."""
    from spacecoop import explanations
    from spacecoop.documents import Unreadable
    from spacecoop.findings import choose_text, suggest

    workspace, language = cli.workspace(arguments), cli.language(arguments)
    try:
        known = explanations.load(workspace)
    except Unreadable as error:
        raise cli.UserError(error.finding.line(language)) from error
    if arguments.list:
        spoken = [one for one in known.values() if one.message]
        width = max(len(one.name) for one in spoken)
        for one in spoken:
            print(f"{one.name:{width}}  {choose_text(one.title, language)}")
        return cli.DONE
    if arguments.rule is None:
        raise cli.UserError("say which RULE, or --list; findings end with the rule's name in brackets")
    if arguments.rule not in known:
        near = suggest(arguments.rule, known)
        advice = f"did you mean {near!r}?" if near else "`spacecoop explain --list` lists all rules"
        raise cli.UserError(f"no rule {arguments.rule!r}; {advice}")
    print(known[arguments.rule].text(language))
    return cli.DONE
