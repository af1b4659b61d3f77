"""Storms of requests against a lab that enforces limits; its journal is the oracle."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.prefer_endpoint import PreferEndpoint
from holdfast.activities.budgets import Budget, Budgets, Kind
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.token_bucket import Limit
from holdfast.deploy.lab.azure import Limit as ServerLimit
from holdfast.deploy.lab.azure import Throttle
from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.errors import Throttled
from support.action_world import ActionWorld, estate
from support.storm import connections_to, storm, write

WRITES, LIMIT = 300, Limit(200, 30)
"""Azure's own limit of writes, refilled three times as fast: a storm is over in seconds."""
FEW_WRITES, NARROW = 90, Limit(60, 10)
STORM = Path(connections_to.__code__.co_filename)
MILAN: dict[str, Any] = {
    "resource_group": "edge", "profile": "historian", "endpoint": "milan", "verify": False
}  # fmt: skip


@asynccontextmanager
async def lab_with(limit: Limit, folder: Path) -> AsyncIterator[ActionWorld]:
    """A lab of the test's own, whose Resource Manager has limits."""
    admits = ServerLimit(int(limit.capacity), limit.per_second)
    lab = Lab(estate(), throttle=Throttle(reads=ServerLimit(2000, 1000), writes=admits))
    await lab.start()
    lab.write_env_file(folder / "env")
    async with httpx.AsyncClient(base_url=lab.url, trust_env=False) as admin:
        yield ActionWorld(lab, admin, folder / "env.kubeconfig")
    await lab.stop()


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[ActionWorld]:
    async with lab_with(LIMIT, tmp_path) as world:
        yield world


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[ActionWorld]:
    async with lab_with(NARROW, tmp_path) as world:
        yield world


def reaching(
    world: ActionWorld, budgets: Budgets | None, limit: Limit = LIMIT
) -> TrafficManagerConnections:
    access = world.access
    return connections_to(access.url, access.subscription_id, access.token, budgets, limit)


def writes_of(budgets: Budgets, world: ActionWorld) -> Budget:
    """The very budget that the connections use."""
    scope = world.access.subscription_id
    return budgets.of("Azure Resource Manager", "worker", scope, {})[Kind.WRITE]


async def journal(world: ActionWorld) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=world.lab.url, trust_env=False) as admin:
        entries: list[dict[str, Any]] = (await admin.get("/_lab/journal")).json()
    return entries


async def refusals(world: ActionWorld) -> int:
    return sum(entry["status"] == 429 for entry in await journal(world))


async def test_a_storm_within_its_budget_is_never_refused(limited: ActionWorld) -> None:
    arm = reaching(limited, Budgets())
    await storm(arm, WRITES)
    await arm.close()
    assert await refusals(limited) == 0
    assert len(await limited.changes()) == WRITES


async def test_the_same_storm_without_a_budget_is_refused(limited: ActionWorld) -> None:
    arm = reaching(limited, None)
    await storm(arm, WRITES)
    await arm.close()
    assert await refusals(limited) > 10


async def test_in_a_storm_tier_zero_that_asks_last_is_served_before_all_who_wait(
    limited: ActionWorld,
) -> None:
    budgets = Budgets()
    arm = reaching(limited, budgets)
    assert await write(arm, "first")
    lower = asyncio.create_task(storm(arm, WRITES, tier=3))
    while not (waiting := writes_of(budgets, limited).waiting):
        await asyncio.sleep(0)
    assert await write(arm, "critical", tier=0)
    overtaken = WRITES + 1 - len(await limited.changes())
    await lower
    await arm.close()
    assert waiting > WRITES / 4
    assert overtaken > waiting / 2
    assert await refusals(limited) == 0


