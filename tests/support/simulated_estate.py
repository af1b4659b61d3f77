"""An estate without Temporal: runs that ask a ledger, crash and end, and what is true meanwhile.

Every site has one service. Who plans does so with the facts it was told last, however old.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from holdfast.workflows.coordination.answers import answer
from holdfast.workflows.coordination.handover import Handover, unpack
from holdfast.workflows.coordination.ledger import EstateLedger
from holdfast.workflows.coordination.memory import Memory
from holdfast.workflows.coordination.records import (
    Asked,
    Decision,
    Event,
    LookedAfter,
    TimePassed,
)
from holdfast.workflows.model.coordination import (
    Admission,
    Application,
    Booking,
    EpochClaim,
    Fact,
    Facts,
    Question,
    Release,
    Reservation,
    Reserved,
    Verdict,
)
from holdfast.workflows.model.policy import BudgetPolicy
from holdfast.workflows.model.recovery import Action, Mode

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
CAPACITY = 2
DEMAND = 1
BUDGET = BudgetPolicy(sites=2, window=timedelta(minutes=15))


@dataclass
class Run:
    """One recovery, and all that it was told."""

    name: str
    application: Application
    alive: bool = True
    asked: int = 0
    admissions: list[Admission] = field(default_factory=list)
    reserved: list[Reserved] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    target: str = ""
    last: Question | None = None
    ended: bool = False
    done_at: datetime | None = None
    """When it had nothing more to ask: released, or refused."""

    @property
    def verdict(self) -> Verdict | None:
        """The last that it was told of its application."""
        return self.admissions[-1].verdict if self.admissions else None

    @property
    def service(self) -> str:
        """What it moves."""
        return f"service-{self.application.site}"

    @property
    def rehearses(self) -> bool:
        """It moves nothing."""
        return self.application.mode is Mode.TEST


class SimulatedEstate:
    """Runs, a ledger, and the truth."""

    def __init__(self, sites: int = 4) -> None:
        self.sites = [f"site-{number}" for number in range(sites)]
        self.ledger = EstateLedger(Memory(estate="acme"))
        self.now = BEGAN
        self.runs: dict[str, Run] = {}
        self.at = {f"service-{site}": site for site in self.sites}
        """The truth: where each service runs."""
        self.epochs: dict[str, int] = {}
        self.said: list[str] = []
        self.granted: list[tuple[datetime, str]] = []
        """Lost sites whose recovery was granted, and when."""

    # What happens

    def happens(self, *events: Event) -> Decision:
        """Events come; whatever they lead to is delivered."""
        decision = self.ledger.decide(events, self.now)
        first = decision
        while True:
            self.said += [sentence.text for sentence in decision.sentences]
            for due in decision.dues:
                self._deliver(due.party.run, answer(self.ledger.memory, due))
            if not decision.looks:
                return first
            runs = tuple(party.run for party in decision.looks)
            closed = tuple(run for run in runs if not self.runs[run].alive)
            decision = self.ledger.decide([LookedAfter(runs, closed)], self.now)

    def passes(self, seconds: float) -> None:
        """Time passes; alarms ring on their way."""
        end = self.now + timedelta(seconds=seconds)
        while (wakes := self.ledger.wakes_at()) is not None and wakes <= end:
            self.now = max(self.now, wakes)
            self.happens(TimePassed())
            if self.ledger.wakes_at() == wakes:
                raise AssertionError("an alarm that rings for ever")
        self.now = end

    def looks_after_all(self) -> None:
        """The coordinator looks after everybody it has not seen for a while."""
        looks = self.ledger.look_after(self.now, timedelta(seconds=15), 100).looks
        runs = tuple(party.run for party in looks)
        self.happens(LookedAfter(runs, tuple(run for run in runs if not self.runs[run].alive)))

    def hands_over(self) -> None:
        """The coordinator goes on as a new run."""
        packed = Handover(memory=self.ledger.memory).pack()
        self.ledger = EstateLedger(unpack(packed).memory)
        self.happens(TimePassed())

    def applies(
        self,
        site: str,
        action: Action = Action.RECOVER,
        mode: Mode = Mode.UNPLANNED,
        *,
        budget: BudgetPolicy | None = BUDGET,
        cooldown: timedelta | None = timedelta(hours=1),
        holddown: timedelta | None = None,
        incident: str = "",
        detected_s_ago: float = 0,
    ) -> Run:
        """A new run applies."""
        application = Application(
            site=site,
            action=action,
            mode=mode,
            incident=incident,
            actor="monitoring",
            reason="heartbeat lost",
            detected_at=self.now - timedelta(seconds=detected_s_ago),
            budget=budget,
            cooldown=cooldown,
            holddown=holddown,
            also=tuple(self.sites) if action is Action.FAIL_BACK else (),
        )
        run = Run(f"{action}-{len(self.runs)}", application)
        self.runs[run.name] = run
        self._asks(run, application)
        return run

    def reserves(self, run: Run, target: str, sites: list[str] | None = None) -> Reserved:
        """A run that was granted plans with the facts it has, and wants room at its target."""
        run.target = target
        demand = {"cpu": str(DEMAND)}
        booking = Booking(service=run.service, site=target, demand=demand)
        there = [
            service
            for service in self.at
            if run.facts.locations.get(service, service.removeprefix("service-")) == target
        ]
        room = {target: {"cpu": str(max(CAPACITY - DEMAND * len(there), 0))}}
        wants = Reservation(
            plan_hash=f"{run.name}-{target}", bookings=(booking,), room=room, seen=run.facts.version
        )
        before = len(run.reserved)
        self._asks(run, wants)
        assert len(run.reserved) == before + 1
        return run.reserved[-1]

    def claims(self, run: Run, at_least: int) -> None:
        """A run has met a greater epoch."""
        self._asks(run, EpochClaim(services=(run.service,), at_least=at_least))

    def asks_again(self, run: Run) -> None:
        """The last question of a run comes a second time."""
        assert run.last is not None
        self.happens(Asked(run.last))

    def crashes(self, run: Run) -> None:
        """A run's workflow ends without a word, before it has moved anything."""
        run.alive = False
        run.ended = True

    def ends(self, run: Run, *, acted: bool = True, fenced: bool = True) -> None:
        """A run ends, and its service is where it has room, if it acted."""
        moved: tuple[Fact, ...] = ()
        outcome = "recovered" if acted else "rolled_back"
        if acted and run.target and not run.rehearses and run.reserved[-1].granted:
            home = run.service.removeprefix("service-")
            moved = (
                Fact(
                    service=run.service,
                    site=run.target,
                    was_at=self.at[run.service],
                    took_s=60.0,
                    fenced=fenced,
                    at_home=run.target == home,
                ),
            )
            self.at[run.service] = run.target
        run.ended = True
        self._asks(run, Release(outcome=outcome, acted=acted, moved=moved))
        run.alive, run.done_at = False, self.now

    def _asks(self, run: Run, ask: Application | Reservation | EpochClaim | Release) -> None:
        run.asked += 1
        run.last = Question(
            workflow_id=f"site-recovery/acme/{run.name}",
            run_id=f"{run.name}-run",
            run=run.name,
            number=run.asked,
            ask=ask,
        )
        self.happens(Asked(run.last))

    def _deliver(self, name: str, says: object) -> None:
        run = self.runs[name]
        told = getattr(says, "answer", None)
        if isinstance(told, Admission):
            if told.verdict is Verdict.GRANTED:
                run.facts = told.facts
                if run.verdict is not Verdict.GRANTED and self._emergency(run):
                    self.granted.append((self.now, run.application.site))
            if told.verdict is Verdict.REFUSED and run.done_at is None:
                run.done_at = self.now
            run.admissions.append(told)
        elif isinstance(told, Reserved):
            run.reserved.append(told)
            if not told.granted:
                run.facts = told.facts

    @staticmethod
    def _emergency(run: Run) -> bool:
        asked = run.application
        return asked.action is Action.RECOVER and asked.mode is Mode.UNPLANNED

    # What is true

    def asking(self) -> list[Run]:
        """Runs whose last question may still be on its way a second time."""
        recently = self.now - timedelta(minutes=30)
        return [
            run
            for run in self.runs.values()
            if (run.alive and run.done_at is None) or (run.done_at and run.done_at > recently)
        ]

    def held(self) -> list[Run]:
        """The runs that hold a site, by the ledger."""
        return [self.runs[run] for run in self.ledger.memory.holders]

    def used(self, site: str) -> int:
        """What runs at a site, and what is booked there and not there yet."""
        booked = sum(
            DEMAND
            for holder in self.ledger.memory.holders.values()
            for booking in holder.bookings
            if booking.site == site and self.at[booking.service] != site
        )
        return booked + sum(DEMAND for at in self.at.values() if at == site)
