"""All that a coordinator remembers, and who holds or touches which site."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import PrivateAttr

from ..model.coordination import Facts
from ..model.recovery import Action, LogEntry
from .booked import Booked
from .budget import Budget
from .cool_downs import CoolDowns
from .epochs import Epochs
from .facts import Places
from .records import Applicant, Frozen, Holder, Refused, Remembered, Waiting


class Memory(Remembered):
    """The estate, as its coordinator knows it."""

    estate: str
    frozen: Frozen | None = None
    holders: dict[str, Holder] = {}
    """By run."""
    waiting: dict[str, Waiting] = {}
    """By run."""
    refused: dict[str, Refused] = {}
    """By run; forgotten after a while."""
    released: dict[str, datetime] = {}
    """By run; forgotten after a while."""
    applications: int = 0
    incidents: dict[str, int] = {}
    """By site: how many it has had."""
    budget: Budget = Budget()
    cool_downs: CoolDowns = CoolDowns()
    epochs: Epochs = Epochs()
    places: Places = Places()
    log: list[LogEntry] = []
    forgot_at: datetime | None = None

    _booked: Booked = PrivateAttr(default_factory=Booked)
    _at_site: dict[str, dict[str, None]] = PrivateAttr(default_factory=dict)
    """Runs that hold or wait for a site."""
    _touching: dict[str, dict[str, None]] = PrivateAttr(default_factory=dict)
    """Holders that touch a site beside their own."""
    _stopped: dict[str, None] = PrivateAttr(default_factory=dict)
    """Runs that wait for a person to allow more than the budget."""
    _lost: tuple[int, dict[str, str]] = PrivateAttr(default=(-1, {}))

    def model_post_init(self, context: Any) -> None:
        """Make the indexes anew; a look that was under way was lost with the run before."""
        for each in (*self.holders.values(), *self.waiting.values()):
            each.looking = False
            self._index(each)
        for run, waiting in self.waiting.items():
            if waiting.over_budget:
                self._stopped[run] = None
        for run, holder in self.holders.items():
            self._booked.replace(run, holder.bookings)

    @property
    def booked(self) -> Booked:
        """Who has booked what."""
        return self._booked

    def applicant(self, run: str) -> Applicant | None:
        """A run that holds or waits for something."""
        return self.holders.get(run) or self.waiting.get(run)

    def wait(self, waiting: Waiting) -> None:
        """A run waits from now on."""
        self.waiting[waiting.party.run] = waiting
        self._index(waiting)
        self.places.changed()

    @property
    def stopped(self) -> bool:
        """The budget was spent, and nobody has let go on whoever waits for it."""
        return bool(self._stopped)

    def stop(self, waiting: Waiting, sentence: str) -> None:
        """A run met a spent budget."""
        waiting.over_budget = sentence
        self._stopped[waiting.party.run] = None

    def hold(self, holder: Holder) -> None:
        """A run that waited holds its site from now on."""
        self.drop(holder.party.run)
        self.holders[holder.party.run] = holder
        self._index(holder)

    def book(self, holder: Holder) -> None:
        """A holder's bookings are others than before."""
        self._booked.replace(holder.party.run, holder.bookings)
        self.places.changed()

    def drop(self, run: str) -> None:
        """A run holds and waits for nothing from now on."""
        known = self.waiting.pop(run, None) or self.holders.pop(run, None)
        if known is None:
            return
        self._booked.replace(run, ())
        self._stopped.pop(run, None)
        self._at_site[known.application.site].pop(run)
        if not self._at_site[known.application.site]:
            del self._at_site[known.application.site]
        for site in known.touches if isinstance(known, Holder) else ():
            self._touching[site].pop(run)
        self.places.changed()

    def _index(self, each: Applicant) -> None:
        run = each.party.run
        self._at_site.setdefault(each.application.site, {})[run] = None
        for site in each.touches if isinstance(each, Holder) else ():
            self._touching.setdefault(site, {})[run] = None

    # Who is where

    def applicants_at(self, site: str) -> list[Applicant]:
        """Those who hold a site, then those who wait for it."""
        found = [each for run in self._at_site.get(site, ()) if (each := self.applicant(run))]
        return sorted(found, key=lambda each: isinstance(each, Waiting))

    def holders_touching(self, site: str) -> list[Holder]:
        """Those whose services come home from a site."""
        return [self.holders[run] for run in self._touching.get(site, ())]

    def touched(self, each: Applicant) -> tuple[str, ...]:
        """The other sites that a way home touches: where its services are, or else may be."""
        asked = each.application
        if asked.action is not Action.FAIL_BACK or each.rehearsal or not asked.also:
            return ()
        away = self.places.sites_away(asked.site)
        return tuple(site for site in asked.also if site in away) if away else asked.also

    # What is told

    def facts(self, run: str, concerns: Iterable[str]) -> Facts:
        """What a run is told: of these sites, or of no sites, everything."""
        near = tuple(dict.fromkeys(concerns))
        lost = self._lost_sites()
        named = near or tuple(lost)
        return self.places.told(
            near,
            self._booked.others(run, near),
            tuple(site for site in named if lost.get(site, run) != run),
        )

    def _lost_sites(self) -> dict[str, str]:
        """Sites held for lost, with the run that says so; empty if several do."""
        version, known = self._lost
        if version == self.places.version:
            return known
        lost: dict[str, str] = {}
        for each in (*self.holders.values(), *self.waiting.values()):
            if each.emergency:
                run = each.party.run
                for site in (each.application.site, *each.application.lost_sites):
                    lost[site] = run if lost.get(site, run) == run else ""
        self._lost = (self.places.version, lost)
        return lost
