"""One service's part of the plan: where it goes and which of its steps are done, in which form."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.estate import Estate, Service, Site, Step
from ..model.recovery import Mode
from .drafts import Draft, kept
from .moves import Move
from .placement import GivesWay, Placed
from .rehearsal import NoRehearsal, Rehearsals
from .templates import Names, TemplateError, render_step


class Impossible(Exception):
    """A service's steps cannot be made ready; the message says which, and why."""


@dataclass(frozen=True)
class Part:
    """A service with the steps that the plan has for it."""

    service: Service
    source: Site
    target: Site
    sentence: str
    """Why this target."""
    drafts: tuple[Draft, ...]
    degraded: bool = False

    @property
    def demand(self) -> dict[str, str]:
        """What it needs of its target."""
        if self.degraded and self.service.degraded is not None:
            return dict(self.service.degraded.demand)
        return dict(self.service.demand)


class PartMaker:
    """Makes the parts of one plan."""

    def __init__(self, estate: Estate, mode: Mode) -> None:
        self._estate = estate
        self._mode = mode
        self._rehearsals = Rehearsals()
        self._services = {service.name: service for service in estate.services}
        self._sites = {site.name: site for site in estate.sites}

    def can_begin(self, service: Service) -> bool:
        """Whether this mode has any step for the service, as far as the file alone tells."""
        return self._mode is not Mode.UNPLANNED or not all(s.graceful for s in service.recovery)

    def moved(self, move: Move, placed: Placed) -> Part:
        """The part of a service that goes where it was placed.

        Raises:
            Impossible: a step of it cannot be made ready.
        """
        drafts = self._drafts(
            move.service, move.service.recovery, move.source, placed.site, placed.degraded
        )
        if self._mode is Mode.TEST:
            try:
                drafts = self._rehearsals.of(move.service.name, drafts, placed.site)
            except NoRehearsal as fault:
                raise Impossible(str(fault)) from None
        return Part(
            move.service, move.source, placed.site, placed.sentence, drafts, placed.degraded
        )

    def giving_way(self, giving: GivesWay) -> Part:
        """The part of a service that frees its room where it runs.

        Raises:
            Impossible: a step of it cannot be made ready, or there is none.
        """
        service, site = self._services[giving.service], self._sites[giving.site]
        drafts = self._drafts(service, service.give_way, site, site, degraded=False)
        if not drafts:
            raise Impossible(
                f"{service.name} is to give way at {site.name}, but all steps of its `give_way` "
                "are graceful, and this move is not planned"
            )
        return Part(service, site, site, giving.sentence, drafts)

    def _drafts(
        self, service: Service, steps: Sequence[Step], source: Site, target: Site, degraded: bool
    ) -> tuple[Draft, ...]:
        known = {step.id for step in steps}
        for step in steps:
            for need in step.needs:
                if need not in known:
                    raise Impossible(f"{service.name}/{step.id} needs {need!r}, which is no step")
        if self._mode is Mode.UNPLANNED:
            steps = kept(steps, lambda step: not step.graceful)
        names = Names.of(self._estate, service, source, target, degraded=degraded, mode=self._mode)
        try:
            return tuple(Draft(step, render_step(step, names)) for step in steps)
        except TemplateError as error:
            path = ".".join(str(part) for part in error.path)
            raise Impossible(f"{service.name}/{error.step}: with.{path}: {error.message}") from None