async def test_what_others_spend_of_the_limit_is_learned_from_the_answers(
    limited: ActionWorld,
) -> None:
    others, budgets = reaching(limited, None), Budgets()
    await storm(others, 180)
    mine = reaching(limited, budgets)
    assert await write(mine, "one")
    assert writes_of(budgets, limited).level < LIMIT.capacity / 2
    await storm(mine, 60)
    await asyncio.gather(others.close(), mine.close())
    assert await refusals(limited) == 0


async def test_a_step_whose_turn_would_come_too_late_fails_and_sends_nothing(
    limited: ActionWorld,
) -> None:
    arm = reaching(limited, Budgets(), Limit(1, 0.001))
    prefer = PreferEndpoint(arm)
    before = (await limited.probe_one(prefer, MILAN)).before_image
    assert await write(arm, "one")
    with pytest.raises(ApplicationError) as failed:
        await limited.apply(prefer, MILAN, before, timeout=timedelta(seconds=5))
    await arm.close()
    assert (failed.value.type, failed.value.non_retryable) == ("Throttled", True)
    assert "the write budget of Azure Resource Manager" in str(failed.value)
    assert "0 requests of tier 2 or more critical are ahead" in str(failed.value)
    assert len(await journal(limited)) == 1


async def in_processes(world: ActionWorld, share: float, processes: int = 3) -> None:
    """A storm by several workers that share one credential."""
    access = world.access
    given = {
        "url": access.url,
        "subscription": access.subscription_id,
        "token": access.token,
        "share": share,
        "limit": [NARROW.capacity, NARROW.per_second],
        "writes": FEW_WRITES // processes,
    }
    pipe = asyncio.subprocess.PIPE
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(STORM), json.dumps(given), stdin=pipe, stdout=pipe
        )
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"ready\n"
    ended = await asyncio.gather(*(worker.communicate(b"go\n") for worker in workers))
    assert len(ended) == processes
    assert [worker.returncode for worker in workers] == [0] * processes


async def test_workers_that_share_a_credential_are_not_refused_if_each_keeps_to_its_share(
    narrow: ActionWorld,
) -> None:
    await in_processes(narrow, share=0.33)
    assert await refusals(narrow) == 0
    assert len(await narrow.changes()) == FEW_WRITES


async def test_workers_that_each_take_the_whole_are_refused(narrow: ActionWorld) -> None:
    await in_processes(narrow, share=1.0)
    assert await refusals(narrow) > 0


async def patch(clusters: KubernetesConnections, name: str) -> None:
    async def send(api: Any) -> Any:
        from kubernetes.aio import client

        call = client.AppsV1Api(api).patch_namespaced_deployment_without_preload_content
        return await call("api", "historian", {"metadata": {"annotations": {"by": name}}})

    await clusters.read("plant-milan", "patching", send)


async def test_a_cluster_that_asks_to_wait_is_left_alone_by_everybody(world: ActionWorld) -> None:
    clusters = KubernetesConnections(world.kubeconfig, budgets=Budgets())
    await world.fault("throttle", seconds=1, method="PATCH", site="milan")
    with pytest.raises(Throttled):
        await patch(clusters, "refused")
    await asyncio.gather(*(patch(clusters, str(n)) for n in range(10)))
    await clusters.close()
    refused, *others = [
        (entry["status"], datetime.fromisoformat(entry["at"])) for entry in await journal(world)
    ]
    assert refused[0] == 429
    assert [status for status, _ in others] == [200] * 10
    assert min(at for _, at in others) - refused[1] >= timedelta(seconds=0.9)


async def test_a_time_limit_of_a_request_does_not_count_the_wait_for_its_turn(
    world: ActionWorld,
) -> None:
    clusters = KubernetesConnections(world.kubeconfig, read_timeout_s=0.5, budgets=Budgets())
    await world.fault("throttle", seconds=1, method="PATCH", site="milan")
    with pytest.raises(Throttled):
        await patch(clusters, "refused")
    await patch(clusters, "later")
    await clusters.close()
    assert len(await world.changes()) == 1
