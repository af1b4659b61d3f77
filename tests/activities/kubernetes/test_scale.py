"""kubernetes.scale against the lab: what it sees, what it changes, what it proves."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.scale import Scale
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld, token

API = {"context": "plant-milan", "namespace": "historian", "deployment": "api", "replicas": 3}
BROKER = {"context": "plant-milan", "namespace": "bus", "statefulset": "broker", "replicas": 2}
PATH = "/apis/apps/v1/namespaces/historian/deployments/api"
BEFORE = {"replicas": 0}


@pytest.fixture
def scale(clusters: KubernetesConnections) -> Scale:
    return Scale(clusters)


@pytest.fixture
def hasty_scale(hasty_clusters: KubernetesConnections) -> Scale:
    return Scale(hasty_clusters)


async def replicas(world: ActionWorld) -> int:
    return int((await world.kubernetes("milan", PATH))["spec"]["replicas"])


async def test_probe_sees_a_standby_with_all_that_is_needed_to_put_it_back(
    world: ActionWorld, scale: Scale
) -> None:
    seen = await world.probe_one(scale, API)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.resource == "kubernetes/plant-milan/historian/deployment/api"
    assert seen.before_image == BEFORE
    assert seen.change == "api on plant-milan 0 → 3"
    assert seen.undo_command == (
        "kubectl --context plant-milan -n historian scale deployment/api --replicas=0"
    )
    assert (seen.epoch, seen.touched) == (0, False)
    assert seen.expected_duration is not None
    assert seen.expected_duration > timedelta(0)


async def test_probe_changes_nothing(world: ActionWorld, scale: Scale) -> None:
    before = await world.canonical()
    await world.probe(scale, API, BROKER)
    assert await world.changes() == []
    assert await world.canonical() == before


async def test_probe_answers_in_the_order_asked(world: ActionWorld, scale: Scale) -> None:
    seen = await world.probe(scale, BROKER, API, {**API, "context": "plant-lyon"})
    assert [each.resource for each in seen] == [
        "kubernetes/plant-milan/bus/statefulset/broker",
        "kubernetes/plant-milan/historian/deployment/api",
        "kubernetes/plant-lyon/historian/deployment/api",
    ]


async def test_probe_calls_a_state_that_holds_applied(world: ActionWorld, scale: Scale) -> None:
    seen = await world.probe_one(scale, {**API, "replicas": 0})
    assert seen.state is Applied.APPLIED
    assert seen.expected_duration == timedelta(0)


async def test_probe_tells_a_missing_workload_from_its_neighbours(
    world: ActionWorld, scale: Scale
) -> None:
    missing, there = await world.probe(scale, {**API, "deployment": "gone"}, API)
    assert missing.qualification is Qualification.NOT_QUALIFIED
    assert "deployment historian/gone on plant-milan does not exist" in missing.reason
    assert there.qualification is Qualification.QUALIFIED


async def test_probe_lists_the_contexts_there_are_where_one_is_missing(
    world: ActionWorld, scale: Scale
) -> None:
    seen = await world.probe_one(scale, {**API, "context": "plant-rome"})
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "plant-lyon, plant-milan" in seen.reason


@pytest.mark.parametrize("status", [401, 403])
async def test_probe_names_what_to_grant_where_the_credential_is_refused(
    world: ActionWorld, scale: Scale, status: int
) -> None:
    await world.fault("error", status=status, times=0, site="milan")
    seen = await world.probe_one(scale, API)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "Unauthorized" in seen.reason
    assert "context plant-milan" in seen.reason


async def test_probe_falls_back_to_single_namespaces_where_listing_all_is_forbidden(
    world: ActionWorld, scale: Scale
) -> None:
    await world.fault("error", status=403, times=0, path=r"/apis/apps/v1/deployments")
    others = [{**API, "namespace": f"other-{n}"} for n in range(3)]
    seen = await world.probe(scale, API, *others)
    assert seen[0].qualification is Qualification.QUALIFIED
    assert {each.qualification for each in seen[1:]} == {Qualification.NOT_QUALIFIED}


@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_probe_of_an_unreachable_cluster_is_unknown(
    world: ActionWorld, hasty_scale: Scale, how: str
) -> None:
    await world.lose("milan", how)
    seen = await world.probe_one(hasty_scale, API)
    assert (seen.state, seen.qualification) == (Applied.UNKNOWN, Qualification.UNKNOWN)
    assert "plant-milan" in seen.reason


async def test_apply_returns_when_the_replicas_are_ready(world: ActionWorld, scale: Scale) -> None:
    evidence = await world.apply(scale, API, BEFORE)
    now = await world.kubernetes("milan", PATH)
    assert now["status"]["readyReplicas"] == 3
    assert evidence.changed
    assert evidence.sentence.startswith("historian/api on plant-milan 0 → 3, 3 ready after ")
    assert evidence.details["resource_version"] == now["metadata"]["resourceVersion"]


async def test_apply_scales_a_statefulset(world: ActionWorld, scale: Scale) -> None:
    evidence = await world.apply(scale, BROKER, BEFORE)
    assert evidence.details["ready"] == 2


async def test_apply_leaves_its_token_on_the_resource(world: ActionWorld, scale: Scale) -> None:
    await world.apply(scale, API, BEFORE, by=token(epoch=7, sequence=4))
    annotations = (await world.kubernetes("milan", PATH))["metadata"]["annotations"]
    assert annotations["holdfast.dev/epoch"] == "7"
    assert annotations["holdfast.dev/sequence"] == "4"
    assert annotations["holdfast.dev/run"] == "run-1"
    assert annotations["holdfast.dev/idempotency-key"] == token().key
    seen = await world.probe_one(scale, API)
    assert (seen.epoch, seen.touched, seen.state) == (7, True, Applied.APPLIED)


async def test_applied_twice_it_changes_once(world: ActionWorld, scale: Scale) -> None:
    first = await world.apply(scale, API, BEFORE)
    second = await world.apply(scale, API, BEFORE)
    assert len(await world.changes()) == 1
    assert first.changed
    assert second.changed


async def test_applied_twice_at_once_it_changes_once(world: ActionWorld, scale: Scale) -> None:
    await asyncio.gather(*(world.apply(scale, API, BEFORE) for _ in range(4)))
    assert len(await world.changes()) == 1


async def test_a_retry_by_an_operator_takes_what_it_did_itself_for_its_own(
    world: ActionWorld, scale: Scale
) -> None:
    await world.apply(scale, API, BEFORE)
    evidence = await world.apply(scale, API, BEFORE, by=token(sequence=5))
    assert evidence.changed
    assert await replicas(world) == 3


async def test_apply_marks_a_state_that_holds_already(world: ActionWorld, scale: Scale) -> None:
    evidence = await world.apply(scale, {**API, "replicas": 0}, BEFORE)
    assert not evidence.changed
    with pytest.raises(ApplicationError, match="came too late") as failure:
        await world.apply(scale, {**API, "replicas": 0}, BEFORE, by=token(sequence=0))
    assert failure.value.type == "FencedOut"


async def test_apply_refuses_a_workload_that_somebody_else_has_scaled(
    world: ActionWorld, scale: Scale
) -> None:
    await world.kubernetes("milan", PATH, {"spec": {"replicas": 2}})
    with pytest.raises(ApplicationError, match=r"had 0 replicas .* and has 2 now") as failure:
        await world.apply(scale, API, BEFORE)
    assert (failure.value.type, failure.value.non_retryable) == ("Conflict", True)
    assert await replicas(world) == 2


async def test_apply_refuses_to_act_without_a_before_image(
    world: ActionWorld, scale: Scale
) -> None:
    with pytest.raises(ApplicationError, match="never seen") as failure:
        await world.apply(scale, API, None)
    assert failure.value.type == "Conflict"


async def test_apply_is_refused_by_a_newer_recovery(world: ActionWorld, scale: Scale) -> None:
    await world.apply(scale, API, BEFORE, by=token(epoch=2, run="run-2"))
    with pytest.raises(ApplicationError, match="epoch 2 of run run-2") as failure:
        await world.apply(scale, API, BEFORE)
    assert failure.value.type == "FencedOut"


async def test_apply_overrules_an_older_recovery(world: ActionWorld, scale: Scale) -> None:
    await world.apply(scale, {**API, "replicas": 1}, BEFORE, by=token(run="run-0"))
    evidence = await world.apply(scale, API, {"replicas": 1}, by=token(epoch=2))
    assert evidence.changed


async def test_apply_says_how_far_it_came_where_replicas_never_get_ready(
    world: ActionWorld, scale: Scale
) -> None:
    never = {"metadata": {"annotations": {"lab.holdfast.dev/ready": "never"}}}
    await world.kubernetes("milan", PATH, never)
    heard: list[Any] = []
    half_a_second = timedelta(seconds=0.5)
    with pytest.raises(ApplicationError, match="0 of 3 ready") as failure:
        await world.apply(scale, API, BEFORE, timeout=half_a_second, hears=heard.append)
    assert (failure.value.type, failure.value.non_retryable) == ("VerificationFailed", True)
    assert "historian/api on plant-milan: 0 of 3 ready" in heard


async def test_apply_sends_nothing_after_its_deadline(world: ActionWorld, scale: Scale) -> None:
    await world.fault("delay", seconds=0.3, method="GET", site="milan")
    with pytest.raises(ApplicationError, match="deadline passed") as failure:
        await world.apply(scale, API, BEFORE, timeout=timedelta(seconds=0.1))
    assert failure.value.non_retryable
    assert await world.changes() == []


async def test_apply_waits_on_over_an_expired_watch(world: ActionWorld, scale: Scale) -> None:
    never = {"metadata": {"annotations": {"lab.holdfast.dev/ready": "never"}}}
    await world.kubernetes("milan", PATH, never)
    applying = asyncio.create_task(world.apply(scale, API, BEFORE))
    await asyncio.sleep(0.2)
    world.lab.compact("milan")
    now = {"metadata": {"annotations": {"lab.holdfast.dev/ready": None}}}
    await world.kubernetes("milan", PATH, now)
    await world.kubernetes(
        "milan", PATH, {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
    )
    assert (await applying).details["ready"] == 3


async def test_apply_reports_a_workload_deleted_under_its_eyes(
    world: ActionWorld, scale: Scale
) -> None:
    with pytest.raises(ApplicationError, match="gone") as failure:
        await world.apply(scale, {**API, "deployment": "gone"}, BEFORE)
    assert failure.value.type == "NotFound"
