"""A workspace in, the environment of its templates out: Jinja's sandbox, which asks a page's view without detours."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from spacecoop.pages.kinds import SHIPPED
from spacecoop.pages.views import View
from spacecoop.workspace import Workspace

_CALLED = frozenset(name for name in vars(View) if not name.startswith("_"))
"""What templates may ask of a view."""
_OF_JINJA = ("_loop_vars", "_block_vars")
"""What Jinja hands over for functions that ask for the context."""
_VIEW = "view"
"""What templates call their view."""
_ESCAPED = re.compile("[&<>'\"]").search
"""Finds what cannot stand in a page as it is."""
_PLAIN = frozenset(dir(dict))
"""What a dictionary has without having been given it."""


class _Within(FileSystemLoader):
    """Loads the workspace's own templates; a link that leaves the workspace is none."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.root / "pages")
        self._workspace = workspace

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return a template as jinja asks for it; raises TemplateNotFound."""
        path = self._workspace.root / "pages" / template
        if path.exists() and self._workspace.misfit(path) is not None:
            raise TemplateNotFound(template)
        return super().get_source(environment, template)


def open_templates(workspace: Workspace) -> Environment:
    """Return the environment of the templates: the workspace's own, else those that are shipped."""
    loaders = [_Within(workspace), FileSystemLoader(SHIPPED)]
    return _Sandbox(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def prepare(environment: Environment) -> None:
    """Compile all templates, so that processes that are forked from now on have them; a wrong one is told when used."""
    for name in environment.list_templates(extensions=["html"]):
        with suppress(TemplateError, OSError, UnicodeDecodeError):
            environment.get_template(name)


def _put(value: Any) -> Any:
    """Return what stands in a page for a value; what is escaped is not asked what it is in HTML."""
    if type(value) is Markup or (type(value) is str and not _ESCAPED(value)):
        return value
    return escape(value)


def _asked(node: nodes.Call) -> nodes.Getattr | None:
    """Return ``view.name`` where that is what is called."""
    asked = node.node
    if not isinstance(asked, nodes.Getattr) or asked.attr not in _CALLED:
        return None
    return asked if isinstance(asked.node, nodes.Name) and asked.node.name == _VIEW else None


class _Generator(CodeGenerator):
    """Writes templates as Python in which ``view.name(...)`` is one step instead of three; markup stays as it is."""

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802  (Jinja's)
        asked = _asked(node)
        if forward_caller or asked is None:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.write("environment.ask(context, ")
        self.visit(asked.node, frame)
        self.write(f", {asked.attr!r}")
        self.signature(node, frame)
        self.write(")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.put(")


class _Sandbox(SandboxedEnvironment):
    """Jinja's sandbox, which remembers what it said of a type's attribute: that depends on nothing else."""

    code_generator_class = _Generator

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._safe: dict[tuple[type, str], bool] = {}
        self.put = _put

    def ask(self, context: Any, obj: Any, name: str, /, *words: Any, **settings: Any) -> Any:
        """Ask a view, which is safe; whatever else a template calls so is asked as anything is."""
        if type(obj) is View:
            return getattr(obj, name)(*words, **settings)
        return self.call(context, self.getattr(obj, name), *words, **settings)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        kind = (type(obj), attr)
        if kind not in self._safe:
            self._safe[kind] = super().is_safe_attribute(obj, attr, value)
        return self._safe[kind]

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is View and attribute in _CALLED:
            return getattr(obj, attribute)
        if type(obj) is dict and attribute in obj and attribute not in _PLAIN:  # as a row is
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(self, context: Any, obj: Any, /, *words: Any, **settings: Any) -> Any:
        """Call what a template calls: a view's own methods without asking twice whether that is safe."""
        if type(obj) is MethodType and type(obj.__self__) is View:
            for name in _OF_JINJA:
                settings.pop(name, None)
            return obj(*words, **settings)
        return super().call(context, obj, *words, **settings)
