"""The activity boundary: turns an action into Temporal activities.

It beats the heart of what runs, holds it to its deadline, and is the one translator of errors:
a permanent ActionError is not retried, a temporary one is until the step's deadline has passed.
A probe never fails for what it could not see: it answers `unknown`, or `not qualified`, and why.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import JsonValue, ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from ..workflows.model.errors import ActionError, InvalidInput, TemporaryError, Unavailable
from ..workflows.model.step import (
    Applied,
    ApplyInput,
    Evidence,
    Observation,
    ProbeInput,
    ProbeResult,
    Qualification,
    RevertInput,
    Verb,
)
from .action import Action, Call, InputsT, Probed, Undo
from .heart import OVERRUN_S, Heart
from .taking_over import take_over_run
from .urgency import asking

PROBE_ATTEMPTS = 3
PROBE_WITHIN_S = 20.0
PROBE_PATIENCE = timedelta(seconds=5)
"""The longest wait between two attempts of a probe, whatever a system asks for."""
PROBE_HUNG = f"the probe took more than {PROBE_WITHIN_S:.0f} s"
HUNG = "Timeout"
"""The outcome is not known; the same word as for a timeout that Temporal found."""


def activities_of(action: Action[InputsT]) -> list[Callable[..., Awaitable[Any]]]:
    """The three activities of an action, to register with a worker."""

    @activity.defn(name=f"{action.name}.{Verb.PROBE}")
    async def probe(request: ProbeInput) -> ProbeResult:
        with Heart().beating():
            return ProbeResult(observations=tuple(await _probe(action, request)))

    @activity.defn(name=f"{action.name}.{Verb.APPLY}")
    async def apply(request: ApplyInput) -> Evidence:
        heart = Heart(request.timeout)

        async def work() -> Evidence:
            inputs = parse_inputs(action.inputs_model, request.inputs)
            call = Call(
                request.step,
                inputs,
                request.before_image,
                request.token,
                heart.remaining,
                heart.say,
            )
            return await action.apply(call)

        return await _translated(heart, work)

    @activity.defn(name=f"{action.name}.{Verb.REVERT}")
    async def revert(request: RevertInput) -> Evidence:
        heart = Heart(request.timeout)

        async def work() -> Evidence:
            inputs = parse_inputs(action.inputs_model, request.inputs)
            undo = Undo(
                request.step,
                inputs,
                request.before_image,
                request.token,
                heart.remaining,
                heart.say,
                request.apply_key,
                request.known_applied,
            )
            return await action.revert(undo)

        return await _translated(heart, work)

    return [probe, apply, revert]


def parse_inputs(model: type[InputsT], inputs: dict[str, JsonValue]) -> InputsT:
    """The typed inputs of a step.

    Raises:
        InvalidInput: the model rejects them; the message names each key and what is wrong.
    """
    try:
        return model.model_validate(inputs)
    except ValidationError as error:
        raise InvalidInput("; ".join(f"{path}: {text}" for path, text in faults(error))) from None


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """Path and message of each fault that a model found."""
    return [
        (".".join(str(part) for part in fault["loc"]) or "inputs", fault["msg"])
        for fault in error.errors(include_url=False, include_input=False)
    ]


async def _probe(action: Action[InputsT], request: ProbeInput) -> Sequence[Observation]:
    seen: dict[str, Observation] = {}
    readable: list[Probed[InputsT]] = []
    for asked in request.steps:
        try:
            inputs = parse_inputs(action.inputs_model, asked.inputs)
            readable.append(Probed(asked.step, inputs, asked.key))
        except InvalidInput as error:
            seen[asked.step] = _unseen(asked.step, Qualification.NOT_QUALIFIED, error)
    try:
        async with asyncio.timeout(PROBE_WITHIN_S):
            for observation in await action.probe(readable) if readable else ():
                seen[observation.step] = observation
    except (TemporaryError, TimeoutError) as caught:
        unanswered = caught if isinstance(caught, TemporaryError) else Unavailable(PROBE_HUNG)
        if activity.info().attempt < PROBE_ATTEMPTS:
            raise _failure(unanswered) from None
        for step in readable:
            seen[step.step] = _unseen(step.step, Qualification.UNKNOWN, unanswered)
    except ActionError as error:
        for step in readable:
            seen[step.step] = _unseen(step.step, Qualification.NOT_QUALIFIED, error)
    except Exception as error:
        raise _unforeseen(error, final=activity.info().attempt >= PROBE_ATTEMPTS) from None
    return [seen[asked.step] for asked in request.steps]


def _unseen(step: str, qualification: Qualification, error: ActionError) -> Observation:
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=qualification,
        reason=f"{type(error).__name__}: {error}",
    )


async def _translated(heart: Heart, work: Callable[[], Awaitable[Evidence]]) -> Evidence:
    if heart.given_up:
        raise _hung()
    await take_over_run()
    with heart.beating(), asking(remaining=heart.remaining, say=heart.say):
        try:
            async with asyncio.timeout(heart.remaining().total_seconds() + OVERRUN_S):
                return await work()
        except ActionError as error:
            raise _failure(error, heart) from None
        except TimeoutError:
            raise _hung() from None
        except Exception as error:
            raise _unforeseen(error, final=heart.overdue) from None


def _hung() -> ApplicationError:
    return ApplicationError(
        "the action overran the step's time and was stopped", type=HUNG, non_retryable=True
    )


def _unforeseen(error: Exception, *, final: bool) -> ApplicationError:
    """An error that the action did not foresee: tried again like an outage.

    Its own text stays out of the history: a client's exception may hold a URL with a secret.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "?"
    activity.logger.warning("unforeseen %s in %s", type(error).__name__, where)
    return ApplicationError(
        f"{type(error).__name__} in {where}: a defect of the action, not of the system it drives",
        type="Unexpected",
        non_retryable=final,
    )


def _failure(error: ActionError, heart: Heart | None = None) -> ApplicationError:
    retry_after = error.retry_after if isinstance(error, TemporaryError) else None
    final = not error.temporary
    if heart is None:
        retry_after = min(retry_after, PROBE_PATIENCE) if retry_after else None
    elif heart.overdue or (retry_after and not heart.leaves_time_for(retry_after)):
        final = True
    return ApplicationError(
        str(error),
        {"needs_person": error.needs_person},
        type=type(error).__name__,
        non_retryable=final,
        next_retry_delay=retry_after,
        category=ApplicationErrorCategory.BENIGN,
    )
