"""SSSOM's own examples are read where its validator accepts them; no package carries them: `make mappings`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spacecoop.findings import Severity
from spacecoop.links import mappings

OF_OURS = {"mapping-unreviewed", "mapping-set", "mapping-twice"}


@pytest.mark.skipif("SPACECOOP_SSSOM_EXAMPLES" not in os.environ, reason="SPACECOOP_SSSOM_EXAMPLES names no folder")
def test_the_examples_of_the_format_are_read_where_its_validator_accepts_them() -> None:
    """The folder `examples` of mapping-commons/sssom: those in `external` have their heading elsewhere."""
    files = sorted(Path(os.environ["SPACECOOP_SSSOM_EXAMPLES"]).rglob("*.tsv"))
    read = {file: mappings.read(file.read_bytes(), file.name, {}) for file in files}
    refused = {
        file
        for file, one in read.items()
        if any(found.severity > Severity.INFO and found.rule not in OF_OURS for found in one.findings)
    }

    assert len(files) > 25
    assert {file.parent.name for file in refused} == {"external"}
    assert {file for file in files if file.parent.name == "external"} == refused
