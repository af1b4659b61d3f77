"""A site's side of a region's recovery: tells how far it is, and lets tiers act when it may."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from .model.region import SiteProgress
    from .names import SITE_PROGRESSED
    from .saga.messages import TierOpened
    from .saga.saga import Saga

CLOSED = -1
"""The open tier while none is."""
ALL_TIERS = 9
TOLD_AGAIN_AFTER = timedelta(seconds=60)
"""A region's recovery that is gone is noticed by this: it cannot be told any more."""


class RegionGate:
    """Stands between one run and the region's recovery that it is a part of."""

    def __init__(self, region: str, site: str, post: Callable[[TierOpened], None]) -> None:
        self._region = region
        self._site = site
        self._post = post
        self._told: SiteProgress | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reminder: asyncio.Task[None] | None = None

    @property
    def first_tier(self) -> int | None:
        """The tier that is open when the run begins; None: all of them."""
        return CLOSED if self._region else None

    def holds(self) -> None:
        """Tell the region that the run waits for somebody else before it can go on."""
        if self._region:
            self._tell(SiteProgress(site=self._site, tiers=(), through=CLOSED, held=True))

    def report(self, saga: Saga) -> None:
        """Tell the region how far the run is, if that is news."""
        if not self._region or saga.tiers.opened is None:
            return
        if saga.paused_by:
            # Whoever paused it may take his time: the other sites go on.
            if saga.idle:
                self.holds()
            return
        if (through := saga.tiers.through()) is not None:
            self._tell(SiteProgress(site=self._site, tiers=saga.tiers.all, through=through))
            if saga.tiers.waiting and self._reminder is None:
                self._reminder = asyncio.create_task(self._remind(saga))

    def stop(self) -> None:
        """Tell nothing more."""
        if self._reminder is not None:
            self._reminder.cancel()

    async def _remind(self, saga: Saga) -> None:
        while saga.tiers.waiting:
            await workflow.sleep(TOLD_AGAIN_AFTER, summary="until the region is told again")
            if saga.tiers.waiting and self._told is not None:
                await self._signal(self._told)

    def _tell(self, progress: SiteProgress) -> None:
        if progress == self._told:
            return
        self._told = progress
        self._spawn(self._signal(progress))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _signal(self, progress: SiteProgress) -> None:
        region = workflow.get_external_workflow_handle(self._region)
        try:
            await region.signal(SITE_PROGRESSED, progress)
        except ApplicationError:
            # The region's recovery is gone; a site waits for nobody who cannot answer.
            self._post(TierOpened(ALL_TIERS))
