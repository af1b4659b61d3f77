"""Whether workers are there: each says so itself, and the server says who asked for work."""

from datetime import UTC

from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from ..workflows.model.presence import PollersAsked
from ..workflows.names import POLLED, PRESENT


@activity.defn(name=PRESENT)
async def present() -> None:
    """Answer: that is all."""


@activity.defn(name=POLLED)
async def polled(request: PollersAsked) -> bool:
    """Whether a worker has asked the queue for work since then.

    An idle worker asks once a minute, so its silence says little; one with a backlog asks all the
    time.
    """
    client = activity.client()
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=request.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    return any(poller.last_access_time.ToDatetime(UTC) > request.since for poller in found.pollers)
