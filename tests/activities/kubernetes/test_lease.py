"""What a site's lease proves to kubernetes.fence, and what it does not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes import lease as module
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.fence import Fence
from holdfast.workflows.model.step import FenceProof, Qualification
from support.action_world import ActionWorld

LEASE = {"context": "plant-milan", "namespace": "kube-node-lease", "name": "lyon"}
API: dict[str, Any] = {
    "context": "plant-lyon",
    "namespace": "historian",
    "deployment": "api",
    "lease": LEASE,
}
PROCEED = {**API, "when_unreachable": "proceed"}
UNSEEN = {"reachable": False}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def fence(hasty_clusters: KubernetesConnections) -> Fence:
    return Fence(hasty_clusters)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(module, "WITNESS_PATIENCE_S", 0.2)
    monkeypatch.setattr(module, "WITNESS_AGAIN_S", 0.02)


def spec(age_s: float, ttl_s: int = 1) -> dict[str, Any]:
    renewed = datetime.now(UTC) - timedelta(seconds=age_s)
    return {
        "holderIdentity": "lyon",
        "leaseDurationSeconds": ttl_s,
        "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


async def leased(world: ActionWorld, **given: Any) -> None:
    url = f"{world.lab.site_urls['milan']}{LEASES}"
    headers = {"Authorization": f"Bearer {world.access.token}"}
    body = {"metadata": {"name": "lyon"}, "spec": given}
    async with httpx.AsyncClient(trust_env=False) as witness:
        (await witness.post(url, headers=headers, json=body)).raise_for_status()


async def renewed(world: ActionWorld) -> None:
    await world.kubernetes("milan", f"{LEASES}/lyon", {"spec": spec(0)})


async def test_a_lease_expired_for_longer_than_its_ttl_is_evidence(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(60, ttl_s=1))
    await world.lose("lyon")
    evidence = await world.apply(fence, API, UNSEEN)
    assert evidence.details["evidence"] == FenceProof.LEASE_EXPIRED
    assert not evidence.changed
    assert "lease kube-node-lease/lyon at plant-milan was renewed 6" in evidence.sentence
    assert "with a TTL of 1 s" in evidence.sentence
    assert evidence.details["ttl_seconds"] == 1


async def test_a_lease_that_has_only_just_expired_is_waited_for(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(1.1, ttl_s=1))
    await world.lose("lyon")
    said: list[Any] = []
    evidence = await world.apply(fence, API, UNSEEN, hears=said.append)
    assert evidence.details["evidence"] == FenceProof.LEASE_EXPIRED
    expired = evidence.details["expired_seconds"]
    assert isinstance(expired, float)
    assert expired >= 1
    assert any("until it proves that nobody is served" in text for text in said)


async def test_a_lease_that_is_renewed_means_that_the_site_lives(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(0, ttl_s=1))
    await world.lose("lyon")
    waiting = asyncio.Event()
    task = asyncio.create_task(
        world.apply(fence, PROCEED, UNSEEN, hears=lambda said: waiting.set())
    )
    await asyncio.wait_for(waiting.wait(), 5)
    await renewed(world)
    with pytest.raises(ApplicationError, match="lyon lives") as failure:
        await task
    assert failure.value.type == "VerificationFailed"
    assert failure.value.details == ({"needs_person": True},)


async def test_a_lease_that_looks_expired_and_moves_is_no_evidence(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(600, ttl_s=15))
    await world.lose("lyon")
    waiting = asyncio.Event()
    task = asyncio.create_task(world.apply(fence, API, UNSEEN, hears=lambda said: waiting.set()))
    await asyncio.wait_for(waiting.wait(), 5)
    await world.kubernetes("milan", f"{LEASES}/lyon", {"spec": spec(590, ttl_s=15)})
    with pytest.raises(ApplicationError, match="is being renewed"):
        await task


async def test_a_lease_that_outlasts_the_step_holds_it_for_a_person(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(0, ttl_s=30))
    await world.lose("lyon")
    with pytest.raises(ApplicationError, match="retry-step looks again") as failure:
        await world.apply(fence, API, UNSEEN, timeout=timedelta(seconds=0.5))
    assert failure.value.details == ({"needs_person": True},)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "does not exist"),
        ({"holderIdentity": "lyon"}, "does not say when it was renewed"),
        ({"leaseDurationSeconds": 5}, "does not say when it was renewed"),
    ],
)
async def test_a_lease_that_says_nothing_leaves_it_to_a_person(
    world: ActionWorld, fence: Fence, given: dict[str, Any] | None, why: str
) -> None:
    if given is not None:
        await leased(world, **given)
    await world.lose("lyon")
    with pytest.raises(ApplicationError, match=why) as failure:
        await world.apply(fence, API, UNSEEN)
    assert "skip-step" in str(failure.value)


async def test_a_witness_that_does_not_answer_leaves_it_to_the_standing_decision(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(60))
    await world.lose("lyon")
    await world.lose("milan")
    evidence = await world.apply(fence, PROCEED, UNSEEN)
    assert evidence.details["evidence"] == FenceProof.NONE
    assert "its lease proves nothing" in str(evidence.details["why"])


async def test_a_witness_that_stumbles_once_is_asked_again(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(60))
    await world.lose("lyon")
    await world.fault("error", status=503, site="milan", path="leases")
    evidence = await world.apply(fence, API, UNSEEN)
    assert evidence.details["evidence"] == FenceProof.LEASE_EXPIRED


async def test_a_site_that_answers_is_fenced_whatever_its_lease_says(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(60))
    image = (await world.probe_one(fence, API)).before_image
    evidence = await world.apply(fence, API, image)
    assert evidence.details["evidence"] == FenceProof.NO_REPLICA_LEFT
    assert evidence.changed


async def test_a_probe_of_an_unreachable_site_names_its_lease(
    world: ActionWorld, fence: Fence
) -> None:
    await world.lose("lyon")
    seen = await world.probe_one(fence, API)
    assert seen.qualification is Qualification.UNKNOWN
    assert "lease kube-node-lease/lyon at plant-milan" in seen.reason


async def test_an_agent_s_lease_proves_that_its_site_has_stopped(
    world: ActionWorld, fence: Fence
) -> None:
    order = {"site": "lyon", "witness": "milan", "ttl_s": 1}
    async with httpx.AsyncClient(base_url=world.lab.url, trust_env=False) as admin:
        (await admin.post("/_lab/agents", json=order)).raise_for_status()
        while not (await admin.get("/_lab/agents")).json()[0]["renewals"]:
            await asyncio.sleep(0.01)
        await world.lose("lyon")
        evidence = await world.apply(fence, API, UNSEEN, timeout=timedelta(seconds=10))
        state = (await admin.get("/_lab/state")).json()
    assert evidence.details["evidence"] == FenceProof.LEASE_EXPIRED
    replicas = {each["replicas"] for each in state["sites"]["lyon"]["workloads"]}
    assert replicas == {0}


async def test_reverting_a_fence_that_a_lease_proved_changes_nothing(
    world: ActionWorld, fence: Fence
) -> None:
    await leased(world, **spec(60))
    await world.lose("lyon")
    await world.apply(fence, API, UNSEEN)
    before = await world.changes()
    evidence = await world.revert(fence, API, UNSEEN)
    assert not evidence.changed
    assert await world.changes() == before
