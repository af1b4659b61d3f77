"""Cells of the wide estate, whose steps share activities: `R1:wide:forward:s05/scale-up:after`."""

import random
from collections.abc import Sequence

from support.wide_estate import WIDTH, service_name

from .matrix import Words
from .terrain import MANUFACTURER, TERRAINS, WIDE, Terrain

# Services of a layer are alike: the first of each is fenced, the others are not.
EARLY = tuple(service_name(n) for n in (0, 5, 11, WIDTH, WIDTH + 5, WIDTH + 11))
"""Services of the first two layers, which are done before anything is refused."""
LATE = tuple(service_name(n) for n in (2 * WIDTH, 2 * WIDTH + 5, 3 * WIDTH - 1))
POINTS = ("before", "between", "after")


def steps_of(services: Sequence[str], *, mutating: bool = False) -> tuple[str, ...]:
    """The steps of these services; those that only look are left out if need be."""
    return tuple(
        step.id
        for step in WIDE.plan.steps
        if step.service in services and not (mutating and step.run.endswith(".expect"))
    )


def _struck(scene: str, steps: Sequence[str]) -> tuple[Words, ...]:
    changing = steps_of([step.partition("/")[0] for step in steps], mutating=True)
    return tuple(
        (WIDE.name, scene, step, point)
        for step in steps
        for point in POINTS
        if step in changing or point != "between"
    )


STEPS = steps_of((*EARLY, *LATE))
RUNS_WHEN_REFUSED = (*steps_of(EARLY), f"{LATE[1]}/scale-up")
FORWARD = _struck("forward", STEPS)
"""Killed while it applies a step, and others with it."""
REFUSED = _struck("refused", RUNS_WHEN_REFUSED)
"""The same, and a step is refused for good a moment later, so that all is undone."""
BACK = _struck("back", steps_of(EARLY, mutating=True))
"""Killed while it reverts a step."""
ASLEEP = _struck("asleep", STEPS)
"""Stopped while it applies steps; wakes up when the site is recovered."""
UNDONE = _struck("undone", RUNS_WHEN_REFUSED)
"""Stopped while it applies steps; wakes up when all of them are undone."""
MOVED = tuple((WIDE.name, "moved", step, "between") for step in steps_of(EARLY, mutating=True))
"""Stopped while it reverts a step; wakes up when a second recovery has moved everything."""
SKIPPED = tuple((WIDE.name, "skipped", f"{service}/scale-up", "after") for service in EARLY)
"""Stopped while it applies a step; a person skips the last step of the next service, which was
handed to it too; wakes up when the site is recovered."""


def turned(words: Sequence[Words], seed: int) -> list[Words]:
    """The same cells from another one on: few are drawn, so let them be others each time."""
    first = random.Random(seed).randrange(len(words))
    return [*words[first:], *words[:first]]


def ground_of(words: Words) -> tuple[Terrain, Words]:
    """On which terrain a cell is tried, and its other words."""
    if words and words[0] in TERRAINS:
        return TERRAINS[words[0]], words[1:]
    return MANUFACTURER, words
