"""The activity by which a worker shows that it is there, however busy its steps keep it."""

from temporalio import activity

from ..workflows.names import PRESENT


@activity.defn(name=PRESENT)
async def present() -> None:
    """Answer: that is all."""
