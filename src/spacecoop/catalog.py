"""One description of the dataset in; DCAT, VoID and schema.org out."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop import editions
from spacecoop.census import Counts
from spacecoop.editions import Edition
from spacecoop.findings import said
from spacecoop.iris import is_iri, local_name
from spacecoop.output import Written
from spacecoop.quads import arranged, text
from spacecoop.syntaxes import BY_ENDING
from spacecoop.workspace import Workspace, WorkspaceError

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "void": "http://rdfs.org/ns/void#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""The vocabularies of catalogues."""

_AUTHORITY = "http://publications.europa.eu/resource/authority/"
_MEDIA_TYPE = "https://www.iana.org/assignments/media-types/"
_NAMES = (PREFIXES["foaf"] + "name", PREFIXES["rdfs"] + "label", PREFIXES["skos"] + "prefLabel")

Texts = Mapping[str, str]
"""One text in several languages."""


@dataclass(frozen=True)
class Concept:
    """A term of somebody's list: a theme or a place."""

    iri: str
    label: Texts
    scheme: str | None = None


@dataclass(frozen=True)
class Target:
    """Another dataset, to which ours links."""

    name: str
    iri: str
    title: str
    namespace: str


@dataclass(frozen=True)
class Contact:
    """Whom to write to."""

    name: str
    email: str


@dataclass(frozen=True)
class Description:
    """All that is known of the dataset; what is not known is None or empty, and is said nowhere."""

    base: str
    title: Texts
    description: Texts
    keywords: Mapping[str, Sequence[str]]
    languages: Sequence[str]
    licence: str
    publisher: str
    publisher_name: Texts
    contact: Contact | None
    home: str | None
    """Where the folder ``out/`` is served from, if somebody said so; it ends with ``/``."""
    endpoint: str | None
    themes: Sequence[Concept]
    places: Sequence[Concept]
    provenance: Texts
    frequency: str | None
    version: str | None
    previous: str | None
    created: str | None
    modified: str | None
    earliest: str | None
    latest: str | None
    targets: Sequence[Target]
    examples: Sequence[str]

    @property
    def document(self) -> str:
        """The IRI of the document that describes the dataset."""
        return f"{self.base}catalog"

    @property
    def iri(self) -> str:
        """The IRI of the dataset."""
        return f"{self.base}catalog#dataset"

    @property
    def author(self) -> str:
        """The publisher's name in any language; its IRI where the name is not known."""
        return said(self.publisher_name, "en") or self.publisher

    @property
    def page(self) -> str:
        """The page about the dataset, for people."""
        return self.base


def describe(
    workspace: Workspace, shared: Iterable[Quad], published: Sequence[Edition], bounds: tuple[str | None, str | None]
) -> Description:
    """Collect all that settings and data say of the dataset.

    *shared* are the quads of the shared files, *bounds* the first and last day that claims are about.
    Raises WorkspaceError where the table ``[catalog]`` of the settings cannot be used.
    """
    settings = workspace.settings.get("catalog", {})
    shared = list(shared)
    dates = [one.date for one in published]
    things = sorted({text(quad.subject) for quad in shared if text(quad.subject).startswith(f"{workspace.base}id/")})
    try:
        return Description(
            base=workspace.base,
            title=workspace.title,
            description=dict(settings.get("description", {})),
            keywords={language: tuple(words) for language, words in settings.get("keywords", {}).items()},
            languages=workspace.languages,
            licence=workspace.licence,
            publisher=workspace.publisher,
            publisher_name=_names(shared, workspace.publisher),
            contact=Contact(**settings["contact"]) if "contact" in settings else None,
            home=_iri(settings, "home"),
            endpoint=_iri(settings, "endpoint"),
            themes=[Concept(row["iri"], row["label"], row.get("scheme")) for row in settings.get("themes", [])],
            places=[Concept(row["iri"], row["label"], row.get("scheme")) for row in settings.get("places", [])],
            provenance=dict(settings.get("provenance", {})),
            frequency=settings.get("frequency"),
            version=settings.get("version"),
            previous=_iri(settings, "previous"),
            created=min((date for date in dates if date), default=None),
            modified=editions.of_the_build(dates),
            earliest=bounds[0],
            latest=bounds[1],
            targets=targets(workspace),
            examples=[*(one.iri for one in published[:1]), *things[:1]],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"spacecoop.toml: [catalog] has something missing or not as it should be: {error}"
        ) from error


