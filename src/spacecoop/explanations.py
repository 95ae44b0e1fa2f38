"""A workspace's shapes and the reader's own rules in, what each rule means out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spacecoop import documents, findings, shared
from spacecoop.findings import Severity, choose_text
from spacecoop.messages import Words
from spacecoop.shapes import Shapes
from spacecoop.workspace import Workspace

EXAMPLES = "shapes/examples.yaml"


@dataclass(frozen=True)
class Explanation:
    """What one rule means."""

    name: str
    severity: Severity
    title: Mapping[str, str]
    message: Mapping[str, str]
    """What it says of data that breaks it; empty for a shape that only others speak for."""
    why: Mapping[str, str]
    good: str | None = None
    """A piece of a file that keeps the rule."""
    bad: str | None = None
    """The same piece, breaking it."""
    also: tuple[str, ...] = field(default=())
    """The rules that the bad example cannot help breaking as well."""

    def text(self, language: str) -> str:
        """Return the explanation for people."""
        severity = choose_text(self.severity.word, language)
        lines = [Words("{}: {} ({})", self.name, choose_text(self.title, language), severity).text(language)]
        if self.message:
            lines += ["", choose_text(self.message, language)]
        if self.why:
            lines += ["", f"{Words('Why:').text(language)} {choose_text(self.why, language)}"]
        for key, example in (("Good:", self.good), ("Bad:", self.bad)):
            if example is not None:
                rows = example.splitlines() or [Words("(left out)").text(language)]
                lines += ["", Words(key).text(language), *(f"  {row}" for row in rows)]
        if self.also:
            lines += ["", f"{Words('It breaks as well:').text(language)} {', '.join(self.also)}"]
        return "\n".join(lines)


def load(workspace: Workspace) -> dict[str, Explanation]:
    """Return what each rule of a workspace means, by name: its shapes first, then the reader's own rules.

    Raises Unreadable where the shapes or their examples cannot be read.
    """
    shapes, _ = shared.read_shapes(workspace)
    return {one.name: one for one in (*_explain_shapes(shapes, _examples(workspace)), *_own())}


def _examples(workspace: Workspace) -> Mapping[str, Mapping[str, Any]]:
    path = workspace.root / EXAMPLES
    if not path.is_file():
        return {}
    data = documents.read(documents.load(path, EXAMPLES), EXAMPLES).data
    rows = data if isinstance(data, dict) else {}
    return {name: row for name, row in rows.items() if isinstance(row, dict)}


def _explain_shapes(shapes: Shapes, examples: Mapping[str, Mapping[str, Any]]) -> Iterator[Explanation]:
    for iri in sorted(shapes.rules):
        rule = shapes.rules[iri]
        row = examples.get(rule.name, {})
        shown = (row.get("good"), row.get("bad"), tuple(row.get("also", ())))
        yield Explanation(rule.name, rule.severity, rule.title, rule.messages, rule.description, *shown)


def _own() -> Iterator[Explanation]:
    for name, row in sorted(findings.rules().items()):
        severity = Severity[row.get("severity", "violation").upper()]
        message = {
            language: "; ".join(_leave_open(part) for part in (text, row.get("hint", {}).get(language)) if part)
            for language, text in row["message"].items()
        }
        shown = (row.get("good"), row.get("bad"), tuple(row.get("also", ())))
        yield Explanation(name, severity, row.get("title", {"en": name}), message, row.get("why", {}), *shown)


def _leave_open(template: str) -> str:
    """Return a message with dots where a finding has its values.

    >>> _leave_open("no key {key!r} in {{ }}")
    'no key … in { }'
    """
    return re.sub(r"(?<!\{)\{\w+[^{}]*\}(?!\})", "…", template).replace("{{", "{").replace("}}", "}")
