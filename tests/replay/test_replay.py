"""Every recorded history replays on today's workflows; and the replay would notice a change."""

from pathlib import Path

import pytest
from replay.record import HISTORIES
from replay.shapes import SHAPES
from replay.wider_shapes import WIDER
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from holdfast.workers.worker import WORKFLOWS, workflow_runner
from holdfast.workflows.saga import forward

RECORDED = sorted(HISTORIES.rglob("*.json"))


async def replay(path: Path) -> None:
    """Replay one history; raises if the workflow would have done something else."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=workflow_runner(sandbox=True),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


def test_every_shape_of_every_recorded_version_has_a_history() -> None:
    versions = [folder for folder in HISTORIES.iterdir() if folder.is_dir()]
    assert versions
    newest = max(versions)
    wanted = {f"SiteRecovery-{shape}" for shape in SHAPES} | set(WIDER)
    assert {path.stem for path in newest.glob("*.json")} == wanted


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_a_recorded_history_replays(path: Path) -> None:
    await replay(path)


async def test_a_workflow_that_does_one_thing_more_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward, "blind", lambda seen: True)

    with pytest.raises(NondeterminismError):
        await replay(next(path for path in RECORDED if path.stem == "SiteRecovery-recovered"))


async def test_a_workflow_that_does_one_thing_less_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward.Forward, "start_ready", lambda self, at: None)

    with pytest.raises(NondeterminismError):
        await replay(next(path for path in RECORDED if path.stem == "SiteRecovery-recovered"))
