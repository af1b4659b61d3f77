"""kubernetes.fence against the lab: evidence where the site answers, honesty where it does not."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.fence import Fence
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import REVERT_KEY, RUN, ActionWorld, retried, token

API: dict[str, Any] = {"context": "plant-lyon", "namespace": "historian", "deployment": "api"}
PROCEED = {**API, "when_unreachable": "proceed"}
PATH = "/apis/apps/v1/namespaces/historian/deployments/api"
BEFORE = {"reachable": True, "replicas": 3, "fenced": None}
UNSEEN = {"reachable": False}


@pytest.fixture
def fence(clusters: KubernetesConnections) -> Fence:
    return Fence(clusters)


@pytest.fixture
def hasty_fence(hasty_clusters: KubernetesConnections) -> Fence:
    return Fence(hasty_clusters)


async def test_probe_sees_what_runs_at_the_site(world: ActionWorld, fence: Fence) -> None:
    seen = await world.probe_one(fence, API)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.before_image == BEFORE
    assert seen.change == "fence api on plant-lyon 3 → 0"
    assert seen.undo_command == (
        "kubectl --context plant-lyon -n historian scale deployment/api --replicas=3"
        " && kubectl --context plant-lyon -n historian annotate deployment/api holdfast.dev/fenced-"
    )


@pytest.mark.parametrize(
    ("inputs", "qualification"),
    [(API, Qualification.UNKNOWN), (PROCEED, Qualification.QUALIFIED)],
)
async def test_probe_of_an_unreachable_site_says_what_the_step_will_do(
    world: ActionWorld, fence: Fence, inputs: dict[str, Any], qualification: Qualification
) -> None:
    await world.lose("lyon")
    seen = await world.probe_one(fence, inputs)
    assert (seen.state, seen.qualification) == (Applied.UNKNOWN, qualification)
    assert seen.before_image == UNSEEN
    assert seen.epoch == 0
    assert "does not answer" in seen.reason


async def test_apply_leaves_nothing_running_and_says_who_fenced(
    world: ActionWorld, fence: Fence
) -> None:
    evidence = await world.apply(fence, API, BEFORE)
    now = await world.kubernetes("lyon", PATH)
    assert evidence.changed
    assert evidence.details["evidence"] == "no replica left"
    assert not (now.get("status") or {}).get("replicas")
    assert now["metadata"]["annotations"]["holdfast.dev/fenced"] == RUN
    assert (await world.probe_one(fence, API)).state is Applied.APPLIED


async def test_applied_twice_it_changes_once(world: ActionWorld, fence: Fence) -> None:
    await asyncio.gather(world.apply(fence, API, BEFORE), world.apply(fence, API, BEFORE))
    await world.apply(fence, API, BEFORE)
    assert len(await world.changes()) == 1


async def test_apply_refuses_a_workload_that_somebody_else_has_scaled(
    world: ActionWorld, fence: Fence
) -> None:
    await world.kubernetes("lyon", PATH, {"spec": {"replicas": 1}})
    with pytest.raises(ApplicationError) as failure:
        await world.apply(fence, API, BEFORE)
    assert failure.value.type == "Conflict"


@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_apply_holds_for_a_person_where_there_is_no_evidence(
    world: ActionWorld, hasty_fence: Fence, how: str
) -> None:
    await world.lose("lyon", how)
    with pytest.raises(ApplicationError, match="no evidence that it is down") as failure:
        await world.apply(hasty_fence, API, UNSEEN)
    assert failure.value.type == "VerificationFailed"
    assert failure.value.details == ({"needs_person": True},)
    assert "skip-step" in str(failure.value)


async def test_apply_proceeds_without_evidence_only_where_the_step_says_so(
    world: ActionWorld, fence: Fence
) -> None:
    await world.lose("lyon")
    evidence = await world.apply(fence, PROCEED, UNSEEN)
    assert not evidence.changed
    assert evidence.details["evidence"] == "none: standing decision"


async def test_apply_refuses_a_site_that_came_back_unseen(world: ActionWorld, fence: Fence) -> None:
    with pytest.raises(ApplicationError, match="answers now") as failure:
        await world.apply(fence, PROCEED, UNSEEN)
    assert failure.value.type == "Conflict"
    assert failure.value.details == ({"needs_person": True},)
    assert await world.changes() == []


async def test_revert_restores_the_world(world: ActionWorld, fence: Fence) -> None:
    before = await world.canonical()
    await world.apply(fence, API, BEFORE)
    assert await world.canonical() != before
    evidence = await world.revert(fence, API, BEFORE)
    assert evidence.changed
    assert await world.canonical() == before
    annotations = (await world.kubernetes("lyon", PATH))["metadata"]["annotations"]
    assert "holdfast.dev/fenced" not in annotations


async def test_revert_puts_back_the_fence_of_an_earlier_recovery(
    world: ActionWorld, fence: Fence
) -> None:
    fenced = {
        "metadata": {"annotations": {"holdfast.dev/fenced": "run-0"}},
        "spec": {"replicas": 0},
    }
    await world.kubernetes("lyon", PATH, fenced)
    image = (await world.probe_one(fence, API)).before_image
    await world.apply(fence, API, image)
    await world.revert(fence, API, image)
    annotations = (await world.kubernetes("lyon", PATH))["metadata"]["annotations"]
    assert annotations["holdfast.dev/fenced"] == "run-0"


async def test_revert_of_what_was_never_fenced_only_seals(world: ActionWorld, fence: Fence) -> None:
    evidence = await world.revert(fence, API, BEFORE, known=False)
    assert not evidence.changed
    with pytest.raises(ApplicationError) as failure:
        await world.apply(fence, API, BEFORE)
    assert failure.value.type == "FencedOut"
    assert (await world.kubernetes("lyon", PATH))["spec"]["replicas"] == 3


async def test_revert_after_going_on_without_evidence_changes_no_replicas(
    world: ActionWorld, fence: Fence
) -> None:
    await world.lose("lyon")
    await world.apply(fence, PROCEED, BEFORE)
    await world.restore("lyon")
    await world.kubernetes("lyon", PATH, {"spec": {"replicas": 2}})
    evidence = await world.revert(fence, PROCEED, BEFORE)
    assert not evidence.changed
    assert (await world.kubernetes("lyon", PATH))["spec"]["replicas"] == 2


@pytest.mark.parametrize("back", [True, False])
async def test_revert_of_a_site_that_was_never_reached_changes_nothing(
    world: ActionWorld, fence: Fence, back: bool
) -> None:
    if not back:
        await world.lose("lyon")
    evidence = await world.revert(fence, PROCEED, UNSEEN)
    assert not evidence.changed
    assert await world.changes() == []


async def test_an_attempt_stopped_between_reading_and_writing_changes_nothing(
    world: ActionWorld, fence: Fence
) -> None:
    await world.fault("delay", seconds=0.3, method="PATCH", site="lyon")
    late = asyncio.create_task(world.apply(fence, API, BEFORE))
    await asyncio.sleep(0.15)
    await world.revert(fence, API, BEFORE, known=False)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert [entry["key"] for entry in await world.changes()] == [REVERT_KEY]


async def test_an_attempt_that_comes_after_the_revert_changes_nothing(
    world: ActionWorld, fence: Fence
) -> None:
    await world.apply(fence, API, BEFORE)
    await world.revert(fence, API, BEFORE)
    with pytest.raises(ApplicationError) as failure:
        await world.apply(fence, API, BEFORE)
    assert failure.value.type == "FencedOut"


async def test_a_newer_recovery_s_fence_is_not_taken_off(world: ActionWorld, fence: Fence) -> None:
    await world.apply(fence, API, BEFORE)
    image = (await world.probe_one(fence, API)).before_image
    await world.apply(fence, API, image, by=token(epoch=2, run="run-2", key="other"))
    with pytest.raises(ApplicationError) as failure:
        await world.revert(fence, API, BEFORE)
    assert failure.value.type == "FencedOut"
    assert (await world.kubernetes("lyon", PATH))["spec"]["replicas"] == 0


FAULTS: dict[str, dict[str, Any]] = {
    "error": {"behaviour": "error", "status": 500},
    "throttle": {"behaviour": "throttle", "seconds": 0},
    "delay": {"behaviour": "delay", "seconds": 0.1},
    "drop_answer": {"behaviour": "drop_answer"},
}


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", [*FAULTS, "hang"])
async def test_a_faulted_answer_never_makes_a_fence_change_twice(
    world: ActionWorld, hasty_fence: Fence, fault: str, method: str
) -> None:
    await world.fault(**FAULTS.get(fault, {"behaviour": "hang"}), method=method, site="lyon")
    evidence = await retried(lambda: world.apply(hasty_fence, API, BEFORE))
    assert evidence.changed
    assert len(await world.changes()) == 1


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", [*FAULTS, "hang"])
async def test_a_faulted_answer_never_keeps_a_fence_from_being_taken_off(
    world: ActionWorld, hasty_fence: Fence, fault: str, method: str
) -> None:
    before = await world.canonical()
    await world.apply(hasty_fence, API, BEFORE)
    await world.fault(**FAULTS.get(fault, {"behaviour": "hang"}), method=method, site="lyon")
    await retried(lambda: world.revert(hasty_fence, API, BEFORE))
    assert len(await world.changes()) == 2
    assert await world.canonical() == before


@pytest.mark.parametrize("fault", [*FAULTS, "hang"])
async def test_one_faulted_answer_does_not_make_a_site_unreachable(
    world: ActionWorld, hasty_fence: Fence, fault: str
) -> None:
    await world.fault(**FAULTS.get(fault, {"behaviour": "hang"}), method="GET", site="lyon")
    try:
        (seen,) = await world.probe(hasty_fence, API, attempt=1)
    except ApplicationError:
        (seen,) = await world.probe(hasty_fence, API, attempt=2)
    assert seen.before_image == BEFORE
