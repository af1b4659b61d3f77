"""A site's side of a region's recovery: tells how far it is, and lets tiers act when it may."""

import asyncio
from collections.abc import Callable, Coroutine
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


class RegionGate:
    """Stands between one run and the region's recovery that it is a part of."""

    def __init__(self, region: str, site: str, post: Callable[[TierOpened], None]) -> None:
        self._region = region
        self._site = site
        self._post = post
        self._told: int | None = None
        self._holds = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def first_tier(self) -> int | None:
        """The tier that is open when the run begins; None: all of them."""
        return CLOSED if self._region else None

    def holds(self) -> None:
        """Tell the region that the run waits for somebody else before it can begin."""
        if self._region and not self._holds:
            self._holds = True
            self._spawn(self._tell((), CLOSED, held=True))

    def report(self, saga: Saga) -> None:
        """Tell the region how far the run is, if that is news."""
        if not self._region or saga.tiers.opened is None or saga.paused_by:
            return
        through = saga.tiers.through()
        if through is None or through == self._told:
            return
        self._told = through
        self._spawn(self._tell(saga.tiers.all, through))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, tiers: tuple[int, ...], through: int, *, held: bool = False) -> None:
        region = workflow.get_external_workflow_handle(self._region)
        progress = SiteProgress(site=self._site, tiers=tiers, through=through, held=held)
        try:
            await region.signal(SITE_PROGRESSED, progress)
        except ApplicationError:
            # The region's recovery is gone; a site waits for nobody who cannot answer.
            self._post(TierOpened(ALL_TIERS))
