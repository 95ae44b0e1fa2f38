"""Query files in; queries with what they take and give out, to be asked or published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import RDF_TYPE, is_iri, is_language, is_name, local_name
from spacecoop.queries import sparql
from spacecoop.queries.parameters import TYPES, XSD, Parameter, Resolve, term
from spacecoop.queries.sparql import QueryError
from spacecoop.workspace import Workspace

__all__ = [
    "Need",
    "Parameter",
    "Query",
    "QueryError",
    "as_rdf",
    "check",
    "complete",
    "every",
    "find",
    "front",
    "parse",
    "read",
]

LONGEST = 1_000_000
"""Characters that a query file may have."""
_SH = "http://www.w3.org/ns/shacl#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SCHEMA = "https://schema.org/"  # the one that sparql-examples uses
_FRONT = re.compile(r"#\+ ?(.*)")

Values = Callable[["Parameter"], Iterable[str]]
"""Gives the values that a parameter may take, as the data have them."""


@dataclass(frozen=True)
class Need:
    """What a query rests on: a graph pattern, and what is to be said where the data have no match for it."""

    pattern: str
    lack: Mapping[str, str]


@dataclass(frozen=True)
class Query:
    """A query, with what its front matter says of it."""

    name: str
    text: str
    summary: Mapping[str, str]
    description: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, Mapping[str, str]]
    needs: tuple[Need, ...] = ()

    def bound(self, said: Mapping[str, Sequence[str]], resolve: Resolve) -> str:
        """Return the query's text with what is *said* bound as terms, and defaults where nothing is.

        Raises QueryError for a parameter that the query does not have, or a value that it does not take.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in said:
            if name not in names:
                near = suggest(name, names)
                advice = f"did you mean {near!r}?" if near else f"it takes {', '.join(names) or 'none'}"
                raise QueryError(f"the query {self.name} has no parameter {name!r}; {advice}")
        return sparql.bound(
            self.text,
            {
                parameter.name: [
                    term(value, parameter, resolve) for value in said.get(parameter.name, parameter.default)
                ]
                for parameter in self.parameters
            },
        )


Defaults = Mapping[str, Mapping[str, Any]]
"""By query and parameter, the values that a dataset's settings give where nothing is said."""


def every(folder: Path, defaults: Defaults | None = None, outside: bool = False) -> dict[str, Query]:
    """Read the named queries of a folder; raises QueryError for one that is not as it should be.

    A link that leaves the workspace is one, unless *outside* allows it; so is what is no file.
    """
    paths = {path.stem: path for path in folder.glob("*.rq") if not path.name.startswith(".")}
    return {name: _give_defaults(_read(path, outside), defaults or {}) for name, path in sorted(paths.items())}


def find(name: str, folder: Path, defaults: Defaults | None = None, outside: bool = False) -> Query:
    """Read one named query; raises QueryError for an unknown name, with those that there are, and as ``every`` does."""
    path = folder / f"{name}.rq"
    if re.fullmatch(r"[\w-]+", name) and (path.exists() or path.is_symlink()):
        return _give_defaults(_read(path, outside), defaults or {})
    names = sorted(path.stem for path in folder.glob("*.rq"))
    near = suggest(name, names)
    advice = f"did you mean {near!r}?" if near else f"there are: {', '.join(names) or 'none'}"
    raise QueryError(f"no query {name!r} in {folder.name}/, nor a file of that name; {advice}")


def _read(path: Path, outside: bool) -> Query:
    """Read a named query, if it is a file of its workspace."""
    folder = path.parent
    shown = f"{folder.name}/{path.name}"
    linked = path.is_symlink() or folder.is_symlink()
    if linked and not outside and not path.resolve().is_relative_to(folder.parent.resolve()):
        raise QueryError(
            f"{shown}: this link leaves the workspace, and is not read; copy the file, or allow it: "
            "`outside = true` under [workspace] of spacecoop.toml"
        )
    if not path.is_file():
        raise QueryError(f"{shown}: this is no file, and is not read")
    return read(path)


def _give_defaults(query: Query, defaults: Defaults) -> Query:
    """Give a query the defaults that the dataset chooses for it; raises QueryError where they cannot be."""
    chosen = defaults.get(query.name, {})
    place = f"spacecoop.toml: [query.defaults] {query.name}"
    if not isinstance(chosen, Mapping):
        raise QueryError(f'{place} is to be a table, such as {{party = "china"}}')
    names = [one.name for one in query.parameters]
    for name in chosen:
        if name not in names:
            raise QueryError(f"{place}: the query has no parameter {name!r}; it takes {', '.join(names) or 'none'}")
    parameters = tuple(
        replace(one, default=_words(chosen[one.name]), chosen=True) if one.name in chosen else one
        for one in query.parameters
    )
    return replace(query, parameters=parameters)


