"""A word of ours in; the codes that catalogues have for it out."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources

from spacecoop.syntaxes import BY_ENDING

AUTHORITY = "http://publications.europa.eu/resource/authority/"
LICENCE_TYPES = "http://purl.org/adms/licencetype/"
PUBLISHER_TYPES = "http://purl.org/adms/publishertype/"
MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"


@functools.cache
def codes() -> Mapping[str, Mapping[str, str]]:
    """Return all tables of codes."""
    return tomllib.loads(resources.files("spacecoop.harvest").joinpath("authorities.toml").read_text("utf-8"))


def authority(table: str, word: str) -> str | None:
    """Return the IRI of a code in a table of the EU Publications Office; None where it has none for the word."""
    code = codes()[table].get(word)
    return f"{AUTHORITY}{table}/{code}" if code else None


def syntax_of(path: str) -> tuple[str, str]:
    """Return the media type and name of a dump's syntax, by its ending."""
    syntax = BY_ENDING["." + path.removesuffix(".gz").rpartition(".")[2]]
    return syntax.media_type, syntax.name


def name_of(code: str) -> str:
    """Return a code's name in English.

    >>> name_of("FRA"), name_of("ANNUAL_2")
    ('French', 'Annual 2')
    """
    return codes()["name"].get(code) or code.replace("_", " ").capitalize()


def licence_type(licence: str) -> str | None:
    """Return what ADMS calls a licence's kind; None where it is not known."""
    kinds = codes()["licence-type"].items()
    return next((LICENCE_TYPES + kind for start, kind in kinds if licence.startswith(start)), None)
