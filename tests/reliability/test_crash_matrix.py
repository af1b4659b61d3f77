"""kill -9 and SIGSTOP at every step, forward and back: nothing lost, nothing twice.

`make test` runs a sample; `make reliability` (HOLDFAST_TEST_LANE=full) runs every cell.
"""

import os
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest
from holdfast.workflows.planning import compile_plan
from support.rig import Rig, Wound

SITE = "plant-lyon"
FULL = os.environ.get("HOLDFAST_TEST_LANE") == "full"
FAILING = {"method": "PATCH", "site": "plant-milan", "path": "deployments/spooler"}
"""The last step of a service nothing depends on: when it fails, all else is to be undone."""
_EXAMPLE = Path(str(files("holdfast.deploy.examples") / "acme-manufacturing.yaml"))
_PLAN = compile_plan(
    RecoveryRequest(estate=Estate.model_validate(yaml.safe_load(_EXAMPLE.read_text())), site=SITE)
).plan
assert _PLAN is not None
STEPS = [step.id for step in _PLAN.steps]
MUTATING = [step.id for step in _PLAN.steps if not step.run.endswith(".expect")]
UNDONE = [step for step in MUTATING if not step.startswith("label-printing/")]


def cells(steps: list[str], points: tuple[str, ...], *, sample: int) -> list[tuple[str, str]]:
    """Every step at every point; of them, spread over the plan, a sample of the lane's size."""
    every = [(step, point) for step in steps for point in points]
    if FULL:
        return every
    stride = len(every) / sample
    return [every[int(number * stride + number % len(points))] for number in range(sample)]


@pytest.mark.parametrize(("step", "point"), cells(STEPS, ("before", "after"), sample=4))
async def test_a_worker_killed_while_it_applies_a_step_loses_and_repeats_nothing(
    rig: Rig, step: str, point: str
) -> None:
    run = await rig.recover(SITE, Wound(step, "apply", point))

    assert run.struck
    assert run.status.outcome is Outcome.RECOVERED
    assert run.broken == []


@pytest.mark.parametrize(("step", "point"), cells(UNDONE, ("before", "after"), sample=3))
async def test_a_worker_killed_while_it_reverts_a_step_leaves_the_world_as_it_was(
    rig: Rig, step: str, point: str
) -> None:
    run = await rig.recover(SITE, Wound(step, "revert", point), failing=FAILING)

    assert run.status.outcome is Outcome.ROLLED_BACK
    assert run.broken == []


@pytest.mark.parametrize(
    ("step", "point"), cells(MUTATING, ("before", "between", "after"), sample=2)
)
async def test_a_worker_stopped_while_it_applies_changes_nothing_when_it_wakes(
    pair: Rig, step: str, point: str
) -> None:
    run = await pair.recover(SITE, Wound(step, "apply", point, "STOP"))

    assert run.struck
    assert run.broken == []


@pytest.mark.parametrize(("step", "point"), cells(UNDONE, ("between",), sample=2))
async def test_a_worker_that_wakes_after_its_step_was_undone_changes_nothing(
    pair: Rig, step: str, point: str
) -> None:
    run = await pair.recover(SITE, Wound(step, "apply", point, "STOP"), failing=FAILING)

    assert run.struck
    assert run.status.outcome is Outcome.ROLLED_BACK
    assert run.broken == []


@pytest.mark.parametrize(("step", "point"), cells(UNDONE, ("after",), sample=2))
async def test_without_key_and_epoch_the_same_matrix_fails(
    unfenced_pair: Rig, step: str, point: str
) -> None:
    run = await unfenced_pair.recover(SITE, Wound(step, "apply", point), failing=FAILING)

    assert run.struck
    assert run.broken != []
