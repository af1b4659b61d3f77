"""One activity that waits until a source that did not answer answers again.

It may take weeks, and a thousand sources may be waited for. So an attempt looks once; where it
looks in vain it fails, and asks to be tried again in a second. Between two looks it is the server
that waits: no worker keeps a slot for it, nor is missed when it dies, and history does not grow.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from ..workflows.model.awaiting import AwaitReturnInput
from ..workflows.model.errors import ActionError, TemporaryError, Unavailable
from ..workflows.model.step import Applied, Observation, ProbeInput, ProbeResult, Qualification
from ..workflows.names import AWAIT_RETURN
from .action import Action, Probed
from .boundary import parse_inputs
from .heart import Heart

LOOK_EVERY_S = 1.0
LOOK_WITHIN_S = 20.0


def await_return_activity(actions: Sequence[Action[Any]]) -> Callable[..., Awaitable[Any]]:
    """The activity that waits for the sources of steps of these actions, to register."""
    by_name = {action.name: action for action in actions}

    @activity.defn(name=AWAIT_RETURN)
    async def await_return(request: AwaitReturnInput) -> ProbeResult:
        action = by_name.get(request.run)
        if action is None:
            raise ApplicationError(
                f"no worker of this queue has the action {request.run}",
                type="NotFoundError",
                non_retryable=True,
            )
        began = time.monotonic()
        with Heart().beating():
            seen = await _look(action, request.probe)
        if any(each.qualification is not Qualification.UNKNOWN for each in seen):
            return ProbeResult(observations=tuple(seen))
        # A look that lets us wait is not to hold a slot for more than half of the time.
        rest_s = max(LOOK_EVERY_S, time.monotonic() - began)
        raise ApplicationError(
            seen[0].reason if seen else "no step was named, so nothing can return",
            type=Unavailable.__name__,
            non_retryable=not seen,
            next_retry_delay=timedelta(seconds=rest_s),
            category=ApplicationErrorCategory.BENIGN,
        )

    return await_return


async def _look(action: Action[Any], request: ProbeInput) -> list[Observation]:
    """One observation per step; one whose system did not answer is UNKNOWN, whatever its action
    would do about that."""
    try:
        steps = [
            Probed(each.step, parse_inputs(action.inputs_model, each.inputs), each.key)
            for each in request.steps
        ]
        async with asyncio.timeout(LOOK_WITHIN_S):
            return [_answered(each) for each in await action.probe(steps)]
    except TimeoutError:
        error: ActionError = Unavailable(f"no answer within {LOOK_WITHIN_S:.0f} s")
    except ActionError as refused:
        error = refused
    except Exception as defect:
        # Its own text stays out of the history: a client's exception may hold a URL with a secret.
        error = Unavailable(f"an unforeseen {type(defect).__name__}")
    waits = isinstance(error, TemporaryError)
    qualification = Qualification.UNKNOWN if waits else Qualification.NOT_QUALIFIED
    return [_unseen(each.step, qualification, error) for each in request.steps]


def _answered(seen: Observation) -> Observation:
    if seen.state is Applied.UNKNOWN and seen.qualification is not Qualification.NOT_QUALIFIED:
        return seen.model_copy(update={"qualification": Qualification.UNKNOWN})
    return seen


def _unseen(step: str, qualification: Qualification, error: ActionError) -> Observation:
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=qualification,
        reason=f"{type(error).__name__}: {error}",
    )


__all__ = ["await_return_activity"]
