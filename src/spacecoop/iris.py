"""IRIs: what may stand in one, and how one is shortened."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from pyoxigraph import Literal, NamedNode

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDF_TYPE = f"{RDF}type"
TYPE_ROW = f"<{RDF_TYPE}>"
"""The same as N-Triples write it."""
"""Says of what class a thing is."""
TYPE = NamedNode(RDF_TYPE)

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")
_NAME = re.compile(r"[^\W_][\w.-]*")
_START = re.compile(r".*[^\w.-]", re.DOTALL)
"""What stands before the longest end of an IRI that may be a name."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@functools.lru_cache(4096)
def is_iri(text: str) -> bool:
    """Tell whether *text* is an absolute IRI that may be written in Turtle (RFC 3987; RDF 1.1 Turtle, section 6.5).

    >>> is_iri("https://example.org/é"), is_iri("https://example.org/a b"), is_iri("a/b"), is_iri("http://a/%zz")
    (True, False, False, False)
    """
    if _IRI.fullmatch(text) is None:
        return False
    try:
        NamedNode(text)
    except ValueError:  # such as a bracket in a path, or a percent sign that escapes nothing
        return False
    return True


def is_name(text: str) -> bool:
    """Tell whether *text* can be the last part of an IRI without leaving its folder.

    >>> is_name("change-6"), is_name("../change-6"), is_name("")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None


def is_slug(text: str) -> bool:
    """Tell whether *text* can name an article in its IRI and in a file name.

    >>> is_slug("moon-2019"), is_slug("Moon 2019")
    (True, False)
    """
    return _SLUG.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """Tell whether *text* is shaped like a language tag (BCP 47, section 2.1).

    >>> is_language("zh-Hans"), is_language("principle"), is_language("a b"), is_language("en-a")
    (True, False, False, False)
    """
    if _LANGUAGE.fullmatch(text) is None:
        return False
    try:
        Literal("", language=text)
    except ValueError:  # such as an extension that is empty
        return False
    return True


def local_name(iri: str) -> str:
    """Return what stands behind the last ``#`` or ``/``.

    >>> local_name("https://example.org/ns#Claim")
    'Claim'
    """
    return re.split(r"[#/]", iri)[-1]


def namespace(iri: str) -> str:
    """Return the IRI up to and with its last ``#`` or ``/``."""
    return iri[: len(iri) - len(local_name(iri))]


def shorten(iri: str, prefixes: Mapping[str, str]) -> str:
    """Return ``prefix:name`` where a prefix fits, the IRI in angle brackets otherwise.

    >>> shorten("https://example.org/ns#Claim", {"ex": "https://example.org/ns#"})
    'ex:Claim'
    """
    for prefix, start in prefixes.items():
        if iri.startswith(start) and is_name(iri[len(start) :]):
            return f"{prefix}:{iri[len(start) :]}"
    return f"<{iri}>"


class Prefixes:
    """Shortens as ``shorten`` does, in one step where each prefix's IRI ends as most do, with ``#`` or ``/``."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._plain = all(_START.fullmatch(start) for start in prefixes.values())
        self._by_start = {start: prefix for prefix, start in reversed(list(prefixes.items()))}

    def shorten(self, iri: str) -> str:
        """Return ``prefix:name`` where a prefix fits, the IRI in angle brackets otherwise.

        >>> Prefixes({"ex": "https://example.org/ns#"}).shorten("https://example.org/ns#Claim")
        'ex:Claim'
        """
        if not self._plain:
            return shorten(iri, self._prefixes)
        start, name, fits = _divide(iri)
        prefix = self._by_start.get(start) if fits else None
        return f"<{iri}>" if prefix is None else f"{prefix}:{name}"


@functools.lru_cache(8192)
def _divide(iri: str) -> tuple[str, str, bool]:
    """Return what stands before the longest end of an IRI that may be a name, that end, and whether it is a name."""
    found = _START.match(iri)
    start = found.group() if found else ""
    return start, iri[len(start) :], is_name(iri[len(start) :])
