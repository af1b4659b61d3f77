"""A workflow as small as can be that asks a coordinator, and keeps what it was told."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from holdfast.workflows.coordinator_link import CoordinatorLink
    from holdfast.workflows.model.coordination import (
        Admission,
        Application,
        EpochClaim,
        Release,
        Reservation,
        Reserved,
        Verdict,
    )
    from holdfast.workflows.model.document import Answer, Document
    from holdfast.workflows.names import COORDINATOR_SAYS


class Errand(Document):
    """What a tiny workflow does with its coordinator."""

    estate: str
    application: Application
    reservation: Reservation | None = None
    claim: EpochClaim | None = None
    release: Release
    pauses: bool = False
    """It waits to be told to go on before its reservation."""
    stays: bool = False
    """It waits to be told to go on before its release."""


class Told(Answer):
    """What it was told."""

    admission: Admission | None = None
    waits: tuple[Admission, ...] = ()
    reserved: Reserved | None = None
    claimed: Reserved | None = None


@workflow.defn(name="AsksACoordinator")
class Asker:
    """Applies, reserves, releases."""

    @workflow.init
    def __init__(self, errand: Errand) -> None:
        info = workflow.info()
        self._link = CoordinatorLink(errand.estate, info.original_execution_run_id or info.run_id)
        self._told = Told()
        self._steps = 0

    @workflow.run
    async def run(self, errand: Errand) -> Told:
        """Do the errand."""
        admission = await self._link.apply(errand.application, waiting=self._waits)
        self._told = self._told.model_copy(update={"admission": admission})
        if admission.verdict is not Verdict.REFUSED:
            await self._acts(errand)
        await self._link.release(errand.release)
        return self._told

    async def _acts(self, errand: Errand) -> None:
        if errand.pauses:
            await self._told_to_go_on()
        if errand.reservation is not None:
            reserved = await self._link.reserve(errand.reservation)
            self._told = self._told.model_copy(update={"reserved": reserved})
        if errand.claim is not None:
            claimed = await self._link.claim_epoch(errand.claim)
            self._told = self._told.model_copy(update={"claimed": claimed})
        if errand.stays:
            await self._told_to_go_on()

    async def _told_to_go_on(self) -> None:
        await workflow.wait_condition(lambda: self._steps > 0)
        self._steps -= 1

    def _waits(self, admission: Admission) -> None:
        self._told = self._told.model_copy(update={"waits": (*self._told.waits, admission)})

    @workflow.signal(name=COORDINATOR_SAYS)
    def says(self, says: Any) -> None:
        """The coordinator's word."""
        self._link.heard(says)

    @workflow.signal
    def go_on(self) -> None:
        """Do the next thing."""
        self._steps += 1

    @workflow.query
    def told(self) -> Told:
        """What it was told until now."""
        return self._told
