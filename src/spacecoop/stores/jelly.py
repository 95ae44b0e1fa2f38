"""Quads in, a Jelly stream out: the binary syntax for RDF (https://w3id.org/jelly), by the library ``pyjelly``."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

_STRING = "http://www.w3.org/2001/XMLSchema#string"


class NotInstalled(Exception):
    """The optional library is not there."""


def write(quads: Iterable[Quad], path: Path) -> None:
    """Write quads to a file, as a delimited stream of flat quads in their order; the same quads give the same bytes.

    Raises NotInstalled.
    """
    try:
        from pyjelly import jelly
        from pyjelly.integrations.generic import generic_sink, serialize
        from pyjelly.options import StreamParameters
        from pyjelly.serialize.ioutils import write_delimited
        from pyjelly.serialize.streams import QuadStream, SerializerOptions
    except ImportError as error:
        raise NotInstalled("Jelly needs the extra: pip install 'spacecoop[jelly]'") from error

    def term(one: Any) -> Any:
        if isinstance(one, NamedNode):
            return generic_sink.IRI(one.value)
        if isinstance(one, Literal):
            datatype = None if one.language or one.datatype.value == _STRING else one.datatype.value
            return generic_sink.Literal(one.value, one.language, datatype)
        if isinstance(one, BlankNode):
            return generic_sink.BlankNode(one.value)
        assert isinstance(one, DefaultGraph)
        return generic_sink.DefaultGraph

    def statements() -> Generator[Any]:
        for quad in quads:
            yield generic_sink.Quad(term(quad.subject), term(quad.predicate), term(quad.object), term(quad.graph_name))

    options = SerializerOptions(logical_type=jelly.LOGICAL_STREAM_TYPE_FLAT_QUADS, params=StreamParameters())
    stream = QuadStream(encoder=serialize.GenericSinkTermEncoder(options.lookup_preset), options=options)
    with path.open("wb") as file:
        for frame in serialize.stream_frames(stream, statements()):
            write_delimited(frame, file)
