"""The historian of the lab's small estate, from outside: its clients, its pods, its traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from holdfast.deploy.lab.server import SUBSCRIPTION_ID, TOKEN, Lab

HISTORIAN = "/apis/apps/v1/namespaces/historian/deployments/api"
PROFILE = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/edge/providers/Microsoft.Network"
    "/trafficManagerProfiles/historian"
)
FENCE = {"metadata": {"annotations": {"holdfast.dev/fenced": "run-1"}}, "spec": {"replicas": 0}}


class Historian:
    """The historian, at two sites or more."""

    def __init__(self, lab: Lab) -> None:
        self.url = lab.url
        self._sites = lab.site_urls
        self._http = httpx.AsyncClient(trust_env=False)
        self._proxied = httpx.AsyncClient(proxy=lab.url, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()
        await self._proxied.aclose()

    async def post(self, id: str, at: str = "historian.lyon.acme.example") -> httpx.Response:
        """Write a record as a client does."""
        return await self._proxied.post(f"http://{at}/records", json={"id": id})

    async def get(self, at: str, query: str = "") -> httpx.Response:
        return await self._proxied.get(f"http://{at}/records{query}")

    async def inside(self, site: str, id: str) -> int:
        """Write a record as a client at the site does."""
        path = f"/_lab/records/historian/{site}"
        return (await self._http.post(self.url + path, json={"id": id})).status_code

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, f"{self.url}/_lab/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def copy(self, site: str) -> tuple[list[str], list[str]]:
        """What a site holds, and what it keeps aside."""
        shown = await self.admin("GET", f"records/historian/{site}")
        return shown["ids"], shown["aside"]

    async def patch(self, site: str, body: Any) -> None:
        """Change the historian at a site."""
        answer = await self._http.patch(
            self._sites[site] + HISTORIAN,
            json=body,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/merge-patch+json",
            },
        )
        answer.raise_for_status()

    async def scale(self, site: str, replicas: int) -> None:
        """Scale the historian at a site, and wait until its pods are there or gone."""
        await self.patch(site, {"spec": {"replicas": replicas}})
        await until(lambda: self._ready(site, replicas))

    async def _ready(self, site: str, replicas: int) -> bool:
        state = await self.admin("GET", "state")
        return any(
            each["readyReplicas"] == replicas
            for each in state["workloads"]
            if (each["service"], each["site"]) == ("historian", site)
        )

    async def reach(self, site: str, reachable: bool) -> None:
        await self.admin("POST", f"sites/{site}", {"reachable": reachable})

    async def disable(self, endpoint: str) -> None:
        """Take a site out of the historian's traffic."""
        answer = await self._http.patch(
            f"{self.url}{PROFILE}/externalEndpoints/{endpoint}?api-version=2022-04-01",
            json={"properties": {"endpointStatus": "Disabled"}},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        answer.raise_for_status()

    async def measured(self, query: str) -> list[tuple[dict[str, str], float]]:
        """The answer to a query."""
        answer = await self._http.get(f"{self.url}/api/v1/query", params={"query": query})
        return [
            (each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]
        ]

    async def value(self, metric: str, source: str, target: str) -> float:
        labels = f'service="historian",source="{source}",target="{target}"'
        [(_, value)] = await self.measured(f"{metric}{{{labels}}}")
        return value


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)
