"""An activity's answer in a shape that the workflow did not know ended the run where it stood.

The validation error left the workflow as its own failure: no rollback, no report. Now such an
answer counts as a lost one: the step is looked at, and the run ends in an end of its own.
"""

from temporalio.client import Client

from holdfast.workflows.model.recovery import Outcome
from support.scripted import estate_of, stage


async def test_an_unreadable_answer_is_a_lost_answer(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["garbled"]}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        status = await on.ends()

    assert status.outcome is Outcome.ROLLED_BACK
    assert on.world.values.get("bus-up", "before") == "before"
