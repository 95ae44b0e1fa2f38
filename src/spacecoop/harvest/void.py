"""The description of the dataset and its numbers in; VoID out."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pyoxigraph import Literal, Quad

from spacecoop.harvest.counting import Counts
from spacecoop.harvest.description import Description, agent, core
from spacecoop.harvest.statements import Speaker, node, put_in_one_graph, texts
from spacecoop.iris import local_name
from spacecoop.quads import arrange


def describe(dataset: Description, counts: Counts, dumps: Sequence[str]) -> Sequence[Quad]:
    """Return VoID: what the dataset says of itself, with its statistics and links to other datasets."""
    say = Speaker(dataset.document)
    quads = list(core(dataset, dumps))
    number = functools.partial(Literal, datatype=node("xsd:integer"))
    parts: list[str] = []
    for kind, rows, key, value in (
        ("class", counts.classes, "void_class", "void_entities"),
        ("property", counts.properties, "void_property", "void_triples"),
    ):
        taken: set[str] = set()
        for iri, count in rows.items():
            part = _part(f"{dataset.iri}-{kind}-{local_name(iri)}", taken)
            quads += say(dataset.iri, **{f"void_{kind}Partition": part})
            quads += say(part, **{key: iri, value: number(str(count))})
    for target in dataset.targets:
        taken = set()
        for predicate, count in counts.links[target.namespace].items():
            part = _part(f"{dataset.iri}-{target.name}-{local_name(predicate)}", taken)
            parts.append(part)
            quads += say(
                part,
                a="void:Linkset",
                void_target=[dataset.iri, target.iri],
                void_subjectsTarget=dataset.iri,
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
        dataset.iri,
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
        f"{dataset.base}void",
        a="void:DatasetDescription",
        foaf_primaryTopic=dataset.iri,
        dcterms_title=texts(dataset.title),
    )
    quads += agent(dataset, say)
    return arrange(put_in_one_graph(quads))


def _part(wanted: str, taken: set[str]) -> str:
    """Return an IRI for a part; of several with one local name, those that follow get a number."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    taken.add(name)
    return name
