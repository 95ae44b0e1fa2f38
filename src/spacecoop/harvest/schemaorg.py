"""The description of the dataset and its dumps in; schema.org's Dataset, which search engines read, out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from spacecoop.findings import choose_text
from spacecoop.harvest.codes import syntax_of
from spacecoop.harvest.description import Description
from spacecoop.output import Written


def describe(one: Description, dumps: Sequence[Written], language: str = "en") -> dict[str, Any]:
    """Return the dataset as schema.org's Dataset in JSON-LD: what Google's Dataset Search reads."""
    publisher = {"@type": "Organization", "@id": one.publisher, "name": choose_text(one.publisher_name, language)}
    node: dict[str, Any] = {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": "Dataset",
        "@id": one.iri,
        "name": choose_text(one.title, language),
        "alternateName": [text for tag, text in sorted(one.title.items()) if text != choose_text(one.title, language)],
        "description": choose_text(one.description, language),
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
            {"@type": "Place", "@id": place.iri, "name": choose_text(place.label, language)} for place in one.places
        ],
        "includedInDataCatalog": {
            "@type": "DataCatalog",
            "@id": f"{one.document}#catalog",
            "name": choose_text(one.title, language),
        },
        "distribution": [
            {
                "@type": "DataDownload",
                "@id": f"{one.document}#{dump.path}",
                "contentUrl": one.base + dump.path,
                "encodingFormat": "application/gzip" if dump.path.endswith(".gz") else syntax_of(dump.path)[0],
                "contentSize": f"{dump.bytes} B",
                "sha256": dump.sha256,
            }
            for dump in dumps
        ],
    }
    return {key: value for key, value in node.items() if value not in (None, "", [])}


def as_text(one: Description, dumps: Sequence[Written], language: str = "en") -> str:
    """Return the same as text that may stand in a page: no ``</script>`` can end it."""
    text = json.dumps(describe(one, dumps, language), ensure_ascii=False, indent=1)
    return text.replace("<", "\\u003c")
