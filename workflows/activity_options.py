"""How each verb is scheduled: set for recovery time, not for throughput.

A worker that dies is noticed by its missing heartbeat within two seconds. Errors are retried until
the action's own deadline, which the activity boundary keeps; so no retry is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

if TYPE_CHECKING:
    from .saga.graph import PlanGraph

HEARTBEAT = timedelta(seconds=2)
GRACE = timedelta(seconds=15)
"""What an attempt may take beyond the step's own deadline before the server gives it up."""
UNREGISTERED = "NotFoundError"
"""The SDK's error type for an activity that no worker of the queue registers."""

LOWEST_PRIORITY = 5
"""Temporal knows the priorities 1 to 5, of which 1 goes first."""

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
    # Of one look; it is tried again, for as long as it takes, when the attempt itself asks.
    "start_to_close_timeout": timedelta(seconds=60),
    "heartbeat_timeout": HEARTBEAT,
    "retry_policy": _RETRY,
}


PRESENCE_OPTIONS: dict[str, Any] = {
    # A worker that is there has an open poll, and is handed the question in milliseconds. One that
    # lost its network keeps that poll open: it swallows a question, and the next attempt finds
    # whoever else is there.
    "schedule_to_start_timeout": timedelta(seconds=2),
    "start_to_close_timeout": timedelta(seconds=1),
    "schedule_to_close_timeout": timedelta(seconds=4),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=50),
        backoff_coefficient=1,
        non_retryable_error_types=[UNREGISTERED],
    ),
    "priority": Priority(priority_key=1),
}


POLLED_OPTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=5),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_attempts=3,
        non_retryable_error_types=[UNREGISTERED],
    ),
    "priority": Priority(priority_key=1),
}


def priority_of(graph: PlanGraph, steps: Iterable[str]) -> Priority:
    """The priority of an activity for these steps: the most critical of their services counts."""
    tier = min(graph.services[graph.steps[id].service].tier for id in steps)
    return Priority(priority_key=min(tier, LOWEST_PRIORITY - 1) + 1)


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
