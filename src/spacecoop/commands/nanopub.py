"""Export articles of out/ as nanopublications: small, citable, and provable by their own IRIs.

  spacecoop nanopub                          every article, into nanopubs/
  spacecoop nanopub a001 --claims            each claim of one article by itself
  spacecoop nanopub --check nanopubs/*.trig  prove form, digest and signature
  spacecoop nanopub a001 --key id_rsa --signer https://orcid.org/…
                                             sign with your own key
  spacecoop nanopub --publish URL nanopubs/RA….trig
                                             send signed ones to a registry: for good, nobody can take them back

Needs the extra: pip install 'spacecoop[nanopub]'. Nothing is signed or sent unless you say so.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from spacecoop import cli

if TYPE_CHECKING:
    from spacecoop.harvest.nanopubs import Key
    from spacecoop.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="articles (default: all); with --check or --publish: files"
    )
    parser.add_argument("--claims", action="store_true", help="one nanopublication for each claim")
    parser.add_argument(
        "--into", metavar="DIR", type=Path, default=Path("nanopubs"), help="where to write (default: nanopubs)"
    )
    parser.add_argument("--key", metavar="FILE", type=Path, help="sign with this private RSA key (PEM)")
    parser.add_argument("--signer", metavar="IRI", help="whose key it is, such as an ORCID")
    parser.add_argument("--check", action="store_true", help="prove these files, write nothing")
    parser.add_argument("--publish", metavar="URL", help="send these files to a registry")


def run(arguments: argparse.Namespace) -> int:
    """Export, check or publish."""
    from spacecoop.harvest.nanopubs import Malformed, NotInstalled
    from spacecoop.reach import QueryError

    workspace = cli.workspace(arguments)
    try:
        if arguments.check or arguments.publish:
            return walk_files(arguments)
        return export(arguments, workspace)
    except (Malformed, NotInstalled, QueryError) as error:
        raise cli.UserError(str(error)) from error


def export(arguments: argparse.Namespace, workspace: Workspace) -> int:
    """Write the nanopublications of articles."""
    from spacecoop import output
    from spacecoop.harvest import nanopubs

    folder = workspace.out / "article"
    slugs = arguments.names or sorted(path.stem for path in folder.glob("*.nq"))
    into = arguments.folder / arguments.into
    key = signing_key(arguments)
    for slug in slugs:
        path = folder / f"{slug}.nq"
        if not path.is_file():
            raise cli.UserError(
                f"out/article/{slug}.nq is not there; run `spacecoop build`, or name an article of out/"
            )
        quads = list(output.read(path))
        if arguments.claims:
            made = list(nanopubs.convert_claims(quads, slug, workspace, key))
        else:
            made = [nanopubs.convert_article(quads, slug, workspace, key)]
        for one in made:
            cli.say(
                f"{nanopubs.write(one, into, workspace)} {len(one.quads)} triples {'signed' if key else 'not signed'}"
            )
    return cli.DONE


def signing_key(arguments: argparse.Namespace) -> Key | None:
    """Return the user's key, or None where none was named."""
    from spacecoop.harvest.nanopubs import Key
    from spacecoop.iris import is_iri

    if arguments.key is None:
        return None
    if not is_iri(arguments.signer or ""):
        raise cli.UserError("say whose key it is: --signer https://orcid.org/…")
    return Key(arguments.folder / arguments.key, arguments.signer)


def walk_files(arguments: argparse.Namespace) -> int:
    """Check files, or publish them; the first that is wrong ends it."""
    from spacecoop.harvest import nanopubs

    if not arguments.names:
        raise cli.UserError("say which files")
    for name in arguments.names:
        path = arguments.folder / name
        if arguments.publish:
            nanopubs.publish(path, arguments.publish)
            cli.say(f"{path}: {arguments.publish} took it")
        else:
            signed = nanopubs.check(nanopubs.read(path))
            cli.say(f"{path}: content and IRI agree, {'signature good' if signed else 'not signed'}")
    return cli.DONE
