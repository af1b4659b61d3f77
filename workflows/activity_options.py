"""How each verb is scheduled: set for recovery time, not for throughput.

A worker that dies is noticed by its missing heartbeat within two seconds. Errors are retried until
the action's own deadline, which the activity boundary keeps; so no retry is counted here.
"""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

HEARTBEAT = timedelta(seconds=2)
GRACE = timedelta(seconds=15)
"""What an attempt may take beyond the step's own deadline before the server gives it up."""
UNREGISTERED = "NotFoundError"
"""The SDK's error type for an activity that no worker of the queue registers."""

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
    non_retryable_error_types=[UNREGISTERED],
)

COMPILE_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=60),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=20),
}

PROBE_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=60),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=5),
        maximum_attempts=100,
        non_retryable_error_types=[UNREGISTERED],
    ),
}

AWAIT_RETURN_OPTIONS: dict[str, Any] = {
    # An attempt that overruns a day is followed by the next one.
    "start_to_close_timeout": timedelta(days=1),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": _RETRY,
}


def mutation_options(timeout: timedelta) -> dict[str, Any]:
    """The options of an apply or revert whose deadline is `timeout`.

    The cancellation type waits until the attempt has really stopped: with the SDK's default the
    undo would run before the do has landed.
    """
    return {
        "start_to_close_timeout": timeout + GRACE,
        "heartbeat_timeout": HEARTBEAT,
        "retry_policy": _RETRY,
        "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }
