"""A YAML fact file and one of its nodes in; the same file with one more key on that node out, all else as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from spacecoop import documents
from spacecoop.documents import Document, Steps, Unreadable
from spacecoop.findings import Place


def add(source: str, document: Document, node: Place, key: str, value: str) -> str | None:
    """Return the text with *key* and *value* on the node that begins at a place; None where there is no way.

    It goes behind the key that it follows elsewhere in the file, else behind the node's first words. What comes out is
    read again: it says what it said, and this.
    """
    steps = document.find(node)
    mapping = _find_node(document.data, steps) if steps is not None else None
    if steps is None or not isinstance(mapping, dict) or key in mapping:
        return None
    wanted = deepcopy(document.data)
    _find_node(wanted, steps)[key] = value
    for before in _befores(document, mapping, key):
        for written in (value, json.dumps(value, ensure_ascii=False)):
            text = _insert(source, document, (*steps, before), f"{key}: {written}")
            if _says(text, document.file, wanted):
                return text
    return None


def _befores(document: Document, mapping: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the keys of a node that another may be written behind, the best first."""
    scalars = [name for name, value in mapping.items() if not isinstance(value, dict | list)]
    elsewhere = [names[names.index(key) - 1] for names in _keys(document.data) if key in names[1:]]
    yield from (name for name in dict.fromkeys(reversed(elsewhere)) if name in scalars)
    first = list(mapping)
    run = [name for number, name in enumerate(scalars) if first[number] == name]
    yield from reversed(run)
    yield from (name for name in scalars if name not in run)


def _keys(value: Any) -> Iterator[list[str]]:
    """Yield the keys of each mapping inside of a value, and of the value."""
    if isinstance(value, dict):
        yield list(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(inner)


def _find_node(data: Any, steps: Steps) -> Any:
    for step in steps:
        data = data[step]
    return data


def _insert(source: str, document: Document, before: Steps, entry: str) -> str:
    lines = source.splitlines(keepends=True)
    end, node = document.end(before), document.place(before[:-1])
    number = end.line - 1
    flow = lines[node.line - 1][node.column - 1] == "{"
    if flow:
        lines[number] = f"{lines[number][: end.column - 1]}, {entry}{lines[number][end.column - 1 :]}"
    else:
        row = lines[number]
        bare = row.rstrip("\r\n")
        stop = row[len(bare) :] or "\n"
        lines[number] = f"{bare}{stop}{' ' * (document.key_place(before).column - 1)}{entry}{row[len(bare) :]}"
    return "".join(lines)


def _says(text: str, file: str, wanted: Any) -> bool:
    try:
        return bool(documents.read(text.encode(), file).data == wanted)
    except Unreadable:
        return False
