"""Whatever happens in whatever order, what the coordinator promises holds."""

import os
from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from holdfast.workflows.coordination.records import Allowed, Freeze, Thaw, TimePassed
from holdfast.workflows.model.coordination import Verdict
from holdfast.workflows.model.estate_state import Allow
from holdfast.workflows.model.recovery import Action, Intervention, Mode
from support.simulated_estate import BUDGET, CAPACITY, Run, SimulatedEstate

SITES = st.integers(0, 3).map(lambda number: f"site-{number}")
NUMBERS = st.integers(0, 1_000)
EXAMPLES = 600 if os.environ.get("HOLDFAST_TEST_LANE") == "full" else 60
ANA = Intervention(actor="ana", reason="a storm")
ASKED = st.sampled_from(
    [
        (Action.RECOVER, Mode.UNPLANNED),
        (Action.RECOVER, Mode.UNPLANNED),
        (Action.RECOVER, Mode.PLANNED),
        (Action.RECOVER, Mode.TEST),
        (Action.FAIL_BACK, Mode.PLANNED),
        (Action.DRILL, Mode.TEST),
    ]
)


class Interleavings(RuleBasedStateMachine):
    """Asks, crashes, ends, freezes, allowances, hand-overs and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.on = SimulatedEstate()
        self.allowed_extra = 0
        self.allowed_sites: list[str] = []
        self.epochs: dict[str, list[int]] = {}
        self.incidents: list[str] = []

    # What happens

    @rule(site=SITES, asked=ASKED, held_down=st.booleans(), ago=st.integers(0, 100))
    def applies(self, site: str, asked: tuple[Action, Mode], held_down: bool, ago: int) -> None:
        action, mode = asked
        run = self.on.applies(
            site,
            action,
            mode,
            holddown=timedelta(seconds=60) if held_down else None,
            detected_s_ago=ago,
        )
        assert run.admissions, "everybody is told something at once"

    @precondition(lambda self: self.live())
    @rule(which=NUMBERS, to=SITES)
    def reserves(self, which: int, to: str) -> None:
        run = self.pick(self.live(), which)
        if run.application.action is Action.FAIL_BACK:
            to = run.application.site
        if to == self.on.at[run.service]:
            return
        reserved = self.on.reserves(run, to)
        if reserved.granted:
            self.epochs.setdefault(run.service, []).append(reserved.epoch)

    @precondition(lambda self: self.live())
    @rule(which=NUMBERS, at_least=st.integers(1, 40))
    def claims(self, which: int, at_least: int) -> None:
        run = self.pick(self.live(), which)
        self.on.claims(run, at_least)
        assert run.reserved[-1].epoch >= at_least
        self.epochs.setdefault(run.service, []).append(run.reserved[-1].epoch)

    @precondition(lambda self: self.live())
    @rule(which=NUMBERS, acted=st.sampled_from([True, True, False]), fenced=st.booleans())
    def ends(self, which: int, acted: bool, fenced: bool) -> None:
        self.on.ends(self.pick(self.live(), which), acted=acted, fenced=fenced)

    @precondition(lambda self: self.waiting())
    @rule(which=NUMBERS)
    def gives_up(self, which: int) -> None:
        self.on.ends(self.pick(self.waiting(), which), acted=False)

    @precondition(lambda self: self.live() or self.waiting())
    @rule(which=NUMBERS)
    def crashes(self, which: int) -> None:
        self.on.crashes(self.pick([*self.live(), *self.waiting()], which))

    @precondition(lambda self: self.on.asking())
    @rule(which=NUMBERS)
    def asks_again(self, which: int) -> None:
        """What was asked already changes nothing, and is answered the same."""
        run = self.pick(self.on.asking(), which)
        self.on.happens(TimePassed())
        before = self.on.ledger.memory.model_dump()
        said, admissions, reserved = len(self.on.said), len(run.admissions), len(run.reserved)
        self.on.asks_again(run)
        assert self.on.ledger.memory.model_dump() == before
        assert len(self.on.said) == said
        for told in run.admissions[admissions:]:
            known = run.admissions[admissions - 1]
            assert (told.verdict, told.sentence) == (known.verdict, known.sentence)
        for again in run.reserved[reserved:]:
            known_room = run.reserved[reserved - 1]
            assert (again.granted, again.epoch) == (known_room.granted, known_room.epoch)

    @precondition(lambda self: len(self.on.runs) % 4 == 3)
    @rule()
    def freezes(self) -> None:
        self.on.happens(Freeze(ANA))

    @rule()
    def thaws(self) -> None:
        self.on.happens(Thaw(ANA))

    @precondition(lambda self: self.on.ledger.memory.stopped)
    @rule(sites=st.integers(1, 2))
    def allows_more(self, sites: int) -> None:
        self.allowed_extra += sites
        self.on.happens(Allowed(Allow(actor="ana", reason="look", sites=sites)))

    @precondition(lambda self: self.on.ledger.memory.stopped)
    @rule(site=SITES)
    def allows_a_site(self, site: str) -> None:
        self.allowed_sites.append(site)
        self.on.happens(Allowed(Allow(actor="ana", reason="look", site=site)))

    @rule(seconds=st.sampled_from([1, 10, 100, 1_000]))
    def passes(self, seconds: int) -> None:
        self.on.passes(seconds)

    @rule()
    def looks_after_all(self) -> None:
        self.on.looks_after_all()

    @rule()
    def hands_over(self) -> None:
        self.on.hands_over()

    # What holds

    @invariant()
    def one_recovery_for_each_site(self) -> None:
        for rehearse in (True, False):
            sites = [run.application.site for run in self.on.held() if run.rehearses is rehearse]
            assert len(sites) == len(set(sites))

    @invariant()
    def no_way_home_from_a_site_that_is_being_recovered(self) -> None:
        memory = self.on.ledger.memory
        for holder in memory.holders.values():
            if holder.application.action is not Action.FAIL_BACK:
                continue
            for other in memory.holders.values():
                if other is not holder and not other.rehearsal:
                    assert other.application.site not in holder.touches or (
                        other.application.action is not Action.RECOVER
                    )

    @invariant()
    def capacity_is_never_overbooked(self) -> None:
        for site in self.on.sites:
            assert self.on.used(site) <= CAPACITY, site

    @invariant()
    def the_budget_is_kept_but_for_what_people_allowed(self) -> None:
        for at, _ in self.on.granted:
            within = {site for when, site in self.on.granted if at - BUDGET.window < when <= at}
            assert len(within) <= BUDGET.sites + self.allowed_extra + len(set(self.allowed_sites))

    @invariant()
    def epochs_rise(self) -> None:
        for epochs in self.epochs.values():
            assert epochs == sorted(set(epochs))

    @invariant()
    def the_indexes_say_what_the_records_say(self) -> None:
        memory = self.on.ledger.memory
        assert memory.stopped == any(each.over_budget for each in memory.waiting.values())
        booked = sorted(b.service for h in memory.holders.values() for b in h.bookings)
        assert sorted(b.service for b in memory.booked.others("nobody")) == booked

    @invariant()
    def whoever_waits_knows_a_true_reason(self) -> None:
        memory, now = self.on.ledger.memory, self.on.now
        holding = {holder.party.workflow_id for holder in memory.holders.values()}
        for waiting in memory.waiting.values():
            told = self.on.runs[waiting.party.run].admissions[-1]
            assert (told.verdict, told.sentence) == (waiting.verdict, waiting.sentence)
            match waiting.verdict:
                case Verdict.HELD if waiting.waits_for == "ana":
                    assert memory.frozen is not None
                case Verdict.HELD:
                    assert waiting.over_budget == waiting.sentence
                case Verdict.QUEUED if waiting.until is not None:
                    assert waiting.until > now
                case _:
                    assert waiting.waits_for in holding

    def teardown(self) -> None:
        """In the end everybody who waited was granted, or refused with a reason."""
        on = self.on
        on.happens(Thaw(ANA))
        for _ in range(60):
            on.happens(Allowed(Allow(actor="ana", reason="all of them", sites=100)))
            on.passes(120)
            on.looks_after_all()
            for run in self.live():
                on.ends(run, acted=False)
        assert not on.ledger.memory.waiting
        assert not on.ledger.memory.holders
        assert not on.ledger.memory.booked.others("nobody")

    # Who

    def live(self) -> list[Run]:
        return [run for run in self.on.held() if not run.ended]

    def waiting(self) -> list[Run]:
        runs = self.on.runs
        return [runs[run] for run in self.on.ledger.memory.waiting if not runs[run].ended]

    @staticmethod
    def pick(runs: list[Run], which: int) -> Run:
        return runs[which % len(runs)]


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
