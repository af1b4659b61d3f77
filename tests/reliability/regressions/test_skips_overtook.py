"""A step that was skipped before its turn let those after it begin before those ahead of it.

Skipping `verify` while `fence` was still being applied counted `verify` as passed at once, so that
`promote` began beside the fence. A skip takes effect when the step's turn comes.
"""

from temporalio.client import Client

from support.scripted import estate_of, stage, states


async def test_a_skipped_step_lets_nothing_overtake(temporal: Client) -> None:
    async with stage(temporal, {"db/fence.apply": ["slow:0.6"]}) as on:
        await on.start(estate_of({"db": ["fence", "verify", "promote"]}))
        await on.until("db/fence apply begins")
        await on.client.skip_step(on.workflow_id, "db/verify", actor="ana", reason="known")
        status = await on.ends()

    assert states(status)["db/verify"] == "skipped"
    assert on.world.index("db/fence apply ends") < on.world.index("db/promote apply begins")