def complete(query: Query, said: Mapping[str, Sequence[str]], values: Values) -> dict[str, list[str]]:
    """Return what is *said*, each word as the data have it; raises QueryError for a word that they do not have.

    Case does not matter, and the last part of an IRI serves for the whole.
    """
    completed = {name: list(words) for name, words in said.items()}
    for parameter in query.parameters:
        if not parameter.among or not completed.get(parameter.name):
            continue
        there = sorted(set(values(parameter)))
        called = {local_name(one).casefold(): one for one in there} if parameter.type == "iri" else {}
        called |= {one.casefold(): one for one in there}
        for place, word in enumerate(completed[parameter.name]):
            if word not in there and word.casefold() not in called:
                near = suggest(word.casefold(), called)
                short = sorted({local_name(one) or one for one in there}) if parameter.type == "iri" else there
                few = f"; there are {', '.join(short)}" if 0 < len(there) <= 12 else ""
                advice = f"; did you mean {called[near]!r}?" if near else few
                raise QueryError(f"{parameter.name}: nothing is called {word!r}{advice}")
            completed[parameter.name][place] = word if word in there else called[word.casefold()]
    return completed


def check(paths: Iterable[Path], workspace: Workspace) -> Iterator[Finding]:
    """Yield a finding for each query file that cannot be read, or cannot be published."""
    for path in paths:
        try:
            for _ in as_rdf([read(path)], workspace.graph("queries"), workspace.base, workspace.prefixes):
                pass
        except QueryError as error:
            reason = str(error).removeprefix(f"{path}: ")
            yield finding("query", Place(workspace.name(path), error.line), reason=reason)


def read(path: Path) -> Query:
    """Read a query file; raises QueryError where it cannot be read or its front matter cannot be used."""
    try:
        with path.open("rb") as stream:
            return parse(text_of(stream, str(path)), path.stem, str(path))
    except OSError as error:
        raise QueryError(f"{path}: {error.strerror}") from error


