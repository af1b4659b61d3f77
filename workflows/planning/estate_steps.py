"""Whether every recovery step could be handed to its action, at every site it may have to run for.

Each step is rendered for each recovery site as the compiler would, and its inputs are shown to the
action's model. One fault that shows at several sites is one fault.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic import JsonValue

from ..model.document import Document
from ..model.estate import Service, Site, Step
from .estate_parts import Part, Parts, ServicePart
from .estate_shape import Misfit, nearest, one_of
from .templates import TemplateError, render_step
from .yaml_reader import Path

InputChecks = Mapping[str, Callable[[dict[str, JsonValue]], Sequence[tuple[Path, str]]]]
"""By action name: what the action's model finds wrong with a step's inputs."""

MANY_SITES: Final = 8
"""Of more recovery sites than this, one of each form is tried: a selector may admit a thousand."""


def check_steps(parts: Parts, actions: InputChecks | None) -> Iterator[Misfit]:
    """Unknown actions, templates that cannot be rendered, inputs that an action refuses."""
    by_name = {part.value.name: part for part in parts.sites}
    for part in parts.services:
        if actions is not None:
            yield from _unknown_actions(part, actions)
        source = by_name.get(part.value.site)
        if source is None:
            continue
        targets = _representative(parts.estate.candidates(part.value))
        sites = [source, *(by_name[target.name] for target in targets)]
        suspects = _suspects(Service, part.unread - {"recovery"}).union(
            *(_suspects(Site, site.unread) for site in sites)
        )
        for index, step in enumerate(part.steps):
            if "with" not in step.unread:
                found = _step(parts, part, index, source.value, targets, actions or {})
                yield from (each for each in found if not _speaks_of(step, each, suspects))


def _suspects(model: type[Document], unread: frozenset[str]) -> frozenset[str]:
    """The fields that an unread key may have meant: what a template misses there may be there."""
    fields = list(model.model_fields)
    return frozenset(
        near[0] if (near := get_close_matches(key, fields, n=1)) else key for key in unread
    )


def _speaks_of(step: Part[Step], fault: Misfit, fields: frozenset[str]) -> bool:
    below = fault.path[len(step.path) + 1 :]
    text = str(step.value.inputs.get(str(below[0])) if below else step.value.inputs)
    return any(f".{field}" in text for field in fields)


def _unknown_actions(part: ServicePart, actions: InputChecks) -> Iterator[Misfit]:
    for step in part.steps:
        if step.value.run not in actions:
            hint = nearest(step.value.run, actions) or f"; there are {one_of(sorted(actions))}"
            yield Misfit((*step.path, "run"), f"no worker has an action {step.value.run!r}{hint}")


def _representative(targets: tuple[Site, ...]) -> tuple[Site, ...]:
    if len(targets) <= MANY_SITES:
        return targets
    return tuple({repr(_form(site.model_dump())): site for site in reversed(targets)}.values())


def _form(value: Any) -> Any:
    """What is there and what is not, whatever it says: templates fail by what is missing."""
    if isinstance(value, dict):
        return sorted((key, _form(below)) for key, below in value.items())
    return value is None


def _step(
    parts: Parts,
    part: ServicePart,
    index: int,
    source: Site,
    targets: tuple[Site, ...],
    actions: InputChecks,
) -> Iterator[Misfit]:
    step = part.steps[index]
    seen: dict[Misfit, list[str]] = {}
    for target in targets:
        for path, message in _faults(parts, part.value, index, source, target, actions):
            misfit = Misfit((*step.path, "with", *path), message)
            seen.setdefault(misfit, []).append(target.name)
    for misfit, at in seen.items():
        where = "" if len(at) == len(targets) else f" (with recovery site {one_of(at)})"
        yield Misfit(_within(step, misfit.path), misfit.message + where)


def _within(step: Part[Any], path: Path) -> Path:
    """The path, without `with` where the step has none."""
    return path if step.value.inputs or len(path) > len(step.path) + 1 else step.path


def _faults(
    parts: Parts, service: Service, index: int, source: Site, target: Site, actions: InputChecks
) -> Iterator[tuple[Path, str]]:
    try:
        rendered = render_step(parts.estate, service, index, source, target)
    except TemplateError:
        yield from _template_faults(parts, service, index, source, target)
        return
    if check := actions.get(rendered.run):
        yield from ((tuple(path), message) for path, message in check(rendered.inputs))


def _template_faults(
    parts: Parts, service: Service, index: int, source: Site, target: Site
) -> Iterator[tuple[Path, str]]:
    """The template faults of one step: input by input, since rendering stops at the first."""
    step = service.recovery[index]
    for key, value in step.inputs.items():
        alone = step.model_copy(update={"inputs": {key: value}})
        cut = service.model_copy(update={"recovery": (alone,)})
        try:
            render_step(parts.estate, cut, 0, source, target)
        except TemplateError as error:
            yield error.path, error.message
