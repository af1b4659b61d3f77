"""The recovery of a region: one for each of its sites, the critical tiers of all of them first.

Each site decides, acts and rolls back by itself; here is only the order between them. A site that
waits for a person holds up nobody, and one that fails takes nobody with it.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from .coordinator_link import CoordinatorLink
    from .model.coordination import Facts
    from .model.recovery import (
        LogEntry,
        Mode,
        Outcome,
        RecoveryReport,
        RecoveryRequest,
        ServiceReport,
    )
    from .model.region import RegionRequest, RegionStatus, SiteOutcome, SiteProgress
    from .names import COORDINATOR_SAYS, SITE_PROGRESSED, TIER_OPENED, site_recovery_id
    from .region_gate import ALL_TIERS
    from .region_tiers import RegionTiers
    from .search_attributes import ESTATE, MODE, OUTCOME, PHASE, at_start
    from .site_recovery import SiteRecovery
    from .uncancelled import to_the_end

MOST_BYTES = 2_000_000
"""Of the requests that are started together."""
ELSEWHERE = "elsewhere"
"""The phase of a site that another run recovers."""


@workflow.defn(name="RegionRecovery")
class RegionRecovery:
    """Recovers all sites of a lost region, tier by tier."""

    @workflow.init
    def __init__(self, request: RegionRequest) -> None:
        info = workflow.info()
        self._request = request
        self._id, self._run_id = info.workflow_id, info.run_id
        self._started_at = workflow.now()
        self._tiers = RegionTiers()
        self._sites: dict[str, SiteOutcome] = {}
        self._handles: dict[str, workflow.ChildWorkflowHandle[Any, Any]] = {}
        self._log: list[LogEntry] = []
        self._ended: str | None = None
        self._link = CoordinatorLink(request.estate.name, info.run_id)
        self._tasks: set[asyncio.Task[None]] = set()

    @workflow.run
    async def run(self, request: RegionRequest) -> RegionStatus:
        """Recover the region; the status says how each site ended."""
        workflow.upsert_search_attributes(
            [
                ESTATE.value_set(request.estate.name),
                MODE.value_set(request.mode),
                PHASE.value_set("recovering"),
            ]
        )
        sites = self._affected(await self._link.look())
        if not sites:
            return self._end("rolled_back", f"no site of {request.region} has a service to recover")
        self._say(f"recovers {len(sites)} sites of {request.region}: {', '.join(sites)}")
        self._tiers.expects(sites)
        recovering: list[asyncio.Task[None]] = []
        # Each start carries the whole estate, and one turn of a workflow takes 4 MB.
        at_once = max(1, MOST_BYTES // len(request.estate.model_dump_json()))
        try:
            for first in range(0, len(sites), at_once):
                begun = tuple(sites[first : first + at_once])
                recovering += [asyncio.create_task(self._recover(s, sites)) for s in begun]
                await workflow.wait_condition(partial(self._all_started, begun))
            await asyncio.gather(*recovering)
        except asyncio.CancelledError:
            # A request to roll back: each site's recovery hears of it, and ends in its own way.
            for each in recovering:
                each.cancel()
            await to_the_end(_all_ended(recovering))
        return self._end(*self._verdict())

    def _all_started(self, sites: tuple[str, ...]) -> bool:
        return all(s in self._handles or self._is_elsewhere(s) for s in sites)

    def _is_elsewhere(self, site: str) -> bool:
        return site in self._sites and self._sites[site].phase == ELSEWHERE

    def _affected(self, facts: Facts) -> list[str]:
        request, estate = self._request, self._request.estate
        running = {facts.locations.get(s.name, s.site) for s in estate.services if s.recovery}
        return [
            site.name
            for site in estate.sites
            if site.region == request.region
            and site.name in running
            and (not request.sites or site.name in request.sites)
        ]

    async def _recover(self, site: str, sites: list[str]) -> None:
        request = self._request
        dry_run = request.mode is Mode.DRY_RUN
        id = site_recovery_id(request.estate.name, site, dry_run=dry_run)
        self._sites[site] = SiteOutcome(site=site, workflow_id=id, phase="starting")
        others = {each.name for each in request.estate.sites if each.region == request.region}
        wanted = RecoveryRequest(
            estate=request.estate,
            site=site,
            mode=request.mode,
            incident=request.incident,
            region="" if dry_run else self._id,
            lost_sites=tuple(sorted((others | set(request.lost_sites) | set(sites)) - {site}))
            if request.mode is Mode.UNPLANNED
            else request.lost_sites,
            actor=request.actor,
            reason=request.reason,
            detected_at=request.detected_at or self._started_at,
        )
        try:
            handle = await workflow.start_child_workflow(
                SiteRecovery.run,
                wanted,
                id=id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=at_start(wanted),
                static_summary=f"{site}: part of {self._id}",
            )
        except WorkflowAlreadyStartedError:
            self._lost(site, f"{site} is being recovered already, by a recovery of its own: {id}")
            return
        self._handles[site] = handle
        try:
            self._reported(site, await handle)
        except ChildWorkflowError as error:
            self._lost(site, f"{site}: its recovery did not end by itself ({error.cause})")

    def _reported(self, site: str, report: RecoveryReport) -> None:
        self._sites[site] = SiteOutcome(
            site=site,
            workflow_id=report.workflow_id,
            phase=report.phase,
            outcome=report.outcome,
            sentence=report.sentence,
            services=sum(_moves(each) for each in report.services) + len(report.left_out),
            recovered=sum(_moves(each) and each.outcome == "recovered" for each in report.services),
            actual_recovery_time_s=report.actual_recovery_time_s,
        )
        self._say(f"{site}: {report.sentence}")
        self._advance(self._tiers.ended(site))

    def _lost(self, site: str, sentence: str) -> None:
        self._sites[site] = self._sites[site].model_copy(
            update={"phase": ELSEWHERE, "sentence": sentence}
        )
        self._say(sentence)
        self._advance(self._tiers.ended(site))

    # The order between the sites

    @workflow.signal(name=SITE_PROGRESSED, description="How far one site's recovery has come")
    def site_progressed(self, progress: SiteProgress) -> None:
        """Take it; nobody but the sites' recoveries sends this."""
        known = self._sites.get(progress.site)
        if known is None or known.phase == ELSEWHERE:
            self._spawn(self._let_go(progress.site))
            return
        if known.outcome is None:
            phase = "held" if progress.held else f"through tier {progress.through}"
            if progress.through < 0 and not progress.held:
                phase = "ready"
            self._sites[progress.site] = known.model_copy(update={"phase": phase})
        self._advance(self._tiers.progressed(progress))

    def _advance(self, opened: dict[str, int]) -> None:
        """Open tiers at sites; a tier that opens for all of them is worth a sentence."""
        if sentence := self._tiers.news():
            self._say(sentence)
        for site, tier in opened.items():
            self._spawn(self._open(site, tier))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_go(self, site: str) -> None:
        """Open every tier of a recovery that belongs to a region's which is gone."""
        id = site_recovery_id(self._request.estate.name, site)
        with contextlib.suppress(ApplicationError):
            await workflow.get_external_workflow_handle(id).signal(TIER_OPENED, ALL_TIERS)

    async def _open(self, site: str, tier: int) -> None:
        handle = self._handles.get(site)
        if handle is None:
            return
        try:
            await handle.signal(TIER_OPENED, tier)
        except ApplicationError:
            # It has ended meanwhile; its report is on its way.
            return

    # What others see

    @workflow.signal(name=COORDINATOR_SAYS, description="What the estate's coordinator answered")
    def coordinator_says(self, says: Any) -> None:
        """Take the coordinator's word; nobody else sends this."""
        self._link.heard(says)

    @workflow.query(description="How far the region's recovery is, site by site")
    def status(self) -> RegionStatus:
        """The recovery of the region, as it stands or as it ended."""
        waiting = [each.site for each in self._sites.values() if each.phase == "held"]
        running = [each.site for each in self._sites.values() if each.outcome is None]
        idle = bool(waiting) and len(waiting) == len(running)
        return RegionStatus(
            workflow_id=self._id,
            run_id=self._run_id,
            estate=self._request.estate.name,
            region=self._request.region,
            mode=self._request.mode,
            open_tier=self._tiers.opened,
            sites=tuple(self._sites.values()),
            outcome=self._ended or ("held" if idle else None),
            sentence=self._log[-1].sentence if self._log else "",
            waits_for=_waits_for(waiting, running, self._ended),
            started_at=self._started_at,
            ended_at=self._log[-1].at if self._ended else None,
            log=tuple(self._log),
        )

    def _verdict(self) -> tuple[str, str]:
        ends = list(self._sites.values())
        back, all_services = sum(e.recovered for e in ends), sum(e.services for e in ends)
        whole = [e.site for e in ends if e.recovered and e.recovered == e.services]
        rest = [e.site for e in ends if e.site not in whole]
        counted = f"{back} of {all_services} services of {self._request.region} are recovered"
        if not rest:
            return "recovered", counted
        residue = any(e.outcome is Outcome.ROLLED_BACK_WITH_RESIDUE for e in ends)
        left = f"{counted}; not, or not wholly: {', '.join(rest)}"
        if back:
            return "partially_recovered", left
        return ("rolled_back_with_residue" if residue else "rolled_back"), left

    def _end(self, outcome: str, sentence: str) -> RegionStatus:
        self._ended = outcome
        self._say(sentence)
        workflow.upsert_search_attributes([OUTCOME.value_set(outcome), PHASE.value_set(outcome)])
        return self.status()

    def _say(self, sentence: str) -> None:
        workflow.logger.info(sentence)
        self._log.append(LogEntry(at=workflow.now(), sentence=sentence))
        rows = "\n".join(
            f"| {e.site} | {e.outcome or e.phase} | {e.recovered}/{e.services} |"
            for e in self._sites.values()
        )
        workflow.set_current_details(
            f"{sentence}\n\nOpen tier: {self._tiers.opened}\n\n"
            f"| site | state | recovered |\n|---|---|---|\n{rows}"
        )


def _waits_for(waiting: list[str], running: list[str], ended: str | None) -> str:
    if ended:
        return "nothing: the run has ended"
    held = f"; {', '.join(waiting)} wait for a person or for another recovery" if waiting else ""
    return f"the recoveries of {', '.join(running)}{held}"


def _moves(service: ServiceReport) -> bool:
    """The service was to go elsewhere; one that gave way was not."""
    return service.source != service.target


async def _all_ended(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
