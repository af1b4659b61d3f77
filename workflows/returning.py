"""Waits until a source that did not answer does so again: one long activity, no polling here."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import AWAIT_RETURN_OPTIONS
    from .model.awaiting import AwaitReturnInput
    from .model.step import Observation, ProbeInput, ProbeResult, Qualification, StepToProbe
    from .names import AWAIT_RETURN

AGAIN_AFTER_S = 5
"""Seconds until a source is watched again whose fence failed, or whose watch did."""


async def await_return(
    action: str, site: str, asked: tuple[StepToProbe, ...]
) -> tuple[Observation, ...]:
    """The observations of the steps that can be seen again; never none.

    Args:
        action: the steps' action, by its dotted name.
        site: the source.
        asked: steps of that action at that site.
    """
    while True:
        seen = await _watch(action, site, asked)
        if returned := tuple(
            each for each in seen if each.qualification is not Qualification.UNKNOWN
        ):
            return returned
        await workflow.sleep(AGAIN_AFTER_S, summary=f"before {site} is watched again")


async def _watch(action: str, site: str, asked: tuple[StepToProbe, ...]) -> tuple[Observation, ...]:
    try:
        answer: Any = await workflow.execute_activity(
            AWAIT_RETURN,
            AwaitReturnInput(run=action, probe=ProbeInput(steps=asked)),
            result_type=Any,
            summary=f"until {site} answers again",
            **AWAIT_RETURN_OPTIONS,
        )
        return ProbeResult.model_validate(answer).observations
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return ()
    except ValidationError:
        return ()
