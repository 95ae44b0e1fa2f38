"""A node, a property and a value in; where they stand in their file out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spacecoop.findings import Place


@dataclass(frozen=True)
class Places:
    """Where the nodes of one file stand, and the values of their properties."""

    file: str
    nodes: dict[str, Place] = field(default_factory=dict)
    values: dict[tuple[str, str], list[tuple[str, Place, Place]]] = field(default_factory=dict)
    """By node and property: each value, the place of its key and its own place."""

    def find(self, node: str, path: str | None = None, value: str | None = None) -> Place:
        """Return the place of a value, else of the property's key, else of the node, else the file's top."""
        rows = self.values.get((node, path or ""), [])
        for written, _, place in rows:
            if written == value:
                return place
        if rows:
            return rows[0][1] if len(rows) > 1 or value is None else rows[0][2]
        return self.nodes.get(node, Place(self.file))

    def rename(self, names: Mapping[str, str]) -> Places:
        """Return the same places with blank nodes under their new IRIs."""
        return Places(
            self.file,
            {names.get(node, node): place for node, place in self.nodes.items()},
            {
                (names.get(node, node), path): [(names.get(value, value), key, place) for value, key, place in rows]
                for (node, path), rows in self.values.items()
            },
        )
