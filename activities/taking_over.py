"""An attempt that comes after a lost worker takes its run out of that worker's hands.

The server offers the run's next workflow task to the worker that had the run in memory, and waits
a second for it. Of a worker that is dead that second is part of the recovery time.
"""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest

LOST_AFTER = timedelta(seconds=2)
"""The heartbeat's timeout: an earlier attempt that ended sooner has answered, so it lives."""
WITHIN_S = 1.0


async def take_over_run() -> None:
    """Let any worker have the run's next workflow task, if this attempt follows a lost worker."""
    info = activity.info()
    waited = info.current_attempt_scheduled_time - info.scheduled_time
    if info.attempt < 2 or waited < LOST_AFTER:
        return
    try:
        async with asyncio.timeout(WITHIN_S):
            await activity.client().workflow_service.reset_sticky_task_queue(
                ResetStickyTaskQueueRequest(
                    namespace=info.workflow_namespace or "",
                    execution=WorkflowExecution(
                        workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or ""
                    ),
                )
            )
    except Exception as error:
        # It only saves a second.
        activity.logger.info("the run stays with its worker: %s", type(error).__name__)
