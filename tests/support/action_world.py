"""Actions run through the real boundary, against the lab, with the journal as the oracle."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from holdfast.activities.action import Action
from holdfast.activities.boundary import activities_of
from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.step import (
    ApplyInput,
    Evidence,
    FencingToken,
    Observation,
    ProbeInput,
    RevertInput,
    StepToProbe,
)

STEP, RUN = "historian/step", "run-1"
APPLY_KEY, REVERT_KEY = "plan/run-1/historian/step", "plan/run-1/historian/step/revert"
TIMEOUT = timedelta(seconds=5)
RETRIES = 8


def token(sequence: int = 1, key: str = APPLY_KEY, epoch: int = 1, run: str = RUN) -> FencingToken:
    return FencingToken(epoch=epoch, sequence=sequence, run=run, key=key)


class ActionWorld:
    """The lab, and the verbs of any action on it."""

    def __init__(self, lab: Lab, admin: httpx.AsyncClient, kubeconfig: Path) -> None:
        self.lab = lab
        self.access = lab.access()
        self.kubeconfig = str(kubeconfig)
        self._admin = admin

    async def probe(
        self, action: Action[Any], *steps: dict[str, Any], attempt: int = 3
    ) -> Sequence[Observation]:
        """Probe in one batch; `attempt` 3 is the last one of the boundary."""
        asked = tuple(
            StepToProbe(step=f"{STEP}-{n}", inputs=inputs, key=APPLY_KEY)
            for n, inputs in enumerate(steps)
        )
        result = await _run(action, "probe", ProbeInput(steps=asked), attempt)
        return tuple(result.observations)

    async def probe_one(self, action: Action[Any], inputs: dict[str, Any]) -> Observation:
        (observation,) = await self.probe(action, inputs)
        return observation

    async def apply(
        self,
        action: Action[Any],
        inputs: dict[str, Any],
        before: Any,
        *,
        by: FencingToken | None = None,
        timeout: timedelta = TIMEOUT,
        hears: Callable[[Any], None] | None = None,
    ) -> Evidence:
        request = ApplyInput(
            step=STEP, inputs=inputs, before_image=before, token=by or token(), timeout=timeout
        )
        evidence: Evidence = await _run(action, "apply", request, hears=hears)
        return evidence

    async def revert(
        self,
        action: Action[Any],
        inputs: dict[str, Any],
        before: Any,
        *,
        known: bool = True,
        by: FencingToken | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> Evidence:
        request = RevertInput(
            step=STEP,
            inputs=inputs,
            before_image=before,
            token=by or token(2, REVERT_KEY),
            apply_key=APPLY_KEY,
            known_applied=known,
            timeout=timeout,
        )
        evidence: Evidence = await _run(action, "revert", request)
        return evidence

    async def fault(self, behaviour: str, *, times: int = 1, **more: Any) -> None:
        match = {key: more.pop(key) for key in ("system", "site", "method", "path") if key in more}
        body = {"match": match, "behaviour": behaviour, "times": times, **more}
        (await self._admin.post("/_lab/faults", json=body)).raise_for_status()

    async def reset(self) -> None:
        (await self._admin.post("/_lab/reset")).raise_for_status()

    async def no_faults(self) -> None:
        (await self._admin.delete("/_lab/faults")).raise_for_status()

    async def armed(self) -> Any:
        """The faults that no request has met yet."""
        return (await self._admin.get("/_lab/faults")).raise_for_status().json()

    async def lose(self, site: str, how: str = "refuse") -> None:
        body = {"reachable": False, "how": how}
        (await self._admin.post(f"/_lab/sites/{site}", json=body)).raise_for_status()

    async def restore(self, site: str) -> None:
        (await self._admin.post(f"/_lab/sites/{site}", json={"reachable": True})).raise_for_status()

    async def canonical(self) -> Any:
        return (await self._admin.get("/_lab/state?canonical=1")).json()

    async def changes(self) -> list[dict[str, Any]]:
        """The journal's entries that changed the world."""
        entries = (await self._admin.get("/_lab/journal")).json()
        return [entry for entry in entries if entry["applied"]]

    async def kubernetes(
        self, site: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """GET an object as another client of the cluster would, or patch it."""
        url = f"{self.lab.site_urls[site]}{path}"
        headers = {"Authorization": f"Bearer {self.access.token}"}
        if body is None:
            answer = await self._admin.get(url, headers=headers)
        else:
            headers["Content-Type"] = "application/merge-patch+json"
            answer = await self._admin.patch(url, headers=headers, json=body)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    async def azure(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """GET a resource of the group `edge` as another client of ARM would, or patch it."""
        url = (
            f"/subscriptions/{self.access.subscription_id}/resourceGroups/edge/providers"
            f"/Microsoft.Network/trafficManagerProfiles/{path}?api-version=2022-04-01"
        )
        headers = {"Authorization": f"Bearer {self.access.token}"}
        if body is None:
            answer = await self._admin.get(url, headers=headers)
        else:
            answer = await self._admin.patch(url, headers=headers, json=body)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document


async def retried(attempt: Callable[[], Any]) -> Evidence:
    """Run an attempt as Temporal would: again after each failure that may be retried."""
    for _ in range(RETRIES):
        try:
            evidence: Evidence = await attempt()
        except ApplicationError as failure:
            if failure.non_retryable:
                raise
            delay = failure.next_retry_delay or timedelta(milliseconds=50)
            await asyncio.sleep(delay.total_seconds())
        else:
            return evidence
    raise AssertionError("it never succeeded")


async def _run(
    action: Action[Any],
    verb: str,
    request: Any,
    attempt: int = 1,
    hears: Callable[[Any], None] | None = None,
) -> Any:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt, scheduled_time=datetime.now(UTC))
    if hears is not None:
        environment.on_heartbeat = lambda said, *_: hears(said)
    verbs = dict(zip(("probe", "apply", "revert"), activities_of(action), strict=True))
    return await environment.run(verbs[verb], request)


def estate() -> Estate:
    """Two sites; the historian runs at lyon and can be recovered at milan."""
    workload = {"namespace": "historian", "deployment": "api"}
    steps: list[dict[str, Any]] = [
        {
            "id": "fence",
            "run": "kubernetes.fence",
            "with": {"context": "{{ source.kubernetes.context }}", **workload},
        },
        {
            "id": "scale-up",
            "run": "kubernetes.scale",
            "with": {"context": "{{ target.kubernetes.context }}", **workload, "replicas": 3},
        },
        {
            "id": "broker",
            "run": "kubernetes.scale",
            "with": {
                "context": "{{ target.kubernetes.context }}",
                "namespace": "bus",
                "statefulset": "broker",
                "replicas": 2,
            },
        },
        {
            "id": "shift",
            "run": "azure.traffic_manager.prefer_endpoint",
            "with": {"resource_group": "edge", "profile": "historian", "endpoint": "milan"},
        },
    ]
    document: dict[str, Any] = {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "two-plants"},
        "sites": [
            {"name": "lyon", "region": "west", "kubernetes": {"context": "plant-lyon"}},
            {"name": "milan", "region": "south", "kubernetes": {"context": "plant-milan"}},
        ],
        "services": [
            {
                "name": "historian",
                "site": "lyon",
                "recovery_sites": ["milan"],
                "recovery": steps,
            }
        ],
    }
    return Estate.model_validate(document)
