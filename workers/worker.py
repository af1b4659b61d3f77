"""The worker: all workflows and actions of one task queue, with settings for recovery time."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.worker import Interceptor, UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ..activities.awaiting_return import await_return_activity
from ..activities.boundary import activities_of
from ..activities.coordinator import COORDINATOR_ACTIVITIES
from ..activities.evaluation import EVALUATION_ACTIVITIES
from ..activities.plan import PLAN_ACTIVITIES
from ..activities.presence import polled, present
from ..activities.together import together_activity
from ..workflows.estate_coordinator import EstateCoordinator
from ..workflows.failback import Failback
from ..workflows.names import presence_queue
from ..workflows.plan_evaluation import PlanEvaluation
from ..workflows.region_recovery import RegionRecovery
from ..workflows.site_recovery import SiteRecovery
from ..workflows.standby_guard import StandbyGuard
from .connection import connect
from .registry import Registry
from .search_attributes import ensure_search_attributes
from .settings import Settings

ResultT = TypeVar("ResultT")

PASSED_THROUGH = (
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "holdfast.workflows.model",
    "holdfast.workflows.saga",
    "holdfast.workflows.planning",
    "holdfast.workflows.coordination",
    "holdfast.workflows.readiness",
    "holdfast.workflows.region_tiers",
    "holdfast.workflows.rto_clock",
    "holdfast.workflows.consent",
    "holdfast.workflows.names",
    "holdfast.workflows.search_attributes",
    "holdfast.workflows.activity_options",
    "holdfast.workflows.failures",
    "holdfast.workflows.status",
    "holdfast.workflows.story",
    "holdfast.workflows.web_details",
)
"""Pure modules that the sandbox need not load anew for every run."""

WORKFLOWS: tuple[type, ...] = (
    SiteRecovery,
    RegionRecovery,
    Failback,
    StandbyGuard,
    EstateCoordinator,
    PlanEvaluation,
)
WORKFLOW_ACTIVITIES = (polled, *PLAN_ACTIVITIES, *COORDINATOR_ACTIVITIES, *EVALUATION_ACTIVITIES)
"""What only workflows ask for."""

STICKY = timedelta(seconds=1)
"""How long a run waits for the worker that held it in memory before another takes it."""
HEARTBEAT_THROTTLE = timedelta(milliseconds=500)
WIDEST_BURST = 200
POLLS = 2
"""A worker that hangs swallows a task with every open poll until its timeout; so, few of them."""
PRESENCE_POLLS = 5
"""In a storm hundreds of runs ask within a second whether the same site has a worker."""


def workflow_runner(*, sandbox: bool) -> WorkflowRunner:
    """What workflows run in: in tests a sandbox that refuses what is not deterministic."""
    if not sandbox:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def build_worker(
    client: Client,
    registry: Registry,
    settings: Settings,
    *,
    interceptors: Sequence[Interceptor] = (),
    max_cached_workflows: int = 1000,
) -> Worker:
    """A worker for the settings' task queue that can carry out every action of `registry`.

    One for steps alone carries no workflow, nor what only workflows of its own process ask for.
    """
    shared = [together_activity(registry.actions), await_return_activity(registry.actions)]
    activities = [each for action in registry.actions for each in activities_of(action)]
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS if settings.workflows else (),
        activities=[*(WORKFLOW_ACTIVITIES if settings.workflows else ()), *shared, *activities],
        workflow_runner=workflow_runner(sandbox=settings.sandbox),
        interceptors=interceptors,
        max_cached_workflows=max_cached_workflows,
        workflow_failure_exception_types=[ValidationError],
        max_concurrent_workflow_task_polls=POLLS,
        max_concurrent_activity_task_polls=POLLS,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_eager_activity_reservations_per_workflow_task=WIDEST_BURST,
        sticky_queue_schedule_to_start_timeout=STICKY,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_s),
    )


def build_presence(client: Client, settings: Settings) -> Worker:
    """A worker beside the one for the settings' task queue, that says it is there.

    It has a queue and slots of its own: whoever asks is answered though all steps' slots are taken.
    """
    return Worker(
        client,
        task_queue=presence_queue(settings.task_queue),
        activities=[present],
        max_concurrent_activity_task_polls=PRESENCE_POLLS,
    )


async def run_worker(
    settings: Settings,
    ready: Callable[[], None],
    *,
    interceptors: Sequence[Interceptor] = (),
) -> None:
    """Run a worker until SIGTERM or SIGINT; `ready` is called once it polls.

    Either signal also ends the wait for a Temporal that does not answer.

    Raises:
        SettingsInvalid: the settings name actions that there are not.
        TemporalUnreachable: no connection, or no such namespace.
        SearchAttributesMissing: the namespace is not prepared and cannot be.
    """
    registry = Registry.from_settings(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        client = await _unless(stop, _prepared(settings))
        if client is None:
            return
        steps = build_worker(client, registry, settings, interceptors=interceptors)
        # Left in reverse: one that takes no more steps does not say that it is there.
        async with steps, build_presence(client, settings):
            ready()
            await registry.warm()
            # What is loaded now stays: the collector need not walk through it again and again.
            gc.freeze()
            await stop.wait()
    finally:
        await registry.close()


async def _prepared(settings: Settings) -> Client:
    client = await connect()
    if settings.workflows:
        await ensure_search_attributes(client)
    return client


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
    """What `work` returns or raises; None if `stop` is set before."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
