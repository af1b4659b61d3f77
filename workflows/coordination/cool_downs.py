"""What was recovered last at each site: it is left alone for a while, and never done twice."""

from datetime import datetime, timedelta

from ..model.scalars import format_duration
from .records import Remembered
from .wording import ago, clock

KEPT = timedelta(days=30)
"""How long it is remembered which incident of a site was dealt with."""


class Recovered(Remembered):
    """A site that was recovered."""

    at: datetime
    workflow_id: str
    incident: str
    cooldown: timedelta | None

    @property
    def until(self) -> datetime:
        """When the site's cool-down ends."""
        return self.at + (self.cooldown or timedelta(0))


class CoolDowns(Remembered):
    """The last recovery of each site that acted."""

    last: dict[str, Recovered] = {}

    def objection(self, estate: str, site: str, incident: str, at: datetime) -> str | None:
        """Why a lost site must not be recovered now, if that is so."""
        last = self.last.get(site)
        if last is None:
            return None
        lifts = f"`holdfast allow --estate {estate} --site {site} --reason ...` lifts it"
        done = f"{site} was recovered {ago(at - last.at)} by {last.workflow_id}"
        if at < last.until:
            return (
                f"{done} (incident {last.incident}); its cool-down lasts until"
                f" {clock(last.until, at)}; {lifts}"
            )
        if incident and incident == last.incident:
            return f"{done}, for the same incident, {incident}; {lifts}"
        return None

    def running(self, at: datetime) -> dict[str, Recovered]:
        """By site: the cool-downs that last."""
        return {site: each for site, each in self.last.items() if at < each.until}

    def begin(self, site: str, recovered: Recovered) -> str:
        """Keep a recovery of a site. The sentence says how long the site is left alone."""
        self.last[site] = recovered
        if not recovered.cooldown:
            return ""
        return (
            f"; {site} is left alone for {format_duration(recovered.cooldown)},"
            f" until {clock(recovered.until, recovered.at)}"
        )

    def forget(self, at: datetime) -> None:
        """Forget what is long past."""
        for site in [site for site, each in self.last.items() if each.until < at - KEPT]:
            del self.last[site]