def _iri(settings: Mapping[str, Any], key: str) -> str | None:
    value = settings.get(key)
    if value is not None and not is_iri(value):
        raise WorkspaceError(f"spacecoop.toml: catalog.{key} is not an IRI: {value!r}")
    return value


def targets(workspace: Workspace) -> list[Target]:
    """Return the datasets to which links are counted, as the settings name them."""
    return [Target(**row) for row in workspace.settings.get("catalog", {}).get("targets", [])]


def _names(quads: Iterable[Quad], iri: str) -> Texts:
    return {
        quad.object.language or "": text(quad.object)
        for quad in quads
        if text(quad.subject) == iri and quad.predicate.value in _NAMES and isinstance(quad.object, Literal)
    }


# ------------------------------------------------------------------------------------------------ as RDF


def core(one: Description, dumps: Sequence[str]) -> Iterator[Quad]:
    """Yield what the dataset says of itself, in its own graph: all but what only finished files can tell.

    *dumps* are the names of the files that hold all of it.
    """
    say = _Speaker(f"{one.base}graph/dataset")
    yield from say(
        one.iri,
        a=["dcat:Dataset", "void:Dataset"],
        dcterms_title=_texts(one.title),
        dcterms_description=_texts(one.description),
        dcat_keyword=[Literal(word, language=language) for language, words in one.keywords.items() for word in words],
        dcterms_license=one.licence,
        dcterms_publisher=one.publisher,
        dcterms_creator=one.publisher,
        dcterms_created=_moment(one.created),
        dcterms_issued=_moment(one.created),
        dcterms_modified=_moment(one.modified),
        dcterms_language=[_authority("language", language) for language in one.languages],
        dcterms_spatial=[place.iri for place in one.places],
        dcterms_temporal=f"{one.iri}-time" if one.earliest and one.latest else None,
        dcterms_provenance=f"{one.iri}-provenance" if one.provenance else None,
        dcterms_accrualPeriodicity=one.frequency and f"{_AUTHORITY}frequency/{one.frequency}",
        dcterms_accessRights=f"{_AUTHORITY}access-right/PUBLIC",
        dcterms_identifier=Literal(one.iri),
        dcat_theme=[theme.iri for theme in one.themes],
        dcterms_subject=[theme.iri for theme in one.themes],
        dcat_contactPoint=f"{one.iri}-contact" if one.contact else None,
        dcat_landingPage=one.page,
        foaf_homepage=one.page,
        dcat_version=one.version and Literal(one.version),
        dcat_previousVersion=one.previous,
        void_uriSpace=Literal(one.base),
        void_exampleResource=list(one.examples),
        void_rootResource=list(one.examples[:1]),
        void_dataDump=[one.base + name for name in dumps],
        void_sparqlEndpoint=one.endpoint,
        void_feature=sorted({_codes()["features"][_media_type(name)[0]] for name in dumps}),
    )
    if one.earliest and one.latest:
        start, end = (Literal(day, datatype=_node("xsd:date")) for day in (one.earliest, one.latest))
        yield from say(f"{one.iri}-time", a="dcterms:PeriodOfTime", dcat_startDate=start, dcat_endDate=end)
    if one.provenance:
        yield from say(f"{one.iri}-provenance", a="dcterms:ProvenanceStatement", rdfs_label=_texts(one.provenance))
    if one.contact:
        yield from say(
            f"{one.iri}-contact",
            a="vcard:Organization",
            vcard_fn=Literal(one.contact.name),
            vcard_hasEmail=f"mailto:{one.contact.email}",
        )


