"""A verb that hung went on for as long as the server's own timeout, well past the step's deadline.

The boundary now stops it itself, and the step counts as unknown until it has been looked at.
"""

from temporalio.client import Client

from holdfast.workflows.model.recovery import Outcome
from support.scripted import estate_of, stage


async def test_a_hung_apply_is_stopped_at_its_deadline(temporal: Client) -> None:
    steps: dict[str, object] = {"steps": {"up": {"timeout": "500ms"}}}
    async with stage(temporal, {"bus/up.apply": ["slow:600"]}) as on:
        await on.start(estate_of({"bus": ["up"]}, bus=steps))
        status = await on.ends()

    assert status.outcome is Outcome.ROLLED_BACK
    assert any("overran the step's time" in line.sentence for line in status.log)
