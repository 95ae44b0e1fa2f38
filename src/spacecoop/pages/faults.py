"""What went wrong in a template in, a finding at its line out."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.exceptions import TemplateNotFound

from spacecoop.findings import Finding, Place, finding
from spacecoop.pages.kinds import SHIPPED
from spacecoop.workspace import Workspace

FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What a template that is wrong raises."""


class PageError(Exception):
    """The pages cannot be made; the findings say where and why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


def make_finding(error: Exception, template: str, workspace: Workspace) -> Finding:
    """Return a finding at the line of the template that was at work when it failed."""
    if isinstance(error, TemplateSyntaxError):
        return finding("page-template", Place(_name(error.filename, workspace), error.lineno), reason=error.message)
    if isinstance(error, TemplateNotFound):
        return finding("page-template", Place(f"pages/{template}"), reason=f"there is no template {error.name!r}")
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith((".html", ".svg"))
    ]
    place = (
        Place(_name(frames[-1].filename, workspace), frames[-1].lineno or 1) if frames else Place(f"pages/{template}")
    )
    return finding("page-template", place, reason=str(error) or type(error).__name__)


def _name(file: str | None, workspace: Workspace) -> str:
    path = Path(file or "pages")
    return f"spacecoop/pages/{path.name}" if path.is_relative_to(SHIPPED) else workspace.name(path)
