"""Azure, Prometheus and the ingress in the whole lab: one loss, seen the same way by all three."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from holdfast.deploy.lab.server import SUBSCRIPTION_ID, TOKEN, Lab


async def up(client: httpx.AsyncClient, site: str) -> list[str]:
    query = {"query": f'up{{service="historian",site="{site}"}}'}
    result = (await client.get("/api/v1/query", params=query)).json()["data"]["result"]
    return [sample["value"][1] for sample in result]


async def test_a_lost_site_is_seen_by_probe_metric_and_client(lab: Lab, connecting: Any) -> None:
    async with (
        connecting(lab.url, SUBSCRIPTION_ID, TOKEN) as azure,
        httpx.AsyncClient(base_url=lab.url) as direct,
        httpx.AsyncClient(proxy=lab.url) as proxied,
    ):
        before = await proxied.get("http://historian.trafficmanager.net/")
        up_before = await up(direct, "lyon")
        await lab.lose_site("lyon")
        after = await proxied.get("http://historian.trafficmanager.net/")
        up_after = await up(direct, "lyon")
        read = await azure.profiles.get("edge", "historian")

    assert (before.status_code, before.json()["site"], up_before) == (200, "lyon", ["1"])
    # Milan stands scaled to zero, so all endpoints are degraded and DNS answers the first.
    assert (after.status_code, up_after) == (504, ["0"])
    assert read.properties.monitor_config.profile_monitor_status == "Degraded"


async def test_the_lab_applies_a_write_and_drops_its_answer(lab: Lab, connecting: Any) -> None:
    fault = {
        "match": {"system": "azure", "method": "PATCH"},
        "behaviour": "drop_answer",
        "times": 1,
    }
    async with (
        connecting(lab.url, SUBSCRIPTION_ID, TOKEN) as azure,
        httpx.AsyncClient(base_url=lab.url) as direct,
    ):
        await direct.post("/_lab/faults", json=fault)
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            await azure.profiles.update("edge", "historian", {"tags": {"holdfast-epoch": "2"}})
        [entry] = (await direct.get("/_lab/journal")).json()
        state = (await direct.get("/_lab/state")).json()

    assert (entry["system"], entry["status"], entry["applied"]) == ("azure", None, True)
    assert entry["epoch"] == state["epochs"]["historian"] == 2


async def test_reset_takes_back_what_azure_was_told(lab: Lab, connecting: Any) -> None:
    async with (
        connecting(lab.url, SUBSCRIPTION_ID, TOKEN) as azure,
        httpx.AsyncClient(base_url=lab.url) as direct,
    ):
        canonical = {"canonical": "1"}
        before = (await direct.get("/_lab/state", params=canonical)).json()
        await azure.profiles.delete("edge", "historian")
        changed = (await direct.get("/_lab/state", params=canonical)).json()
        await direct.post("/_lab/reset")
        after = (await direct.get("/_lab/state", params=canonical)).json()

    assert before == after != changed
