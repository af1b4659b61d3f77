"""Naive Temporal: worker and client in one process, options at their defaults."""

import asyncio
import os

from temporalio.client import Client
from temporalio.worker import Worker

from bench.peers.temporal_workflow import NaiveRecovery, perform_step
from bench.peers.wire import Answers, Plan, document_of, serve

QUEUE = "bench"


class Naive:
    """A client of the server at BENCH_TEMPORAL."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        await self._client.execute_workflow(
            NaiveRecovery.run, document_of(plan), id=plan.id, task_queue=QUEUE
        )

    async def settle(self) -> None:
        """All was done when the workflows ended."""

    async def events(self, plans: list[Plan]) -> int | None:
        """The history events of the plans."""
        described = [await self._client.get_workflow_handle(plan.id).describe() for plan in plans]
        return sum(each.history_length for each in described)


async def main() -> None:
    """Work until the input ends."""
    client = await Client.connect(os.environ["BENCH_TEMPORAL"])
    worker = Worker(client, task_queue=QUEUE, workflows=[NaiveRecovery], activities=[perform_step])
    async with worker:
        await serve(Naive(client), Answers())


if __name__ == "__main__":
    asyncio.run(main())
