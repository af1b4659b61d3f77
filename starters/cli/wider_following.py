"""How a region's recovery and a failback stand, together with the recoveries that they consist of.

Each of these can wait for a person by itself, and keeps its own way back. So whoever waits for the
whole looks at them too: the whole waits when all that is open waits, and is done when all is back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from temporalio.service import RPCError

from ...workflows.model.failback import FailbackStatus
from ...workflows.model.recovery import Action, LogEntry, Outcome, RecoveryStatus, ServiceOutcome
from ...workflows.model.region import RegionStatus, SiteOutcome
from ..recovery_client import NoWorker, RecoveryClient, RecoveryNotFound
from .following import LOOK_EVERY_S

AT_ONCE = 8
"""Recoveries looked at side by side."""
_TRY_AGAIN_S = 1.0

Wider = RegionStatus | FailbackStatus
Parts = tuple[RecoveryStatus, ...]
"""The recoveries of it that are open, as far as they answer."""
Look = Callable[[], Awaitable[tuple[Wider, Parts]]]


class WiderView(Protocol):
    """Shows what is wider than one recovery while it runs."""

    def show(self, log: tuple[LogEntry, ...], parts: Parts) -> None:
        """It stands thus."""

    def notice(self, sentence: str) -> None:
        """Something that is not its own: nobody answers, say."""


def looks(client: RecoveryClient, id: str) -> Look | None:
    """How to look at a region's recovery or a failback; None if the id is neither's."""
    refusals: dict[str, str] = {}
    if id.startswith("region-recovery/"):
        return lambda: _region(client, id, refusals)
    if id.startswith("failback/"):
        return lambda: _failback(client, id)
    return None


async def follow_wider(look: Look, view: WiderView) -> tuple[Wider, Parts]:
    """Show it until it has ended, all is back, or it waits for a person.

    Raises:
        RecoveryNotFound: there is none with that id.
    """
    silent = False
    while True:
        try:
            status, parts = await look()
        except (NoWorker, RPCError) as error:
            if not silent:
                view.notice(f"{error}; waits for it")
            silent = True
            await asyncio.sleep(_TRY_AGAIN_S)
            continue
        silent = False
        view.show(status.log, parts)
        if status.outcome is not None:
            return status, parts
        await asyncio.sleep(LOOK_EVERY_S)


async def _failback(client: RecoveryClient, id: str) -> tuple[FailbackStatus, Parts]:
    status = await client.failback_status(id)
    if status.outcome is not None or status.recovery is None:
        return status, ()
    move = await _open(client, status.recovery)
    if move is None or move.action is not Action.FAIL_BACK:
        # The id's last recovery is still the one that lost the site.
        return status, ()
    return status.model_copy(
        update={
            "outcome": move.outcome,
            "sentence": move.sentence if move.outcome else status.sentence,
            "waits_for": move.waits_for,
        }
    ), (move,)


async def _region(
    client: RecoveryClient, id: str, refusals: dict[str, str]
) -> tuple[RegionStatus, Parts]:
    status = await client.region_status(id)
    sites = tuple([await _explained(client, site, refusals) for site in status.sites])
    status = status.model_copy(update={"sites": sites})
    if status.ended_at is not None:
        return status, ()
    gate = asyncio.Semaphore(AT_ONCE)

    async def part(site: SiteOutcome) -> RecoveryStatus | None:
        if site.outcome is not None:
            return None
        async with gate:
            return await _open(client, site.workflow_id)

    found = await asyncio.gather(*(part(site) for site in status.sites))
    sites = tuple(
        _as_seen(site, seen) if seen is not None else site
        for site, seen in zip(status.sites, found, strict=True)
    )
    parts = tuple(seen for seen in found if seen is not None)
    together = _together(sites)
    update = {"sites": sites, "outcome": together}
    if together is not None:
        back, of = sum(each.recovered for each in sites), sum(each.services for each in sites)
        counted = f"{back} of {of} services of {status.region} are recovered"
        update["sentence"] = counted if of else f"nothing of {status.region} is recovered yet"
    return status.model_copy(update=update), parts


def _as_seen(site: SiteOutcome, seen: RecoveryStatus) -> SiteOutcome:
    back = sum(each.outcome is ServiceOutcome.RECOVERED for each in seen.services)
    return site.model_copy(
        update={
            # What the region's recovery knows of the tiers is more than the phase says.
            "phase": seen.phase if seen.outcome is not None else site.phase,
            "outcome": seen.outcome,
            "sentence": seen.sentence,
            "services": len(seen.services) + len(seen.left_out),
            "recovered": back,
            "waits_for": seen.waits_for,
            "actual_recovery_time_s": seen.actual_recovery_time_s,
        }
    )


async def _explained(
    client: RecoveryClient, site: SiteOutcome, refusals: dict[str, str]
) -> SiteOutcome:
    """A site whose recovery never began, with the reason; it is asked for once."""
    if site.outcome is not Outcome.ROLLED_BACK or site.services:
        return site
    if site.site not in refusals:
        try:
            log = (await client.status(site.workflow_id)).log
        except (RecoveryNotFound, NoWorker):
            return site
        reasons = [entry.sentence for entry in log if entry.sentence != site.sentence]
        refusals[site.site] = reasons[-1] if reasons else site.sentence
    return site.model_copy(update={"sentence": refusals[site.site]})


def _together(sites: tuple[SiteOutcome, ...]) -> str | None:
    """What has become of all; None while one of them still acts."""
    if not sites or any(site.outcome is None and site.phase != "elsewhere" for site in sites):
        return None
    outcomes = {site.outcome for site in sites}
    if Outcome.HELD in outcomes:
        return Outcome.HELD
    whole = all(site.recovered == site.services for site in sites)
    if outcomes == {Outcome.RECOVERED} and whole:
        return Outcome.RECOVERED
    return "partially_recovered" if any(site.recovered for site in sites) else Outcome.ROLLED_BACK


async def _open(client: RecoveryClient, id: str) -> RecoveryStatus | None:
    try:
        status = await client.status(id)
    except (RecoveryNotFound, NoWorker):
        return None
    return status if status.ended_at is None else None
