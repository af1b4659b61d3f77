"""A site's agent: it keeps a lease at a witness, and stops the site when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config

from holdfast.deploy.lab.server import Lab

TTL_S = 0.3
LYON = {"site": "lyon", "witness": "milan", "ttl_s": TTL_S}


@asynccontextmanager
async def connected(lab: Lab, folder: Path, context: str) -> AsyncIterator[client.ApiClient]:
    lab.write_env_file(folder / "env")
    configuration = client.Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call]
        str(folder / "env.kubeconfig"), context=context, client_configuration=configuration
    )
    async with client.ApiClient(configuration) as api:
        yield api


async def agent(milan: Any) -> dict[str, Any]:
    [shown] = await milan.admin("GET", "agents")
    return dict(shown)


async def replicas(milan: Any, site: str = "lyon") -> dict[str, int]:
    state = await milan.admin("GET", "state")
    return {each["name"]: each["replicas"] for each in state["sites"][site]["workloads"]}


async def stopped(milan: Any) -> None:
    while any((await replicas(milan)).values()):
        await asyncio.sleep(0.01)


async def test_there_is_no_agent_unless_asked_for(milan: Any) -> None:
    assert await milan.admin("GET", "agents") == []


async def test_an_agent_s_lease_can_be_read_at_the_witness(milan: Any, tmp_path: Path) -> None:
    await milan.admin("POST", "agents", LYON)
    async with connected(milan.lab, tmp_path, "ctx-milan") as api:
        leases: Any = client.CoordinationV1Api(api)
        while not (await agent(milan))["renewals"]:
            await asyncio.sleep(0.01)
        lease = await leases.read_namespaced_lease("lyon", "kube-node-lease")

        assert lease.spec.holder_identity == "lyon"
        assert lease.spec.lease_duration_seconds == 1
        assert isinstance(lease.spec.renew_time, datetime)

        while (await agent(milan))["renewals"] < 4:
            await asyncio.sleep(0.01)
        later = await leases.read_namespaced_lease("lyon", "kube-node-lease")
        assert later.spec.renew_time > lease.spec.renew_time


async def test_a_site_cut_off_for_its_ttl_stops_its_services(milan: Any) -> None:
    await milan.admin("POST", "agents", LYON)
    before = await replicas(milan)

    await milan.lab.lose_site("lyon")
    await asyncio.wait_for(stopped(milan), 5)

    assert before == {"api": 3, "broker": 2}
    entries = [entry for entry in await milan.journal() if entry["applied"]]
    assert [(entry["site"], entry["key"]) for entry in entries] == [
        ("lyon", "agent/lyon/1"),
        ("lyon", "agent/lyon/2"),
    ]
    assert {entry["after"]["spec"]["replicas"] for entry in entries} == {0}


async def test_a_site_whose_witness_is_lost_stops_its_services_too(milan: Any) -> None:
    await milan.admin("POST", "agents", LYON)
    await milan.lab.lose_site("milan")
    await asyncio.wait_for(stopped(milan), 5)


async def test_a_site_that_is_back_before_its_ttl_stops_nothing(milan: Any) -> None:
    await milan.admin("POST", "agents", {**LYON, "ttl_s": 60})
    await milan.lab.lose_site("lyon")
    await milan.lab.restore_site("lyon")
    assert await replicas(milan) == {"api": 3, "broker": 2}
    assert (await agent(milan))["stopped"] == []


async def test_a_site_that_returns_stays_standby_and_finds_the_newer_epoch(milan: Any) -> None:
    await milan.admin("POST", "agents", LYON)
    await milan.lab.lose_site("lyon")
    await asyncio.wait_for(stopped(milan), 5)
    await milan.scale(3, epoch=7)
    renewals = (await agent(milan))["renewals"]

    await milan.lab.restore_site("lyon")
    while (await agent(milan))["renewals"] < renewals + 3:
        await asyncio.sleep(0.01)

    assert await replicas(milan) == {"api": 0, "broker": 0}
    assert (await agent(milan))["newer_epochs"] == {"historian": 7}


async def test_without_an_agent_what_ran_at_a_lost_site_runs_on(milan: Any) -> None:
    await milan.lab.lose_site("lyon")
    await milan.lab.restore_site("lyon")
    assert await replicas(milan) == {"api": 3, "broker": 2}


async def test_a_reset_leaves_no_agent(milan: Any) -> None:
    await milan.admin("POST", "agents", LYON)
    await milan.admin("POST", "reset")
    assert await milan.admin("GET", "agents") == []
    assert await replicas(milan) == {"api": 3, "broker": 2}


async def test_an_agent_is_no_part_of_the_canonical_world(milan: Any) -> None:
    before = await milan.admin("GET", "state?canonical=1")
    await milan.admin("POST", "agents", LYON)
    while not (await agent(milan))["renewals"]:
        await asyncio.sleep(0.01)
    assert await milan.admin("GET", "state?canonical=1") == before


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({**LYON, "witness": "rome"}, "no such site: rome"),
        ({**LYON, "ttl_s": 0}, "ttl_s"),
        ({"site": "lyon"}, "witness"),
    ],
)
async def test_an_agent_that_cannot_be_is_refused(milan: Any, order: Any, said: str) -> None:
    with pytest.raises(Exception, match=said):
        await milan.admin("POST", "agents", order)
    assert await milan.admin("GET", "agents") == []
