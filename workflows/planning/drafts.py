"""The steps of one service on their way into the plan, and what they need of each other.

A step that is left out leaves its needs behind: who needed it needs what it needed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..model.estate import Step
from .templates import RenderedStep


@dataclass(frozen=True)
class Draft:
    """One step with its inputs filled in; what it needs are still ids of its own service."""

    step: Step
    filled: RenderedStep

    @property
    def id(self) -> str:
        """The step's id, unique in its service."""
        return self.step.id


def kept(steps: Sequence[Step], keep: Callable[[Step], bool]) -> tuple[Step, ...]:
    """The steps that `keep` admits, in their order, with needs that lead to one another."""
    by_id = {step.id: step for step in steps}
    admitted = {step.id for step in steps if keep(step)}
    return tuple(
        step.model_copy(update={"needs": _through(step, by_id, admitted)})
        for step in steps
        if step.id in admitted
    )


def _through(step: Step, by_id: dict[str, Step], admitted: set[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen: set[str] = set()
    frontier = list(reversed(step.needs))
    while frontier:
        need = frontier.pop()
        if need in admitted:
            found[need] = None
        elif need not in seen:
            seen.add(need)
            frontier.extend(reversed(by_id[need].needs))
    return tuple(found)


def last(drafts: Iterable[Draft]) -> tuple[Draft, ...]:
    """The steps that no other needs: when they are done, the service is."""
    all_of_them = tuple(drafts)
    needed = {need for draft in all_of_them for need in draft.step.needs}
    return tuple(draft for draft in all_of_them if draft.id not in needed)


def first_at(site: str, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """The steps that act on `site` and follow no other that does; without any, the first of all."""
    there = tuple(draft for draft in drafts if draft.filled.site == site)
    if not there:
        return tuple(draft for draft in drafts if not draft.step.needs)
    needs = {draft.id: draft.step.needs for draft in drafts}
    ids = {draft.id for draft in there}
    return tuple(draft for draft in there if not ids & _before(draft.id, needs))


def _before(id: str, needs: dict[str, tuple[str, ...]]) -> set[str]:
    seen: set[str] = set()
    frontier = list(needs[id])
    while frontier:
        need = frontier.pop()
        if need not in seen:
            seen.add(need)
            frontier.extend(needs[need])
    return seen