def text_of(stream: IO[bytes], place: str) -> str:
    """Read the text of a query, with or without a byte order mark; raises QueryError where it cannot be one."""
    try:
        text = stream.read(4 * LONGEST + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QueryError(f"{place}: this is not UTF-8 ({error.reason} at byte {error.start})") from error
    if len(text) > LONGEST:
        raise QueryError(f"{place}: more than {LONGEST:,} characters is no query")
    return text


def parse(text: str, name: str, place: str) -> Query:
    """Read the text of a query with its front matter, the lines that begin with ``#+``, as grlc has it."""
    said = front(text, place)
    try:
        parameters = tuple(_parameter(key, value) for key, value in (said.get("parameters") or {}).items())
        query = Query(
            name=name,
            text=text,
            summary=_texts(said.get("summary")),
            description=_texts(said.get("description")),
            parameters=parameters,
            columns={str(key): _texts(value) for key, value in (said.get("columns") or {}).items()},
            needs=tuple(Need(str(one["pattern"]), _texts(one["lack"])) for one in said.get("needs") or ()),
        )
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise _unfit(text, place, error) from error
    for parameter in parameters:
        sparql.variable(parameter.name)
        if parameter.type not in TYPES:
            raise QueryError(f"{place}: {parameter.name} has the type {parameter.type!r}; there are {', '.join(TYPES)}")
    return query


def _unfit(text: str, place: str, error: Exception) -> QueryError:
    """Return what is wrong with front matter, with the first line that says the word that is."""
    word = re.match(r"'([^']+)'", str(error))
    found = QueryError(f"{place}: the front matter is not as it should be: {error}")
    if word is not None:
        lines = enumerate(text.splitlines(), 1)
        found.line = next((number for number, line in lines if _FRONT.match(line) and f"{word[1]}:" in line), 1)
    return found


def front(text: str, place: str) -> Mapping[str, Any]:
    """Return what the front matter of a query says; raises QueryError where it cannot be read."""
    said = "\n".join(found.group(1) for line in text.splitlines() if (found := _FRONT.match(line)))
    return _yaml(said, place) if said else {}


def _yaml(text: str, place: str) -> Mapping[str, Any]:
    import yaml

    if re.search(r"(^|[\s\[{,:])[&*]\w", text, re.MULTILINE):
        raise QueryError(f"{place}: the front matter has no need of YAML's & and *")
    try:
        said = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  (both are safe)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise QueryError(f"{place}: the front matter is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(said, dict):
        raise QueryError(f"{place}: the front matter has no keys, such as summary")
    return said


def _parameter(name: str, said: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=str(name),
        type=str(said.get("type", "string")),
        summary=_texts(said.get("summary")),
        default=_words(said.get("default", [])),
        example=_word(said.get("example", "")),
        scheme=str(said.get("scheme", "")),
        among=str(said.get("among", "")),
    )


def _words(value: object) -> tuple[str, ...]:
    return tuple(_word(one) for one in (value if isinstance(value, list) else [value]))


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(said: object) -> dict[str, str]:
    if said is None:
        return {}
    if isinstance(said, dict):
        for language, text in said.items():
            if not is_language(str(language)):
                raise QueryError(f"{language!r} is no language, such as en")
            if isinstance(text, dict | list):
                raise QueryError(f"the text in {language!r} is {text!r}, and is to be one text")
        return {str(language): " ".join(str(text).split()) for language, text in said.items()}
    return {"en": " ".join(str(said).split())}


def standalone(
    query: Query, base: str, prefixes: Mapping[str, str], values: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Return a query's text as it runs anywhere: without front matter, prefixes declared, parameters bound.

    Parameters that *values* does not name are at their defaults. Raises QueryError as ``Query.bound`` does.
    """

    def resolve(name: str, scheme: str) -> str:
        prefix, colon, rest = name.partition(":")
        if colon and prefix in prefixes:
            return prefixes[prefix] + rest
        if scheme and not is_iri(name):
            raise QueryError(f"the default {name!r} is to be an IRI, such as prefix:{name}")
        return name if is_iri(name) else f"{base}id/{name}"

    text = "".join(
        line for line in query.bound(values or {}, resolve).splitlines(keepends=True) if not _FRONT.match(line)
    )
    missing = sparql.find_undeclared(text, prefixes)
    return "".join(f"PREFIX {prefix}: <{full}>\n" for prefix, full in missing.items()) + text


def as_rdf(queries: Iterable[Query], graph: str, base: str, prefixes: Mapping[str, str]) -> Iterator[Quad]:
    """Yield the queries as SIB's sparql-examples have them (sh:SPARQLExecutable), without blank nodes.

    Texts stand as they run anywhere: without front matter, every prefix declared, every parameter at its default.
    An entity that a default names is written as ``<base>id/NAME``.
    """
    home, declarations = NamedNode(graph), f"{base}query/prefixes"

    def quad(subject: str, predicate: str, value: str | Literal) -> Quad:
        object_ = value if isinstance(value, Literal) else NamedNode(value)
        return Quad(NamedNode(subject), NamedNode(predicate), object_, home)

    for query in queries:
        if not is_name(query.name):
            raise QueryError(f"{query.name!r} cannot be part of an IRI; name the file with a-z, 0-9 and hyphens only")
        iri = f"{base}query/{query.name}"
        text = standalone(query, base, prefixes)
        form = sparql.form(text)
        if form not in EXECUTABLES:
            raise QueryError(f"{query.name}: only SELECT, ASK, CONSTRUCT and DESCRIBE can be published")
        for class_ in ("SPARQLExecutable", EXECUTABLES[form][0]):
            yield quad(iri, RDF_TYPE, class_ if is_iri(class_) else _SH + class_)
        yield quad(iri, EXECUTABLES[form][1], Literal(text))
        for language, said in query.summary.items():
            yield quad(iri, f"{_RDFS}comment", Literal(said, language=language))
        yield quad(iri, f"{_RDFS}label", Literal(query.name))
        yield quad(iri, f"{_SCHEMA}target", base)
        yield quad(iri, f"{_SH}prefixes", declarations)
        for prefix, full in sparql.find_declared(text).items():
            yield quad(declarations, f"{_SH}declare", f"{declarations}#{prefix}")
            yield quad(f"{declarations}#{prefix}", f"{_SH}prefix", Literal(prefix))
            yield quad(f"{declarations}#{prefix}", f"{_SH}namespace", Literal(full, datatype=NamedNode(f"{XSD}anyURI")))


EXECUTABLES = {
    "SELECT": ("SPARQLSelectExecutable", f"{_SH}select"),
    "ASK": ("SPARQLAskExecutable", f"{_SH}ask"),
    "CONSTRUCT": ("SPARQLConstructExecutable", f"{_SH}construct"),
    "DESCRIBE": (
        "https://purl.expasy.org/sparql-examples/ontology#SPARQLDescribeExecutable",
        "https://purl.expasy.org/sparql-examples/ontology#describe",
    ),
}
"""The class and the property that SHACL, or for DESCRIBE sparql-examples, has for each form of query."""
