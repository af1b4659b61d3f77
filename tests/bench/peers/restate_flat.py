"""Restate: one handler per plan, one journaled run per step."""

import asyncio
import os
from typing import Any

import httpx
import hypercorn
import hypercorn.asyncio
import restate

from bench.peers.wire import Answers, Effects, Plan, document_of, plan_of, serve, wait_step

ADMIN = os.environ["BENCH_RESTATE_ADMIN"]
INGRESS = os.environ["BENCH_RESTATE_INGRESS"]
PORT = int(os.environ["BENCH_RESTATE_PORT"])
MANY = 2**31 - 1

service = restate.Service("recovery")
_effects = Effects()


async def run_plan(ctx: Any, document: dict[str, Any]) -> str:
    """Start what is ready; when a step ends, its service's next one or those who waited for it."""
    plan = plan_of(document)
    services = {each.name: each for each in plan.services}
    missing = {each.name: set(each.depends_on) for each in plan.services}
    running: dict[Any, tuple[str, int]] = {}

    def start(name: str, step: int) -> None:
        duration_s = services[name].steps_s[step]
        future = ctx.run_typed(
            f"{name}/{step}", perform_step, service=name, step=step, duration_s=duration_s
        )
        running[future] = (name, step)

    for name, others in missing.items():
        if not others:
            start(name, 0)
    while running:
        ended, _ = await restate.wait_completed(*running)
        for future in ended:
            name, step = running.pop(future)
            await future
            if step + 1 < len(services[name].steps_s):
                start(name, step + 1)
                continue
            for other, others in missing.items():
                if name in others:
                    others.remove(name)
                    if not others:
                        start(other, 0)
    return plan.id


async def perform_step(service: str, step: int, duration_s: float) -> str:
    """One step."""
    await wait_step(_effects, service, step, duration_s)
    return "done"


service.handler("run")(run_plan)


class Flat:
    """A client of the ingress."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._entries = 0

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        answer = await self._http.post(f"{INGRESS}/recovery/run", json=document_of(plan))
        answer.raise_for_status()

    async def settle(self) -> None:
        """All was done when the plans ended."""

    async def events(self, plans: list[Plan]) -> int | None:
        """The journal entries that were added since the last question."""
        question = {"query": "SELECT count(*) AS entries FROM sys_journal"}
        accept = {"accept": "application/json"}
        answer = await self._http.post(f"{ADMIN}/query", json=question, headers=accept)
        answer.raise_for_status()
        before, self._entries = self._entries, int(answer.json()["rows"][0]["entries"])
        return self._entries - before


async def main() -> None:
    """Serve the handler until the input ends; Restate itself retries what an earlier one left."""
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{PORT}"]
    config.h2_max_concurrent_streams = MANY
    config.keep_alive_max_requests = MANY
    config.loglevel = "ERROR"
    app: Any = restate.app(services=[service])
    serving = asyncio.create_task(hypercorn.asyncio.serve(app, config, mode="asgi"))
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=None, limits=limits, trust_env=False) as http:
        await asyncio.sleep(0.1)
        await _register(http)
        await serve(Flat(http), Answers())
    serving.cancel()


async def _register(http: httpx.AsyncClient) -> None:
    known = (await http.get(f"{ADMIN}/deployments")).raise_for_status().json()["deployments"]
    if not known:
        uri = {"uri": f"http://127.0.0.1:{PORT}/"}
        (await http.post(f"{ADMIN}/deployments", json=uri)).raise_for_status()


if __name__ == "__main__":
    asyncio.run(main())
