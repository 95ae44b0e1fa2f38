"""Bring the JavaScript libraries of the query page, by exact version and digest, with npm.

  spacecoop assets       into .cache/assets, and into out/assets where there is a build; later builds publish them too

Without them the query page is a plain form, for a server that answers SPARQL.
Exit codes: 0 all are there; 1 one could not be had.
"""

from __future__ import annotations

import argparse

from spacecoop import cli


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes: nothing."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Bring what is not there."""
    from spacecoop.pages import libraries

    place = cli.workspace(arguments)
    folder = place.root / ".cache" / libraries.FOLDER
    try:
        for name in libraries.fetch(folder):
            print(f"{name} is in {place.name(folder)}")
        if place.out.is_dir():
            libraries.copy(folder, place.out / libraries.FOLDER)
    except (libraries.NotFetched, OSError) as error:
        raise cli.UserError(str(error)) from error
    print(f"all {len(libraries.every())} libraries are there")
    return cli.DONE
