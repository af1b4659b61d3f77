"""The lab's admin API, for those who break the world on purpose and look at it afterwards."""

from collections.abc import Mapping
from typing import Any

import httpx

_TIMEOUT_S = 30.0


class LabClient:
    """Breaks, resets and reads a lab's world."""

    def __init__(self, url: str) -> None:
        # The lab is on this machine: a proxy of the environment must not stand between.
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, trust_env=False)

    async def lose(self, site: str) -> None:
        """Make a site unreachable.

        Raises:
            httpx.HTTPError: the lab does not answer, or knows no such site.
        """
        await self._post(f"/_lab/sites/{site}", {"reachable": False, "how": "refuse"})

    async def fail_once(self, match: Mapping[str, str], status: int) -> None:
        """Answer the next request that matches with an error status."""
        await self._post(
            "/_lab/faults",
            {"match": dict(match), "behaviour": "error", "status": status, "times": 1},
        )

    async def reset(self) -> None:
        """Go back to the initial world; the journal begins anew."""
        await self._post("/_lab/reset", {})

    async def world(self) -> Any:
        """The canonical world: two are equal if nothing but bookkeeping differs."""
        answer = await self._http.get("/_lab/state", params={"canonical": "1"})
        return answer.raise_for_status().json()

    async def effects(self) -> list[dict[str, Any]]:
        """The requests that changed the world, in the order of their effect."""
        answer = await self._http.get("/_lab/journal")
        return [entry for entry in answer.raise_for_status().json() if entry["applied"]]

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        (await self._http.post(path, json=body)).raise_for_status()
