"""Debian's Apache Jena (libapache-jena-java) as a class path that runs."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

JARS = Path("/usr/share/java")
_NAMES = """
jena-arq jena-base jena-cmds jena-core jena-dboe-base jena-dboe-index jena-dboe-storage jena-dboe-trans-data
jena-dboe-transaction jena-iri jena-rdfconnection jena-shacl jena-shex jena-tdb jena-tdb2 commons-cli commons-codec
commons-compress commons-csv commons-io commons-lang3 dexx.collection gson guava jackson-annotations jackson-core
jackson-databind jakarta.json-api jsonld-java protobuf slf4j-api slf4j-simple thrift titanium-json-ld httpclient
httpcore commons-logging
"""
_RESOURCES = "org/apache/jena/ext/"


def is_here() -> bool:
    """Tell whether Jena and Java are installed."""
    return bool(shutil.which("java")) and (JARS / "jena-tdb2.jar").is_file()


def class_path(folder: Path) -> str:
    """Return the class path. Debian moved Jena's copy of Xerces, but not what it reads; that is laid into *folder*."""
    with zipfile.ZipFile(JARS / "jena-core.jar") as jar:
        for name in jar.namelist():
            if name.startswith(f"{_RESOURCES}xerces/") and not name.endswith("/"):
                target = folder / name.removeprefix(_RESOURCES)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(jar.read(name))
    return ":".join([str(folder), *(str(JARS / f"{name}.jar") for name in _NAMES.split())])
