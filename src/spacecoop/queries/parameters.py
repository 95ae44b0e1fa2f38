"""A word of the command line and the parameter that it is for in; the term that it means out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from spacecoop.iris import is_iri, is_language
from spacecoop.quads import Term
from spacecoop.queries.sparql import QueryError

XSD = "http://www.w3.org/2001/XMLSchema#"

Resolve = Callable[[str, str], str]
"""Takes a name and a scheme (empty for things in general); returns the IRI, or raises QueryError."""


@dataclass(frozen=True)
class Parameter:
    """What may be said when a query is asked."""

    name: str
    type: str
    summary: Mapping[str, str]
    default: tuple[str, ...] = ()
    example: str = ""
    scheme: str = ""
    """The IRI of the scheme that a concept is to be of."""
    among: str = ""
    """A graph pattern whose ``?value`` gives every value that there is; empty where any may be said."""
    chosen: bool = False
    """Whether the default is the dataset's choice, from its settings, and not the query's own."""


def term(value: str, parameter: Parameter, resolve: Resolve) -> Term:
    """Return the term that a word of the command line means; raises QueryError where it means none."""
    return TYPES[parameter.type](value, parameter, resolve)


def _iri(value: str, parameter: Parameter, _: Resolve) -> Term:
    if not is_iri(value):
        raise QueryError(f"{parameter.name}: {value!r} is not an IRI")
    return NamedNode(value)


def _thing(value: str, parameter: Parameter, resolve: Resolve) -> Term:
    try:
        return NamedNode(resolve(value, parameter.scheme))
    except QueryError as error:
        raise QueryError(f"{parameter.name}: {error}") from error


def _string(value: str, _parameter: Parameter, _: Resolve) -> Term:
    return Literal(value)


def _language(value: str, parameter: Parameter, _: Resolve) -> Term:
    if not is_language(value):
        raise QueryError(f"{parameter.name}: {value!r} is not a language; such as fr")
    return Literal(value.lower())


def _language_string(value: str, parameter: Parameter, _: Resolve) -> Term:
    text, at, language = value.rpartition("@")
    if not at or not is_language(language):
        raise QueryError(f"{parameter.name}: {value!r} has no language; write it as {value or 'word'}@en")
    return Literal(text, language=language)


def _make_typed(name: str, pattern: str, example: str) -> Callable[[str, Parameter, Resolve], Term]:
    datatype = NamedNode(XSD + name)

    def made(value: str, parameter: Parameter, _: Resolve) -> Term:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise QueryError(f"{parameter.name}: {value!r} is not of the type {name}; such as {example}")
        return Literal(value, datatype=datatype)

    return made


def _date(value: str, parameter: Parameter, _: Resolve) -> Term:
    import datetime

    try:
        return Literal(datetime.date.fromisoformat(value).isoformat(), datatype=NamedNode(XSD + "date"))
    except ValueError as error:
        raise QueryError(f"{parameter.name}: {value!r} is not a date; such as 2019-03-25") from error


TYPES: Mapping[str, Callable[[str, Parameter, Resolve], Term]] = {
    "iri": _iri,
    "entity": _thing,
    "concept": _thing,
    "string": _string,
    "language": _language,
    "langString": _language_string,
    "integer": _make_typed("integer", r"[+-]?[0-9]{1,18}", "12"),
    "date": _date,
    "gYear": _make_typed("gYear", r"[0-9]{4}", "2019"),
    "boolean": _make_typed("boolean", r"true|false", "true"),
}
"""What turns a word of the command line into a term, by the type that a parameter has."""
