"""Which tier the sites of a region may act on: the critical ones of every site before any other.

Pure: what the sites tell goes in, the tiers to open come out. A tier opens for all once every site
that has begun is through the one before, and no site is still on its way to begin by itself.
"""

from .model.region import SiteProgress

NONE_YET = -1


class RegionTiers:
    """The tiers of one region's recovery."""

    def __init__(self) -> None:
        self.opened = NONE_YET
        """The least critical tier that may act; -1 before any."""
        self._coming: dict[str, None] = {}
        """Sites that have not begun, and will without anybody's help."""
        self._begun: dict[str, SiteProgress] = {}
        self._told: dict[str, int] = {}
        self._news: list[str] = []

    def expects(self, sites: list[str]) -> None:
        """These sites are going to begin."""
        self._coming.update(dict.fromkeys(sites))

    def progressed(self, progress: SiteProgress) -> dict[str, int]:
        """A site tells how far it is; the tier to open, by site."""
        self._coming.pop(progress.site, None)
        if progress.held:
            self._begun.pop(progress.site, None)
        else:
            self._begun[progress.site] = progress
        return self._open()

    def ended(self, site: str) -> dict[str, int]:
        """A site's recovery is over; the tier to open, by site."""
        self._coming.pop(site, None)
        self._begun.pop(site, None)
        return self._open()

    def news(self) -> str:
        """What has been opened since this was asked last, in a sentence; empty if nothing."""
        news, self._news = "; ".join(self._news), []
        return news

    def _open(self) -> dict[str, int]:
        while not self._coming and (tier := self._next()) is not None:
            self.opened = tier
            sites = [site for site, told in self._begun.items() if tier in told.tiers]
            self._news.append(f"tier {tier} may act: {', '.join(sites)}")
        opened = {
            site: self.opened
            for site in self._begun
            if self.opened > self._told.get(site, NONE_YET)
        }
        self._told.update(opened)
        return opened

    def _next(self) -> int | None:
        """The next tier that any site has, if every site that has begun is through this one."""
        if any(told.through < min(self.opened, max(told.tiers)) for told in self._begun.values()):
            return None
        further = (tier for told in self._begun.values() for tier in told.tiers)
        return min((tier for tier in further if tier > self.opened), default=None)
