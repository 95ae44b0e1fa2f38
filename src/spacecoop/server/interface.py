"""Named queries in; what may be asked at ``/query/NAME``, and its OpenAPI 3.1 description, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from spacecoop.server.protocol import FORMATS

ROWS = ("json", "xml", "csv", "tsv")
GRAPHS = ("turtle", "nt", "rdfxml", "jsonld")
_SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "gYear": {"type": "string", "pattern": "^[0-9]{4}$"},
    "iri": {"type": "string", "format": "iri"},
}
"""JSON Schema for the types that parameters have; every other is a string."""


@dataclass(frozen=True)
class Choice:
    """A parameter of a named query."""

    name: str
    type: str
    summary: str
    default: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Offer:
    """A named query, as those who ask see it."""

    name: str
    form: str
    """SELECT, ASK, CONSTRUCT or DESCRIBE."""
    summary: str
    description: str
    choices: tuple[Choice, ...]


class Interface(Protocol):
    """The named queries of one build."""

    @property
    def offers(self) -> Mapping[str, Offer]:
        """The named queries, by name."""
        ...

    def bind(self, name: str, said: Mapping[str, Sequence[str]]) -> str:
        """Return the text of a query with what is said bound as terms; raises protocol.BadRequest."""
        ...


def formats(offer: Offer) -> tuple[str, ...]:
    """Return the names of the syntaxes that an answer may have."""
    if offer.form in ("CONSTRUCT", "DESCRIBE"):
        return GRAPHS
    return ROWS[:2] if offer.form == "ASK" else ROWS


def describe(offers: Mapping[str, Offer], title: str, version: str, server: str) -> dict[str, Any]:
    """Return the description of the interface (OpenAPI 3.1.0)."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "paths": {f"/query/{name}": {"get": _operation(offer)} for name, offer in sorted(offers.items())},
    }


def _operation(offer: Offer) -> dict[str, Any]:
    words = formats(offer)
    taken = {choice.name for choice in offer.choices}
    parameters = [_parameter(choice) for choice in offer.choices]
    if "format" not in taken:
        syntax = {"type": "string", "enum": list(words), "default": words[0]}
        parameters.append(
            {"name": "format", "in": "query", "description": "the syntax of the answer", "schema": syntax}
        )
    kinds = [FORMATS[word][0] for word in words]
    error = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    return {
        "operationId": offer.name.replace("-", "_"),
        "summary": offer.summary or offer.name,
        **({"description": offer.description} if offer.description else {}),
        "parameters": parameters,
        "responses": {
            "200": {"description": "the answer", "content": {kind: {"schema": _body(kind)} for kind in kinds}},
            "400": {"description": "a parameter that is not there, or a value that it does not take", **error},
            "406": {"description": "a syntax that the answer cannot have", **error},
            "503": {"description": "too many questions at once, or one that met its bound", **error},
        },
    }


def _body(kind: str) -> dict[str, str]:
    return {"type": "object"} if kind.endswith("json") else {"type": "string"}


def _parameter(choice: Choice) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_SCHEMAS.get(choice.type, {"type": "string"}))
    said: dict[str, Any] = {"name": choice.name, "in": "query", "description": choice.summary or choice.name}
    many: dict[str, Any] = {"type": "array", "items": schema}
    if choice.default:
        many["default"] = [_value(word, choice.type) for word in choice.default]
    if choice.example:
        said["example"] = [_value(choice.example, choice.type)]
    return {**said, "style": "form", "explode": True, "schema": many}


def _value(word: str, kind: str) -> object:
    if kind == "integer":
        return int(word)
    return word == "true" if kind == "boolean" else word
