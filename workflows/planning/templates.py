"""Renders the templates in a service's recovery steps: sandboxed, with undefined names an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, meta, nodes
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from ..model.estate import Estate, Service, Site, Step
from ..model.recovery import Mode

ROOTS = ("source", "target", "service", "estate", "mode")
LONGEST_RENDERED = 65_536


class TemplateError(Exception):
    """A template that cannot be rendered."""

    def __init__(self, step: str, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.step = step
        self.path = path
        """Where in the step's inputs the template stands."""
        self.message = message


@dataclass(frozen=True)
class RenderedStep:
    """One step of a service's recovery with its inputs filled in."""

    id: str
    run: str
    inputs: dict[str, JsonValue]
    site: str
    """The site it acts on: the source if its templates speak of the source alone."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """No globals, and no arithmetic that makes a small template produce a huge value."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if (
            operator == "**"
            or not isinstance(left, int | float)
            or not isinstance(right, int | float)
        ):
            raise SecurityError(f"{operator!r} is for two numbers, and ** is not available")
        return super().call_binop(context, operator, left, right)


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()


def render_recovery(
    estate: Estate,
    service: Service,
    source: Site,
    target: Site,
    *,
    degraded: bool = False,
    mode: Mode = Mode.UNPLANNED,
) -> tuple[RenderedStep, ...]:
    """The steps that recover `service` from `source` to `target`, in the file's order.

    Raises:
        TemplateError: the first template that cannot be rendered.
    """
    names = Names.of(estate, service, source, target, degraded=degraded, mode=mode)
    return tuple(render_step(step, names) for step in service.recovery)


def render_text(estate: Estate, service: Service, text: str, source: Site, target: Site) -> str:
    """A text of a service that is no step's input, such as a query, filled in.

    Raises:
        TemplateError: it cannot be rendered, or renders to no text.
    """
    names = Names.of(estate, service, source, target)
    rendered = _render(text, names.values, "", (), set())
    if isinstance(rendered, str) and rendered.strip():
        return rendered
    raise TemplateError("", (), f"{text!r}: renders to {rendered!r}, which is no text")


@dataclass(frozen=True)
class Names:
    """What templates may speak of, for one service on one way."""

    source: Site
    target: Site
    values: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        estate: Estate,
        service: Service,
        source: Site,
        target: Site,
        *,
        degraded: bool = False,
        mode: Mode = Mode.UNPLANNED,
    ) -> "Names":
        """The names for `service` on its way from `source` to `target`."""
        told = service.model_dump(mode="json", exclude={"recovery", "give_way", "replication"})
        told["degraded"] = degraded
        if degraded and service.degraded is not None:
            told["vars"] = {**told["vars"], **service.degraded.vars}
        values = {
            "estate": {"name": estate.name},
            "source": _site(source),
            "target": _site(target),
            "service": told,
            "mode": mode.value,
        }
        return cls(source, target, values)


def render_step(step: Step, names: Names) -> RenderedStep:
    """One step with its inputs filled in.

    Raises:
        TemplateError: a template of the step cannot be rendered.
    """
    roots: set[str] = set()
    inputs = {
        key: _render(value, names.values, step.id, (key,), roots)
        for key, value in step.inputs.items()
    }
    at_source = "source" in roots and "target" not in roots
    site = names.source if at_source else names.target
    return RenderedStep(step.id, step.run, inputs, site.name)


def _site(site: Site) -> dict[str, Any]:
    return {key: value for key, value in site.model_dump(mode="json").items() if value is not None}


def _render(
    value: JsonValue,
    names: Mapping[str, Any],
    step: str,
    path: tuple[str | int, ...],
    roots: set[str],
) -> JsonValue:
    if isinstance(value, dict):
        return {k: _render(v, names, step, (*path, k), roots) for k, v in value.items()}
    if isinstance(value, list):
        return [_render(v, names, step, (*path, i), roots) for i, v in enumerate(value)]
    if not isinstance(value, str) or "{" not in value:
        return value
    try:
        compiled = _compiled(value)
        roots.update(compiled.roots)
        rendered = compiled.render(names)
    except JinjaError as error:
        raise TemplateError(step, path, f"{value!r}: {_explained(error)}") from None
    except (
        ArithmeticError,
        TypeError,
        ValueError,
        LookupError,
        RecursionError,
        MemoryError,
    ) as error:
        raise TemplateError(step, path, f"{value!r}: {error}") from None
    if isinstance(rendered, str) and len(rendered) > LONGEST_RENDERED:
        raise TemplateError(step, path, f"renders to more than {LONGEST_RENDERED} characters")
    return rendered


def _explained(error: JinjaError) -> str:
    text = error.message or type(error).__name__
    return f"{text}; known are {', '.join(ROOTS)}" if "undefined" in text else text


class _Compiled:
    """One template; a lone `{{ expression }}` keeps its type, so that a number stays a number."""

    def __init__(self, source: str) -> None:
        tree = _ENVIRONMENT.parse(source)
        self.roots = frozenset(meta.find_undeclared_variables(tree))
        self._template = _ENVIRONMENT.from_string(source)
        self._expression = None
        match tree.body:
            case [nodes.Output(nodes=[nodes.Expr() as lone])] if not isinstance(
                lone, nodes.TemplateData
            ):
                text = source.strip()[2:-2].strip("-+ ")
                if source.strip() == source:
                    self._expression = _ENVIRONMENT.compile_expression(
                        text, undefined_to_none=False
                    )

    def render(self, names: Mapping[str, Any]) -> JsonValue:
        if self._expression is None:
            return self._template.render(names)
        value = self._expression(names)
        if isinstance(value, str | int | float | bool | list | dict) or value is None:
            return value
        return self._template.render(names)


@lru_cache(maxsize=4096)
def _compiled(source: str) -> _Compiled:
    return _Compiled(source)
