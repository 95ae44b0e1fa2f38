"""Make a new workspace: vocabulary, shapes, queries, settings, and an example article to write over.

spacecoop init my-dataset
spacecoop init my-dataset --github-pages   with the workflow that puts its site on GitHub Pages
"""

from __future__ import annotations

import argparse
from pathlib import Path

from spacecoop import cli

NEXT = """made {folder} with {count} files. Next:
  cd {folder}
  spacecoop build                      publishes the example article into out/
  spacecoop query claims               asks for its claims
Then write your own articles/*.yaml; README.md in the workspace says how.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("workspace", metavar="DIR", type=Path, help="the folder to make; it must be empty or not there")
    parser.add_argument(
        "--github-pages", action="store_true", help="write .github/workflows/pages.yml, which publishes out/ there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the workspace."""
    from spacecoop import starter

    folder = arguments.folder / arguments.workspace
    try:
        files = starter.create(folder, arguments.github_pages)
    except OSError as error:
        raise cli.UserError(f"{error}; name a folder that is empty or not there") from error
    cli.show(NEXT.format(folder=arguments.workspace, count=len(files)).removesuffix("\n"))
    return cli.DONE