def void(one: Description, counts: Counts, dumps: Sequence[str]) -> list[Quad]:
    """Return VoID: what the dataset says of itself, with its statistics and links to other datasets."""
    say = _Speaker(one.document)
    quads = list(core(one, dumps))
    number = functools.partial(Literal, datatype=_node("xsd:integer"))
    parts: list[str] = []
    for kind, rows, key, value in (
        ("class", counts.classes, "void_class", "void_entities"),
        ("property", counts.properties, "void_property", "void_triples"),
    ):
        taken: set[str] = set()
        for iri, count in rows.items():
            part = _part(f"{one.iri}-{kind}-{local_name(iri)}", taken)
            quads += say(one.iri, **{f"void_{kind}Partition": part})
            quads += say(part, **{key: iri, value: number(str(count))})
    for target in one.targets:
        taken = set()
        for predicate, count in counts.links[target.namespace].items():
            part = _part(f"{one.iri}-{target.name}-{local_name(predicate)}", taken)
            parts.append(part)
            quads += say(
                part,
                a="void:Linkset",
                void_target=[one.iri, target.iri],
                void_subjectsTarget=one.iri,
                void_objectsTarget=target.iri,
                void_linkPredicate=predicate,
                void_triples=number(str(count)),
            )
        quads += say(
            target.iri,
            a="void:Dataset",
            dcterms_title=Literal(target.title, language="en"),
            void_uriSpace=Literal(target.namespace),
        )
    quads += say(
        one.iri,
        void_triples=number(str(counts.triples)),
        void_entities=number(str(counts.entities)),
        void_distinctSubjects=number(str(counts.subjects)),
        void_distinctObjects=number(str(counts.objects)),
        void_classes=number(str(len(counts.classes))),
        void_properties=number(str(len(counts.properties))),
        void_documents=number(str(counts.documents)),
        void_vocabulary=list(counts.vocabularies),
        void_subset=parts,
    )
    quads += say(
        f"{one.base}void", a="void:DatasetDescription", foaf_primaryTopic=one.iri, dcterms_title=_texts(one.title)
    )
    quads += _agent(one, say)
    return arranged(_in_one_graph(quads))


def dcat(one: Description, dumps: Sequence[Written]) -> list[Quad]:
    """Return DCAT 3, as DCAT-AP 3.0.1 wants it: the catalogue, the dataset, a distribution for each dump."""
    say = _Speaker(one.document)
    catalog = f"{one.document}#catalog"
    quads = list(core(one, [dump.path for dump in dumps if not dump.path.endswith(".gz")]))
    quads += say(
        catalog,
        a="dcat:Catalog",
        dcterms_title=_texts(one.title),
        dcterms_description=_texts(one.description),
        dcterms_publisher=one.publisher,
        dcterms_license=one.licence,
        dcterms_issued=_moment(one.created),
        dcterms_modified=_moment(one.modified),
        dcterms_language=[_authority("language", language) for language in one.languages],
        dcterms_spatial=[place.iri for place in one.places],
        dcat_themeTaxonomy=sorted({theme.scheme for theme in one.themes if theme.scheme}),
        dcat_dataset=one.iri,
        dcat_service=f"{one.document}#sparql" if one.endpoint else None,
        foaf_homepage=one.page,
    )
    for dump in dumps:
        quads += _distribution(one, dump, say)
        quads += say(one.iri, dcat_distribution=f"{one.document}#{dump.path}")
    if one.endpoint:
        quads += say(
            f"{one.document}#sparql",
            a="dcat:DataService",
            dcterms_title=_texts(one.title),
            dcterms_conformsTo="https://www.w3.org/TR/sparql11-protocol/",
            dcterms_license=one.licence,
            dcterms_publisher=one.publisher,
            dcat_contactPoint=f"{one.iri}-contact" if one.contact else None,
            dcat_endpointURL=one.endpoint,
            dcat_endpointDescription=one.endpoint,
            dcat_keyword=[Literal(word, language=tag) for tag, words in one.keywords.items() for word in words],
            dcat_servesDataset=one.iri,
            dcat_theme=[theme.iri for theme in one.themes],
        )
    quads += _agent(one, say)
    quads += _codes_in_full(one, [_media_type(dump.path)[0] for dump in dumps], say)
    return arranged(_in_one_graph(quads))


