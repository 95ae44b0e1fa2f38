"""Settings and data in; all that is known of the dataset, as values and as what it says of itself in RDF, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, Quad

from spacecoop.findings import choose_text
from spacecoop.harvest import editions
from spacecoop.harvest.codes import AUTHORITY, authority, codes, licence_type, syntax_of
from spacecoop.harvest.editions import Edition
from spacecoop.harvest.statements import PREFIXES, Speaker, Texts, moment, node, texts
from spacecoop.quads import text
from spacecoop.workspace import Workspace

_NAMES = (PREFIXES["foaf"] + "name", PREFIXES["rdfs"] + "label", PREFIXES["skos"] + "prefLabel")


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
    publisher_type: str | None
    """A code of ADMS, such as ``NonProfitOrganisation``."""
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
        return choose_text(self.publisher_name, "en") or self.publisher

    @property
    def page(self) -> str:
        """The page about the dataset, for people."""
        return self.base


def describe(
    workspace: Workspace, shared: Iterable[Quad], published: Sequence[Edition], bounds: tuple[str | None, str | None]
) -> Description:
    """Collect all that settings and data say of the dataset.

    *shared* are the quads of the shared files, *bounds* the first and last day that claims are about.
    """
    settings = workspace.settings.get("catalog", {})
    shared = list(shared)
    dates = [one.date for one in published]
    things = sorted({text(quad.subject) for quad in shared if text(quad.subject).startswith(f"{workspace.base}id/")})
    return Description(
        base=workspace.base,
        title=workspace.title,
        description=dict(settings.get("description", {})),
        keywords={language: tuple(words) for language, words in settings.get("keywords", {}).items()},
        languages=workspace.languages,
        licence=workspace.licence,
        publisher=workspace.publisher,
        publisher_name=settings.get("publisher_name") or _names(shared, workspace.publisher),
        publisher_type=settings.get("publisher_type"),
        contact=Contact(**settings["contact"]) if "contact" in settings else None,
        home=settings.get("home"),
        endpoint=settings.get("endpoint"),
        themes=[Concept(row["iri"], row["label"], row.get("scheme")) for row in settings.get("themes", [])],
        places=[Concept(row["iri"], row["label"], row.get("scheme")) for row in settings.get("places", [])],
        provenance=dict(settings.get("provenance", {})),
        frequency=settings.get("frequency"),
        version=settings.get("version"),
        previous=settings.get("previous"),
        created=min((date for date in dates if date), default=None),
        modified=editions.date_build(dates),
        earliest=bounds[0],
        latest=bounds[1],
        targets=targets(workspace),
        examples=[*(one.iri for one in published[:1]), *things[:1]],
    )


def targets(workspace: Workspace) -> list[Target]:
    """Return the datasets to which links are counted, as the settings name them."""
    return [Target(**row) for row in workspace.settings.get("catalog", {}).get("targets", [])]


def _names(quads: Iterable[Quad], iri: str) -> Texts:
    return {
        quad.object.language or "": text(quad.object)
        for quad in quads
        if text(quad.subject) == iri and quad.predicate.value in _NAMES and isinstance(quad.object, Literal)
    }


def core(dataset: Description, dumps: Sequence[str]) -> Iterator[Quad]:
    """Yield what the dataset says of itself, in its own graph: all but what only finished files can tell.

    *dumps* are the names of the files that hold all of it.
    """
    say = Speaker(f"{dataset.base}graph/dataset")
    yield from say(
        dataset.iri,
        a=["dcat:Dataset", "void:Dataset"],
        dcterms_title=texts(dataset.title),
        dcterms_description=texts(dataset.description),
        dcat_keyword=[
            Literal(word, language=language) for language, words in dataset.keywords.items() for word in words
        ],
        dcterms_license=dataset.licence,
        dcterms_publisher=dataset.publisher,
        dcterms_creator=dataset.publisher,
        dcterms_created=moment(dataset.created),
        dcterms_issued=moment(dataset.created),
        dcterms_modified=moment(dataset.modified),
        dcterms_language=[authority("language", language) for language in dataset.languages],
        dcterms_spatial=[place.iri for place in dataset.places],
        dcterms_temporal=f"{dataset.iri}-time" if dataset.earliest and dataset.latest else None,
        dcterms_provenance=f"{dataset.iri}-provenance" if dataset.provenance else None,
        dcterms_accrualPeriodicity=dataset.frequency and f"{AUTHORITY}frequency/{dataset.frequency}",
        dcterms_accessRights=f"{AUTHORITY}access-right/PUBLIC",
        dcterms_identifier=Literal(dataset.iri),
        dcat_theme=[theme.iri for theme in dataset.themes],
        dcterms_subject=[theme.iri for theme in dataset.themes],
        dcat_contactPoint=f"{dataset.iri}-contact" if dataset.contact else None,
        dcat_landingPage=dataset.page,
        foaf_homepage=dataset.page,
        dcat_version=dataset.version and Literal(dataset.version),
        dcat_previousVersion=dataset.previous,
        void_uriSpace=Literal(dataset.base),
        void_exampleResource=list(dataset.examples),
        void_rootResource=list(dataset.examples[:1]),
        void_dataDump=[dataset.base + name for name in dumps],
        void_sparqlEndpoint=dataset.endpoint,
        void_feature=sorted({codes()["features"][syntax_of(name)[0]] for name in dumps}),
    )
    if dataset.earliest and dataset.latest:
        start, end = (Literal(day, datatype=node("xsd:date")) for day in (dataset.earliest, dataset.latest))
        yield from say(f"{dataset.iri}-time", a="dcterms:PeriodOfTime", dcat_startDate=start, dcat_endDate=end)
    if dataset.provenance:
        yield from say(
            f"{dataset.iri}-provenance", a="dcterms:ProvenanceStatement", rdfs_label=texts(dataset.provenance)
        )
    if dataset.contact:
        yield from say(
            f"{dataset.iri}-contact",
            a=["vcard:Kind", "vcard:Organization"],
            vcard_fn=Literal(dataset.contact.name),
            vcard_hasEmail=f"mailto:{dataset.contact.email}",
        )


def agent(dataset: Description, say: Speaker) -> Iterator[Quad]:
    """Yield who publishes, and under which licence."""
    yield from say(dataset.publisher, a="foaf:Agent", foaf_name=texts(dataset.publisher_name))
    yield from say(dataset.licence, a="dcterms:LicenseDocument", dcterms_type=licence_type(dataset.licence))
