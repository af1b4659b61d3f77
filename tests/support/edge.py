"""Sites with workers of their own, in this process."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from temporalio.client import Client

from holdfast.activities.action import Action
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_presence, build_worker
from holdfast.workflows.model.estate import Estate

from .scripted import estate_of


def edge_estate(
    services: dict[str, list[str]],
    queue: str,
    *,
    no_worker: str = "hold",
    source_queue: str | None = None,
    **more: dict[str, object],
) -> Estate:
    """An estate of chains whose recovery site has workers of its own on `queue`.

    The source has some on `source_queue`.
    """
    document: dict[str, Any] = estate_of(services, **more).document()
    document["policy"]["edge"]["no_worker"] = no_worker
    document["sites"][0]["task_queue"] = source_queue
    document["sites"][1]["task_queue"] = queue
    return Estate.model_validate(document)


@contextlib.asynccontextmanager
async def site_worker(
    temporal: Client, queue: str, *actions: Action[Any], slots: int = 200
) -> AsyncIterator[None]:
    """A worker at a site: steps alone, and only these actions."""
    settings = Settings(
        task_queue=queue, shutdown_grace_s=0, workflows=False, max_concurrent_activities=slots
    )
    steps = build_worker(temporal, Registry(actions=actions), settings)
    async with steps, build_presence(temporal, settings):
        yield