def _distribution(one: Description, dump: Written, say: _Speaker) -> Iterator[Quad]:
    media_type, name = _media_type(dump.path)
    iri = f"{one.document}#{dump.path}"
    compressed = dump.path.endswith(".gz")
    yield from say(
        iri,
        a="dcat:Distribution",
        dcterms_title=Literal(f"{name}, compressed" if compressed else name, language="en"),
        dcterms_description=[
            Literal(f"The whole dataset as {name}{', compressed with gzip' * compressed}.", language="en"),
            Literal(f"Le jeu de données entier en {name}{', comprimé avec gzip' * compressed}.", language="fr"),
        ],
        dcterms_license=one.licence,
        dcterms_rights=one.licence,
        dcterms_issued=_moment(one.created),
        dcterms_modified=_moment(one.modified),
        dcterms_format=_authority("file-type", media_type),
        dcat_mediaType=_MEDIA_TYPE + media_type,
        dcat_compressFormat=f"{_MEDIA_TYPE}application/gzip" if compressed else None,
        dcat_accessURL=one.base + dump.path,
        dcat_downloadURL=one.base + dump.path,
        dcat_byteSize=Literal(str(dump.bytes), datatype=_node("xsd:nonNegativeInteger")),
        dcatap_availability=f"{_AUTHORITY}planned-availability/AVAILABLE",
        spdx_checksum=f"{iri}-checksum",
    )
    yield from say(
        f"{iri}-checksum",
        a="spdx:Checksum",
        spdx_algorithm="spdx:checksumAlgorithm_sha256",
        spdx_checksumValue=Literal(dump.sha256, datatype=_node("xsd:hexBinary")),
    )


def _agent(one: Description, say: _Speaker) -> Iterator[Quad]:
    yield from say(one.publisher, a="foaf:Agent", foaf_name=_texts(one.publisher_name))
    yield from say(one.licence, a="dcterms:LicenseDocument")


def _codes_in_full(one: Description, media_types: Sequence[str], say: _Speaker) -> Iterator[Quad]:
    """Yield what each code of a European table is: those who check look for it in the data."""
    used = [("language", code) for code in one.languages] + [("file-type", media_type) for media_type in media_types]
    codes = [(table, _codes()[table][word]) for table, word in used if word in _codes()[table]]
    codes += [("access-right", "PUBLIC"), ("planned-availability", "AVAILABLE")]
    codes += [("frequency", one.frequency)] if one.frequency else []
    for table, code in sorted(set(codes)):
        label = Literal(code.replace("_", " ").capitalize() if table != "language" else code, language="en")
        yield from say(
            f"{_AUTHORITY}{table}/{code}", a="skos:Concept", skos_inScheme=_AUTHORITY + table, skos_prefLabel=label
        )
    for concept, kind in [
        *((one_, "skos:Concept") for one_ in one.themes),
        *((one_, "dcterms:Location") for one_ in one.places),
    ]:
        yield from say(concept.iri, a=kind, skos_inScheme=concept.scheme, skos_prefLabel=_texts(concept.label))
    for scheme in sorted({theme.scheme for theme in one.themes if theme.scheme}):
        yield from say(scheme, a="skos:ConceptScheme", dcterms_title=Literal(local_name(scheme), language="en"))
    yield from say(f"{_AUTHORITY}access-right/PUBLIC", a="dcterms:RightsStatement")
    yield from say("spdx:checksumAlgorithm_sha256", a="spdx:ChecksumAlgorithm")


# ----------------------------------------------------------------------------------------- as schema.org


