"""Values in, the text of a file out, by a template of the workspace; only here is the template library met."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jinja2 import TemplateError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from spacecoop.drafts.rules import RulesError


class _Empty(Undefined):
    """A value that no rule gives: nothing is written, and a person owes it."""

    __slots__ = ()


_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, OSError)
"""What a template that somebody wrote may end in."""


def fill(template: Path, values: dict[str, object]) -> str:
    """Fill a template; raises RulesError where it cannot be used.

    A template reads only what it is given, and cannot reach into the program.
    """
    environment = SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, undefined=_Empty, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["quoted"] = quote
    try:
        filled = environment.from_string(template.read_text("utf-8")).render(values)
    except _FAULTS as error:
        raise RulesError(f"{template}: {error}") from error
    lines = (line.rstrip() for line in filled.rstrip().splitlines())
    return "\n".join(lines) + "\n"


def list_keys(template: Path) -> frozenset[str]:
    """Return the keys that a template writes at the beginnings of lines; raises RulesError where it cannot be read."""
    try:
        return frozenset(re.findall(r"^([\w-]+):", template.read_text("utf-8"), re.MULTILINE))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"{template}: {error}") from error


def quote(value: object) -> str:
    """Return a value as a double-quoted scalar of YAML, on one line; nothing where there is none."""
    if value is None or isinstance(value, Undefined) or value == "":
        return ""
    text = json.dumps(str(value), ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
