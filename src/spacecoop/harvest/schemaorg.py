"""The description of the dataset and its dumps in; schema.org's Dataset, which search engines read, out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from spacecoop.findings import choose_text
from spacecoop.harvest.codes import syntax_of
from spacecoop.harvest.description import Description
from spacecoop.output import Written


def describe(dataset: Description, dumps: Sequence[Written], language: str = "en") -> dict[str, Any]:
    """Return the dataset as schema.org's Dataset in JSON-LD: what Google's Dataset Search reads."""
    publisher = {
        "@type": "Organization",
        "@id": dataset.publisher,
        "name": choose_text(dataset.publisher_name, language),
    }
    node: dict[str, Any] = {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": "Dataset",
        "@id": dataset.iri,
        "name": choose_text(dataset.title, language),
        "alternateName": [
            text for tag, text in sorted(dataset.title.items()) if text != choose_text(dataset.title, language)
        ],
        "description": choose_text(dataset.description, language),
        "url": dataset.page,
        "identifier": dataset.iri,
        "license": dataset.licence,
        "isAccessibleForFree": True,
        "keywords": list(dataset.keywords.get(language, ())),
        "inLanguage": list(dataset.languages),
        "creator": publisher if dataset.publisher_name else None,
        "publisher": publisher if dataset.publisher_name else None,
        "version": dataset.version,
        "dateCreated": dataset.created,
        "datePublished": dataset.created,
        "dateModified": dataset.modified,
        "temporalCoverage": f"{dataset.earliest}/{dataset.latest}" if dataset.earliest and dataset.latest else None,
        "spatialCoverage": [
            {"@type": "Place", "@id": place.iri, "name": choose_text(place.label, language)} for place in dataset.places
        ],
        "includedInDataCatalog": {
            "@type": "DataCatalog",
            "@id": f"{dataset.document}#catalog",
            "name": choose_text(dataset.title, language),
        },
        "distribution": [
            {
                "@type": "DataDownload",
                "@id": f"{dataset.document}#{dump.path}",
                "contentUrl": dataset.base + dump.path,
                "encodingFormat": "application/gzip" if dump.path.endswith(".gz") else syntax_of(dump.path)[0],
                "contentSize": f"{dump.bytes} B",
                "sha256": dump.sha256,
            }
            for dump in dumps
        ],
    }
    return {key: value for key, value in node.items() if value not in (None, "", [])}


def as_text(dataset: Description, dumps: Sequence[Written], language: str = "en") -> str:
    """Return the same as text that may stand in a page: no ``</script>`` can end it."""
    text = json.dumps(describe(dataset, dumps, language), ensure_ascii=False, indent=1)
    return text.replace("<", "\\u003c")