def schema_org(one: Description, dumps: Sequence[Written], language: str = "en") -> dict[str, Any]:
    """Return the dataset as schema.org's Dataset in JSON-LD: what Google's Dataset Search reads."""
    publisher = {"@type": "Organization", "@id": one.publisher, "name": said(one.publisher_name, language)}
    node: dict[str, Any] = {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": "Dataset",
        "@id": one.iri,
        "name": said(one.title, language),
        "alternateName": [text for tag, text in sorted(one.title.items()) if text != said(one.title, language)],
        "description": said(one.description, language),
        "url": one.page,
        "identifier": one.iri,
        "license": one.licence,
        "isAccessibleForFree": True,
        "keywords": list(one.keywords.get(language, ())),
        "inLanguage": list(one.languages),
        "creator": publisher if one.publisher_name else None,
        "publisher": publisher if one.publisher_name else None,
        "version": one.version,
        "dateCreated": one.created,
        "datePublished": one.created,
        "dateModified": one.modified,
        "temporalCoverage": f"{one.earliest}/{one.latest}" if one.earliest and one.latest else None,
        "spatialCoverage": [
            {"@type": "Place", "@id": place.iri, "name": said(place.label, language)} for place in one.places
        ],
        "includedInDataCatalog": {
            "@type": "DataCatalog",
            "@id": f"{one.document}#catalog",
            "name": said(one.title, language),
        },
        "distribution": [
            {
                "@type": "DataDownload",
                "@id": f"{one.document}#{dump.path}",
                "contentUrl": one.base + dump.path,
                "encodingFormat": "application/gzip" if dump.path.endswith(".gz") else _media_type(dump.path)[0],
                "contentSize": f"{dump.bytes} B",
                "sha256": dump.sha256,
            }
            for dump in dumps
        ],
    }
    return {key: value for key, value in node.items() if value not in (None, "", [])}


def schema_org_text(one: Description, dumps: Sequence[Written], language: str = "en") -> str:
    """Return the same as text that may stand in a page: no ``</script>`` can end it."""
    text = json.dumps(schema_org(one, dumps, language), ensure_ascii=False, indent=1)
    return text.replace("<", "\\u003c")


# ---------------------------------------------------------------------------------------------- how it is said


@dataclass(frozen=True)
class _Speaker:
    """Makes quads in one graph: ``say(iri, dcterms_title=…)``; what is None or empty is not said."""

    graph: str

    def __call__(self, subject: str, /, a: Any = (), **statements: Any) -> list[Quad]:
        kinds = [a] if isinstance(a, str) else a
        rows = [("rdf:type", kind) for kind in kinds]
        for key, value in statements.items():
            many = value if isinstance(value, (list, tuple)) else [value]
            rows += [(key.replace("_", ":", 1), one) for one in many if one]
        return [Quad(_node(subject), _node(key), _node(value), NamedNode(self.graph)) for key, value in rows]


def _node(value: Any) -> Any:
    """Return a term: a literal as it is, ``prefix:name`` of the vocabularies above, or an IRI."""
    if not isinstance(value, str):
        return value
    prefix, _, name = value.partition(":")
    return NamedNode(PREFIXES[prefix] + name if prefix in PREFIXES and not name.startswith("//") else value)


def _texts(texts: Texts) -> list[Literal]:
    return [Literal(text, language=language) if language else Literal(text) for language, text in texts.items()]


def _moment(text: str | None) -> Literal | None:
    return Literal(text, datatype=NamedNode(PREFIXES["xsd"] + "dateTime")) if text else None


def _part(wanted: str, taken: set[str]) -> str:
    """Return an IRI for a part; of several with one local name, those that follow get a number."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    taken.add(name)
    return name


def _in_one_graph(quads: Iterable[Quad]) -> Iterator[Quad]:
    graph = NamedNode("urn:x-spacecoop:one")  # flat syntaxes leave it out
    return (Quad(quad.subject, quad.predicate, quad.object, graph) for quad in quads)


@functools.cache
def _codes() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files("spacecoop").joinpath("authorities.toml").read_text("utf-8"))


def _authority(table: str, word: str) -> str | None:
    code = _codes()[table].get(word)
    return f"{_AUTHORITY}{table}/{code}" if code else None


def _media_type(path: str) -> tuple[str, str]:
    """Return the media type and name of a dump's syntax, by its ending."""
    syntax = BY_ENDING["." + path.removesuffix(".gz").rpartition(".")[2]]
    return syntax.media_type, syntax.name
