"""Plain asyncio: no state at all. What it takes, everybody takes."""

import asyncio

from bench.peers.wire import Answers, Effects, Plan, Service, serve, wait_step


class Floor:
    """A task per service, in the process that asks."""

    def __init__(self) -> None:
        self._effects = Effects()

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        tasks: dict[str, asyncio.Task[None]] = {}

        async def recover(service: Service) -> None:
            await asyncio.gather(*(tasks[name] for name in service.depends_on))
            for step, duration_s in enumerate(service.steps_s):
                await wait_step(self._effects, service.name, step, duration_s)

        for service in plan.services:
            tasks[service.name] = asyncio.create_task(recover(service))
        await asyncio.gather(*tasks.values())

    async def settle(self) -> None:
        """Nothing is left to do."""

    async def events(self, plans: list[Plan]) -> int | None:
        """Nothing is kept."""
        return None


if __name__ == "__main__":
    asyncio.run(serve(Floor(), Answers()))
