"""The description of the dataset and its dumps in; DCAT 3, as DCAT-AP 3.0.1 wants it, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pyoxigraph import Literal, Quad

from spacecoop.harvest import statements
from spacecoop.harvest.codes import (
    AUTHORITY,
    LICENCE_TYPES,
    MEDIA_TYPES,
    PUBLISHER_TYPES,
    authority,
    licence_type,
    name_of,
    syntax_of,
)
from spacecoop.harvest.description import Description, agent, core
from spacecoop.harvest.statements import Speaker, moment, node, put_in_one_graph, texts
from spacecoop.iris import local_name
from spacecoop.messages import Words
from spacecoop.output import Written
from spacecoop.quads import arrange

PREFIXES = {
    prefix: statements.PREFIXES[prefix]
    for prefix in (
        "adms",
        "dcat",
        "dcatap",
        "dcterms",
        "foaf",
        "prov",
        "rdf",
        "rdfs",
        "skos",
        "spdx",
        "vcard",
        "void",
        "xsd",
    )
}
"""What descriptions are written with."""

_PROTOCOL = "https://www.w3.org/TR/sparql11-protocol/"


def describe(
    dataset: Description, dumps: Sequence[Written], more: Iterable[Quad] = (), blocks: Sequence[Written] = ()
) -> Sequence[Quad]:
    """Return the catalogue, the dataset, a distribution for each dump, and a service where there is an endpoint.

    *more* is what else belongs into the same document. *blocks* together are one dump once more.
    """
    say = Speaker(dataset.document)
    catalog = f"{dataset.document}#catalog"
    quads = list(
        core(dataset, [dump.path for dump in (*dumps, *blocks) if dump in blocks or not dump.path.endswith(".gz")])
    )
    quads += say(
        catalog,
        a="dcat:Catalog",
        dcterms_title=texts(dataset.title),
        dcterms_description=texts(dataset.description),
        dcterms_publisher=dataset.publisher,
        dcterms_license=dataset.licence,
        dcterms_issued=moment(dataset.created),
        dcterms_modified=moment(dataset.modified),
        dcterms_language=[authority("language", language) for language in dataset.languages],
        dcterms_spatial=[place.iri for place in dataset.places],
        dcat_themeTaxonomy=sorted({theme.scheme for theme in dataset.themes if theme.scheme}),
        dcat_dataset=dataset.iri,
        dcat_service=f"{dataset.document}#sparql" if dataset.endpoint else None,
        foaf_homepage=dataset.page,
    )
    for dump in (*dumps, *blocks):
        part = f"{blocks.index(dump) + 1}/{len(blocks)}" if dump in blocks else ""
        quads += _distribution(dataset, dump, say, part)
        quads += say(dataset.iri, dcat_distribution=f"{dataset.document}#{dump.path}")
    if dataset.endpoint:
        quads += say(
            f"{dataset.document}#sparql",
            a="dcat:DataService",
            dcterms_title=texts(dataset.title),
            dcterms_conformsTo=_PROTOCOL,
            dcterms_license=dataset.licence,
            dcterms_publisher=dataset.publisher,
            dcat_contactPoint=f"{dataset.iri}-contact" if dataset.contact else None,
            dcat_endpointURL=dataset.endpoint,
            dcat_endpointDescription=dataset.endpoint,
            dcat_keyword=[Literal(word, language=tag) for tag, words in dataset.keywords.items() for word in words],
            dcat_servesDataset=dataset.iri,
            dcat_theme=[theme.iri for theme in dataset.themes],
        )
    quads += agent(dataset, say)
    quads += _classes(dataset, dumps, say)
    return arrange(put_in_one_graph([*quads, *more]))


def _distribution(dataset: Description, dump: Written, say: Speaker, part: str) -> Iterator[Quad]:
    """Yield a dump, or a *part* of one."""
    media_type, name = syntax_of(dump.path)
    iri = f"{dataset.document}#{dump.path}"
    compressed = dump.path.endswith(".gz")
    whole = Words("Part {} of the dataset", part) if part else Words("The whole dataset")
    described = Words("{} as {}, compressed with gzip." if compressed else "{} as {}.", whole, name)
    yield from say(
        iri,
        a="dcat:Distribution",
        dcterms_title=Literal(f"{name}{', compressed' * compressed}{f', part {part}' * bool(part)}", language="en"),
        dcterms_description=[Literal(text, language=language) for language, text in described.items()],
        dcterms_license=dataset.licence,
        dcterms_rights=dataset.licence,
        dcterms_issued=moment(dataset.created),
        dcterms_modified=moment(dataset.modified),
        dcterms_format=authority("file-type", media_type),
        dcat_mediaType=MEDIA_TYPES + media_type,
        dcat_compressFormat=f"{MEDIA_TYPES}application/gzip" if compressed else None,
        dcat_accessURL=dataset.base + dump.path,
        dcat_downloadURL=dataset.base + dump.path,
        dcat_byteSize=Literal(str(dump.bytes), datatype=node("xsd:nonNegativeInteger")),
        dcatap_availability=f"{AUTHORITY}planned-availability/AVAILABLE",
        spdx_checksum=f"{iri}-checksum",
    )
    yield from say(
        f"{iri}-checksum",
        a="spdx:Checksum",
        spdx_algorithm="spdx:checksumAlgorithm_sha256",
        spdx_checksumValue=Literal(dump.sha256, datatype=node("xsd:hexBinary")),
    )


def _classes(dataset: Description, dumps: Sequence[Written], say: Speaker) -> Iterator[Quad]:
    """Yield of which class each value is that lies elsewhere: those who check look for it in the data."""
    media_types = [syntax_of(dump.path)[0] for dump in dumps]
    compressed = ["application/gzip"] if any(dump.path.endswith(".gz") for dump in dumps) else []
    yield from say(dataset.page, a="foaf:Document")
    yield from say(dataset.licence, a="dcterms:RightsStatement")  # each licence is one
    for media_type in sorted({*media_types, *compressed}):
        yield from say(MEDIA_TYPES + media_type, a="dcterms:MediaType")
    yield from say("spdx:checksumAlgorithm_sha256", a="spdx:ChecksumAlgorithm")
    if dataset.endpoint:
        yield from say(_PROTOCOL, a="dcterms:Standard")

    listed = [
        *((authority("language", word), ["dcterms:LinguisticSystem"]) for word in dataset.languages),
        *((authority("file-type", word), ["dcterms:MediaTypeOrExtent"]) for word in media_types),
        (f"{AUTHORITY}access-right/PUBLIC", ["dcterms:RightsStatement"]),
        (f"{AUTHORITY}planned-availability/AVAILABLE", []),
        (dataset.frequency and f"{AUTHORITY}frequency/{dataset.frequency}", ["dcterms:Frequency"]),
    ]
    for code, kinds in {code: kinds for code, kinds in listed if code}.items():
        scheme, _, word = code.rpartition("/")
        label = Literal(name_of(word), language="en")
        yield from say(code, a=["skos:Concept", *kinds], skos_inScheme=scheme, skos_prefLabel=label)
    if kind := licence_type(dataset.licence):
        label = Literal(local_name(kind), language="en")
        yield from say(kind, a="skos:Concept", skos_inScheme=f"{LICENCE_TYPES}1.0", skos_prefLabel=label)
    if dataset.publisher_type:
        label = Literal(dataset.publisher_type, language="en")
        kind = PUBLISHER_TYPES + dataset.publisher_type
        yield from say(dataset.publisher, dcterms_type=kind)
        yield from say(kind, a="skos:Concept", skos_inScheme=f"{PUBLISHER_TYPES}1.0", skos_prefLabel=label)
    for theme in dataset.themes:
        yield from say(theme.iri, a="skos:Concept", skos_inScheme=theme.scheme, skos_prefLabel=texts(theme.label))
    for place in dataset.places:
        yield from say(place.iri, a="dcterms:Location", skos_inScheme=place.scheme, skos_prefLabel=texts(place.label))
    for scheme in sorted({theme.scheme for theme in dataset.themes if theme.scheme}):
        yield from say(scheme, a="skos:ConceptScheme", dcterms_title=Literal(local_name(scheme), language="en"))
