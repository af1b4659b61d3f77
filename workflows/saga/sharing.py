"""Which steps share an activity.

An activity costs some milliseconds of the server and of the worker, whatever it does. A step that
takes minutes has one of its own, with its own line in Temporal's timeline; steps that take no
longer than a call share one when there are enough of them. What shares is the simple case alone:
what needs a look right before, a decision right after, or a second attempt, leaves the others.
"""

import json
from collections.abc import Container, Mapping, Sequence
from datetime import timedelta

from ..model.recovery import StepState
from .assessment import blind, lacks_before_image
from .graph import PlanGraph
from .step_run import StepRun

BRIEF = timedelta(seconds=1)
"""A step expected to take less is brief: a single call, not a wait."""
LEAST_TOGETHER = 8
"""Fewer steps than this cost so little that each rather has its own line in the timeline; unless
others share one at that moment, and the timeline does not show each step anyway."""
MOST_BYTES = 480_000
"""Of an activity's input: Temporal takes 2 MB and warns from 512 KB."""
BYTES_BESIDES = 500
"""Of a step in that input, besides what its action is told: ids, token, needs."""


def may_share(run: StepRun) -> bool:
    """The step is brief, its before-image is known, and no decision hangs on its end."""
    expected = run.observation.expected_duration
    return (
        expected is not None
        and expected < BRIEF
        and not (run.alone or run.late or run.step.pivot or run.skip_when_stopped)
        and not lacks_before_image(run.observation)
        and not blind(run.observation)
    )


def groups(
    graph: PlanGraph,
    runs: Mapping[str, StepRun],
    ready: Sequence[StepRun],
    waiting_on: Mapping[str, int],
    undone: Container[str],
) -> list[list[StepRun]]:
    """What each activity is to apply: the ready steps, and all that can follow them there.

    A step follows if it may share and everything that it still waits for is in the same group.
    `waiting_on` counts, for each step, those it needs that have not passed; services in `undone`
    are being rolled back.
    """
    made: list[list[StepRun]] = []
    waiting = list(ready)
    while waiting:
        size = 0
        group: list[StepRun] = []
        while (waiting and (size := size + _bytes(waiting[0])) <= MOST_BYTES) or not group:
            group.append(waiting.pop(0))
        left: dict[str, int] = {}
        for run in group:  # grows while it is walked
            for id in graph.dependents[run.step.id]:
                left[id] = left.get(id, waiting_on[id]) - 1
                follower = runs[id]
                if (
                    left[id] == 0
                    and follower.state is StepState.PENDING
                    and follower.step.service not in undone
                    and may_share(follower)
                    and (size := size + _bytes(follower)) <= MOST_BYTES
                ):
                    group.append(follower)
        made.append(group)
    return made


def _bytes(run: StepRun) -> int:
    """At most so many bytes does the step add to the activity's input."""
    told = json.dumps([run.step.inputs, run.observation.before_image])
    return BYTES_BESIDES + len(told)
