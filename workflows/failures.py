"""Reads Temporal's failures as the saga's: what kind, and whether the outcome is known."""

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from .activity_options import UNREGISTERED
from .model import errors
from .model.step import Applied, Observation, Qualification
from .saga.messages import Failure

_PERMANENT = frozenset(kind.__name__ for kind in errors.PermanentError.__subclasses__())


def failure_of(error: ActivityError) -> Failure:
    """Why an apply or revert failed. Only the action's own permanent word makes it known."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        kind = cause.type or "Unexpected"
        details = cause.details[0] if cause.details else None
        needs_person = isinstance(details, dict) and details.get("needs_person") is True
        known = kind in _PERMANENT or kind == UNREGISTERED
        return Failure(kind, cause.message, known, needs_person)
    if isinstance(cause, TimeoutError):
        missed = (cause.type or TimeoutType.START_TO_CLOSE).name.replace("_", " ").lower()
        return Failure("Timeout", f"no answer in time ({missed})", outcome_known=False)
    return Failure("Unexpected", str(cause or error), outcome_known=False)


def never_picked_up(error: ActivityError) -> bool:
    """No worker took the latest attempt."""
    cause = error.cause
    return isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START


def had_begun(error: ActivityError) -> bool:
    """Of what was never picked up: a worker took an earlier attempt, and how it ended is told."""
    return error.cause is not None and error.cause.__cause__ is not None


def unseen_because(error: ActivityError, step: str, run: str, where: str) -> Observation:
    """The observation of a step whose probe failed altogether; `where` names queue and site."""
    failure = failure_of(error)
    unregistered = failure.kind == UNREGISTERED
    reason = (
        f"no worker registers {run} {where}; start one there that does"
        if unregistered
        else str(failure)
    )
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=(Qualification.NOT_QUALIFIED if unregistered else Qualification.UNKNOWN),
        reason=reason,
    )


def unattended(step: str, reason: str) -> Observation:
    """The observation of a step that no worker could look at."""
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=Qualification.UNKNOWN,
        reason=reason,
    )


def unreadable(step: str, run: str, error: ValidationError | None) -> Observation:
    """The observation of a step whose probe answered something else."""
    what = f"{error.error_count()} faults in it" if error else "this step is not in it"
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=Qualification.UNKNOWN,
        reason=f"the answer of {run}.probe cannot be read ({what}); look which worker gave it",
    )
