"""R9: every recorded history replays on today's workflows; and a change would be noticed."""

import copy
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from replay.record import HISTORIES
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from holdfast.workers.worker import workflow_runner
from holdfast.workflows.site_recovery import SiteRecovery

from .checking import Property
from .findings import Cell, Found, Lane
from .ground import Ground
from .mutants import OneActivityMore

SWAPPED, ONE_MORE = "swapped", "one-more"


class Replays(Property):
    """R9."""

    name: ClassVar[str] = "R9"
    promise: ClassVar[str] = "every recorded history replays on today's workflows"
    control: ClassVar[str] = "one activity more; two commands swapped"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Every history, and each of them again with each mutant."""
        paths = sorted(path.relative_to(HISTORIES) for path in HISTORIES.rglob("*.json"))
        assert paths, "no history is recorded"
        return [
            *(self.cell(str(path)) for path in paths),
            *(
                self.cell(mutant, str(path), control=True)
                for path in paths
                for mutant in (SWAPPED, ONE_MORE)
            ),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Replay one history; a replay that does not fit raises."""
        path = HISTORIES / cell.words[-1]
        if not cell.control:
            await replayed(path, json.loads(path.read_text()), SiteRecovery)
            return Found()
        document = json.loads(path.read_text())
        mutated = swapped(document) if cell.words[0] == SWAPPED else document
        mutant = OneActivityMore if cell.words[0] == ONE_MORE else SiteRecovery
        try:
            await replayed(path, mutated, mutant)
        except NondeterminismError:
            return Found(bit=1)
        return Found()


async def replayed(path: Path, document: Any, workflow_class: type[SiteRecovery]) -> None:
    """Replay a history.

    Raises:
        NondeterminismError: the workflow would have done something else.
    """
    replayer = Replayer(
        workflows=[workflow_class],
        data_converter=pydantic_data_converter,
        workflow_runner=workflow_runner(sandbox=True),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, json.dumps(document)))


def swapped(document: Any) -> Any:
    """The history with the first two unlike commands of one workflow task in the other order."""
    mutated = copy.deepcopy(document)
    events = mutated["events"]
    for first, second in pairwise(events):
        origins = [_origin(event) for event in (first, second)]
        if origins[0] and origins[0] == origins[1] and first["eventType"] != second["eventType"]:
            kept = {key: first[key] for key in ("eventId", "eventTime")}
            theirs = {key: second[key] for key in kept}
            content = dict(first)
            first.clear()
            first.update(second | kept)
            second.clear()
            second.update(content | theirs)
            _renumber(events, int(kept["eventId"]), int(theirs["eventId"]))
            return mutated
    raise AssertionError("no two commands of one workflow task differ")


def _origin(event: dict[str, Any]) -> str | None:
    """The workflow task whose command made the event; where a marker stands is nobody's concern."""
    if event["eventType"] == "EVENT_TYPE_MARKER_RECORDED":
        return None
    for value in event.values():
        if isinstance(value, dict) and "workflowTaskCompletedEventId" in value:
            return str(value["workflowTaskCompletedEventId"])
    return None


def _renumber(events: list[dict[str, Any]], one: int, other: int) -> None:
    numbers = {str(one): str(other), str(other): str(one)}
    for event in events:
        for value in event.values():
            if isinstance(value, dict):
                for key in ("scheduledEventId", "startedEventId"):
                    if value.get(key) in numbers:
                        value[key] = numbers[value[key]]
