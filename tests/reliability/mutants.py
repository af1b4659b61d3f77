"""A workflow that does more than was recorded: what a replay has to notice."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from holdfast.workflows.model.recovery import RecoveryReport, RecoveryRequest
    from holdfast.workflows.site_recovery import SiteRecovery


@workflow.defn(name="SiteRecovery")
class OneActivityMore(SiteRecovery):
    """Begins with an activity that no history has."""

    @workflow.init
    def __init__(self, request: RecoveryRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: RecoveryRequest) -> RecoveryReport:
        """Do one thing more, then all the rest."""
        await workflow.execute_activity("one.more", start_to_close_timeout=timedelta(seconds=1))
        return await super().run(request)
