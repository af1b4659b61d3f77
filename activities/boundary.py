"""The activity boundary: turns an action into Temporal activities.

It beats the heart of what runs, holds it to its deadline, and is the one translator of errors:
a permanent ActionError is not retried, a temporary one is until the step's deadline has passed.
A probe never fails for what it could not see: it answers `unknown`, or `not qualified`, and why.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from ..workflows.model.errors import ActionError, InvalidInput, TemporaryError
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

HEARTBEAT_INTERVAL_S = 0.5
PROBE_ATTEMPTS = 3
LEAST_ATTEMPT = timedelta(seconds=30)
"""A retry after a crash gets at least this long to prove an effect, whatever was lost before."""

ResultT = TypeVar("ResultT")


def activities_of(action: Action[InputsT]) -> list[Callable[..., Awaitable[Any]]]:
    """The three activities of an action, to register with a worker."""

    @activity.defn(name=f"{action.name}.{Verb.PROBE}")
    async def probe(request: ProbeInput) -> ProbeResult:
        with _heart():
            return ProbeResult(observations=tuple(await _probe(action, request)))

    @activity.defn(name=f"{action.name}.{Verb.APPLY}")
    async def apply(request: ApplyInput) -> Evidence:
        with _heart() as say:
            remaining = _deadline(request.timeout)
            return await _translated(
                remaining, lambda: action.apply(_call(request, say, remaining))
            )

    @activity.defn(name=f"{action.name}.{Verb.REVERT}")
    async def revert(request: RevertInput) -> Evidence:
        with _heart() as say:
            remaining = _deadline(request.timeout)
            return await _translated(
                remaining, lambda: action.revert(_undo(request, say, remaining))
            )

    def _call(
        r: ApplyInput, say: Callable[[str], None], left: Callable[[], timedelta]
    ) -> Call[InputsT]:
        inputs = parse_inputs(action.inputs_model, r.inputs)
        return Call(r.step, inputs, r.before_image, r.token, left, say)

    def _undo(
        r: RevertInput, say: Callable[[str], None], left: Callable[[], timedelta]
    ) -> Undo[InputsT]:
        inputs = parse_inputs(action.inputs_model, r.inputs)
        return Undo(
            r.step, inputs, r.before_image, r.token, left, say, r.apply_key, r.known_applied
        )

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
        for observation in await action.probe(readable) if readable else ():
            seen[observation.step] = observation
    except TemporaryError as error:
        if activity.info().attempt < PROBE_ATTEMPTS:
            raise _failure(error, final=False) from error
        for step in readable:
            seen[step.step] = _unseen(step.step, Qualification.UNKNOWN, error)
    except ActionError as error:
        for step in readable:
            seen[step.step] = _unseen(step.step, Qualification.NOT_QUALIFIED, error)
    return [seen[asked.step] for asked in request.steps]


def _unseen(step: str, qualification: Qualification, error: ActionError) -> Observation:
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=qualification,
        reason=f"{type(error).__name__}: {error}",
    )


def _deadline(timeout: timedelta) -> Callable[[], timedelta]:
    waited = datetime.now(UTC) - activity.info().scheduled_time
    budget = max(timeout - waited, min(timeout, LEAST_ATTEMPT)).total_seconds()
    end = time.monotonic() + budget
    return lambda: timedelta(seconds=max(0.0, end - time.monotonic()))


async def _translated(
    remaining: Callable[[], timedelta], run: Callable[[], Awaitable[ResultT]]
) -> ResultT:
    try:
        return await run()
    except ActionError as error:
        raise _failure(error, final=not remaining()) from error


def _failure(error: ActionError, *, final: bool) -> ApplicationError:
    retry_after = error.retry_after if isinstance(error, TemporaryError) else None
    return ApplicationError(
        str(error),
        {"needs_person": error.needs_person},
        type=type(error).__name__,
        non_retryable=final or not error.temporary,
        next_retry_delay=retry_after,
        category=ApplicationErrorCategory.BENIGN,
    )


@contextlib.contextmanager
def _heart() -> Iterator[Callable[[str], None]]:
    said = ""

    def say(text: str) -> None:
        nonlocal said
        said = text
        activity.heartbeat(said)

    async def beat() -> None:
        while True:
            activity.heartbeat(said)
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)

    task = asyncio.create_task(beat())
    try:
        yield say
    finally:
        task.cancel()


__all__ = ["activities_of", "faults", "parse_inputs"]
