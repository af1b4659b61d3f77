"""Whether every step could be handed to its action, at every site it may have to run for.

Each step is rendered for each recovery site as the compiler would, whole and degraded, and its
inputs are shown to the action's model. One fault that shows at several sites is one fault.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import JsonValue

from ..model.document import Document
from ..model.estate import Service, Site, Step
from ..model.recovery import Mode
from .estate_parts import Part, Parts, ServicePart
from .estate_shape import Misfit, nearest, one_of
from .rehearsal import NoRehearsal, takes_part
from .templates import Names, TemplateError, render_step, render_text
from .yaml_reader import Path

InputChecks = Mapping[str, Callable[[dict[str, JsonValue]], Sequence[tuple[Path, str]]]]
"""By action name: what the action's model finds wrong with a step's inputs."""

MANY_SITES: Final = 8
"""Of more recovery sites than this, one of each form is tried: a selector may admit a thousand."""


@dataclass(frozen=True)
class _Way:
    """One way on which a step may have to be done: from where to where, and in which form."""

    target: Site
    names: Names
    form: str
    """Said of a fault that shows in this form and in none before."""


def check_steps(parts: Parts, actions: InputChecks | None) -> Iterator[Misfit]:
    """Unknown actions, templates that cannot be rendered, inputs that an action refuses."""
    by_name = {part.value.name: part for part in parts.sites}
    for part in parts.services:
        if actions is not None:
            yield from _unknown_actions((*part.steps, *part.give_way), actions)
        yield from _never_gives_way(part)
        source = by_name.get(part.value.site)
        if source is None:
            continue
        targets = _representative(parts.estate.candidates(part.value))
        sites = [source, *(by_name[target.name] for target in targets)]
        suspects = _suspects(Service, part.unread - {"recovery"}).union(
            *(_suspects(Site, site.unread) for site in sites)
        )
        found = _of_service(parts, part, source.value, targets, actions or {})
        yield from (misfit for text, misfit in found if not _speaks_of(text, suspects))


def _of_service(
    parts: Parts,
    part: ServicePart,
    source: Site,
    targets: tuple[Site, ...],
    actions: InputChecks,
) -> Iterator[tuple[Any, Misfit]]:
    """Each fault, with what is at fault."""
    for step in part.steps:
        if "with" not in step.unread:
            ways = _ways(parts, part.value, step.value, [(source, target) for target in targets])
            yield from _step(step, ways, actions)
            yield from _not_on_a_copy(step, part.value, ways)
    for step in part.give_way:
        if "with" not in step.unread:
            # It stays where it runs: at its own site, or where it was moved to.
            stays = [(site, site) for site in (source, *targets)]
            yield from _step(step, _ways(parts, part.value, step.value, stays), actions)
    yield from _replication(parts, part, source, targets)


def _ways(
    parts: Parts, service: Service, step: Step, ends: Iterable[tuple[Site, Site]]
) -> tuple[_Way, ...]:
    """The plain form first; the others only where the step could tell them apart."""
    text = str(step.inputs)
    forms = [("", False, Mode.UNPLANNED)]
    if service.degraded is not None and "service" in text:
        forms.append((" (where it runs degraded)", True, Mode.UNPLANNED))
    if "mode" in text:
        forms += [(f" (in mode {mode})", False, mode) for mode in (Mode.PLANNED, Mode.TEST)]
    pairs = tuple(ends)
    return tuple(
        _Way(
            target,
            Names.of(parts.estate, service, source, target, degraded=degraded, mode=mode),
            form,
        )
        for form, degraded, mode in forms
        for source, target in pairs
    )


def _suspects(model: type[Document], unread: frozenset[str]) -> frozenset[str]:
    """The fields that an unread key may have meant: what a template misses there may be there."""
    fields = list(model.model_fields)
    return frozenset(
        near[0] if (near := get_close_matches(key, fields, n=1)) else key for key in unread
    )


def _speaks_of(text: Any, fields: frozenset[str]) -> bool:
    return any(f".{field}" in str(text) for field in fields)


def _unknown_actions(steps: Iterable[Part[Step]], actions: InputChecks) -> Iterator[Misfit]:
    for step in steps:
        if step.value.run not in actions:
            hint = nearest(step.value.run, actions) or f"; there are {one_of(sorted(actions))}"
            yield Misfit((*step.path, "run"), f"no worker has an action {step.value.run!r}{hint}")


def _never_gives_way(part: ServicePart) -> Iterator[Misfit]:
    """An unplanned recovery leaves graceful steps out: what has no other frees nothing then."""
    steps = part.value.give_way
    if steps and all(step.graceful for step in steps) and "give_way" not in part.unread:
        message = "all its steps are graceful, and an unplanned recovery would leave them all out"
        yield Misfit((*part.path, "give_way"), f"{message}; one that frees the room must not be")


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
    step: Part[Step], ways: Sequence[_Way], actions: InputChecks
) -> Iterator[tuple[Any, Misfit]]:
    seen: dict[tuple[Path, str], dict[str, list[str]]] = {}
    for way in ways:
        for fault in _faults(step.value, way.names, actions):
            seen.setdefault(fault, {}).setdefault(way.form, []).append(way.target.name)
    for (below, message), forms in seen.items():
        form, at = next(iter(forms.items()))
        path = (*step.path, "with", *below) if below or step.value.inputs else step.path
        text = step.value.inputs.get(str(below[0])) if below else step.value.inputs
        yield text, Misfit(path, message + form + _where(at, ways, form))


def _where(at: Sequence[str], ways: Sequence[_Way], form: str) -> str:
    """Which recovery sites a fault shows at, if it is not all of them."""
    everywhere = sum(1 for way in ways if way.form == form)
    return "" if len(at) == everywhere else f" (with recovery site {one_of(at)})"


def _faults(step: Step, names: Names, actions: InputChecks) -> Iterator[tuple[Path, str]]:
    try:
        rendered = render_step(step, names)
    except TemplateError:
        yield from _template_faults(step, names)
        return
    if check := actions.get(rendered.run):
        yield from ((tuple(path), message) for path, message in check(rendered.inputs))


def _template_faults(step: Step, names: Names) -> Iterator[tuple[Path, str]]:
    """The template faults of one step: input by input, since rendering stops at the first."""
    for key, value in step.inputs.items():
        try:
            render_step(step.model_copy(update={"inputs": {key: value}}), names)
        except TemplateError as error:
            yield error.path, error.message


def _not_on_a_copy(
    step: Part[Step], service: Service, ways: Iterable[_Way]
) -> Iterator[tuple[Any, Misfit]]:
    """A step that every test would refuse, at the first site where it would."""
    for way in ways if step.value.test else ():
        try:
            takes_part(service.name, step.value, render_step(step.value, way.names), way.target)
        except NoRehearsal as fault:
            yield step.value.inputs, Misfit((*step.path, "test"), fault.reason)
            return
        except TemplateError:
            return


def _replication(
    parts: Parts, part: ServicePart, source: Site, targets: tuple[Site, ...]
) -> Iterator[tuple[Any, Misfit]]:
    """Queries that cannot be rendered, each one alone, for the way there."""
    queries = part.value.replication
    if queries is None:
        return
    for key, text in (("lag", queries.lag), ("divergence", queries.divergence)):
        if text is None:
            continue
        seen: dict[str, list[str]] = {}
        for target in targets:
            try:
                render_text(parts.estate, part.value, text, source, target)
            except TemplateError as error:
                seen.setdefault(error.message, []).append(target.name)
        for message, at in seen.items():
            where = "" if len(at) == len(targets) else f" (with recovery site {one_of(at)})"
            yield text, Misfit((*part.path, "replication", key), message + where)
