"""The rules by which a service's records follow from site to site, without a lab."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdfast.deploy.lab.records import Records

SITES = ("lyon", "milan", "turin")
DELAY = 2.0


def together(_source: str, _target: str) -> bool:
    return True


def at_home() -> Records:
    return Records(SITES, ["lyon"], "lyon")


def test_a_record_arrives_when_it_is_as_old_as_the_delay() -> None:
    records = at_home()
    records.write("lyon", "a", 10)

    assert records.flow(11.9, DELAY, together) == 12
    assert list(records.copy("milan").held) == []
    assert records.flow(12, DELAY, together) is None
    assert list(records.copy("milan").held) == ["a"]


def test_the_lag_is_the_age_of_the_oldest_record_that_is_missing() -> None:
    records = at_home()
    records.write("lyon", "a", 10)
    records.write("lyon", "b", 11)
    records.flow(12, DELAY, together)

    assert records.lag("lyon", "milan", 12.5) == 1.5
    assert records.lag("milan", "lyon", 12.5) == 0


def test_data_flows_on_from_a_primary_that_was_stopped() -> None:
    records = at_home()
    records.write("lyon", "a", 10)
    records.set_active("lyon", False)
    records.flow(12, DELAY, together)

    assert records.primary == "lyon"
    assert list(records.copy("milan").held) == ["a"]


def test_what_a_stopped_primary_did_not_deliver_is_kept_aside_by_the_new_one_s_resync() -> None:
    records = at_home()
    records.write("lyon", "late", 10)
    records.set_active("lyon", False)
    records.set_active("milan", True)
    records.flow(99, DELAY, together)

    assert (list(records.copy("lyon").held), list(records.copy("lyon").aside)) == ([], ["late"])
    assert records.divergent("milan", "lyon") == ["late"]


def test_a_record_aside_is_divergent_until_the_primary_gets_it_from_its_client_again() -> None:
    records = at_home()
    records.write("lyon", "late", 10)
    records.set_active("lyon", False)
    records.set_active("milan", True)
    records.flow(20, DELAY, together)
    records.write("milan", "late", 21)
    records.flow(23, DELAY, together)

    assert records.divergent("milan", "lyon") == []
    assert (list(records.copy("lyon").held), list(records.copy("lyon").aside)) == (["late"], [])


def test_two_active_sites_give_each_other_nothing() -> None:
    records = at_home()
    records.set_active("milan", True)
    records.write("lyon", "old", 10)
    records.write("milan", "new", 10)
    records.flow(99, DELAY, together)

    assert list(records.copy("lyon").held) == ["old"]
    assert list(records.copy("milan").held) == list(records.copy("turin").held) == ["new"]


def test_a_new_primary_gives_what_it_has_and_not_what_the_old_one_owed() -> None:
    records = at_home()
    records.write("lyon", "owed", 10)
    records.flow(11, DELAY, together)
    records.set_active("milan", True)
    records.write("milan", "new", 12)
    records.flow(99, DELAY, together)

    assert list(records.copy("turin").held) == ["new"]


def test_a_copy_that_is_given_up_leaves_the_former_site_primary_again() -> None:
    records = at_home()
    records.set_active("milan", True)
    records.set_active("milan", False)

    assert records.primary == "lyon"


@given(st.lists(st.tuples(st.sampled_from(SITES), st.booleans()), max_size=12))
def test_the_primary_is_active_whenever_any_site_is(moves: list[tuple[str, bool]]) -> None:
    records = at_home()
    for site, active in moves:
        records.set_active(site, active)

    if any(records.active(site) for site in SITES):
        assert records.active(records.primary)


@dataclass
class _Client:
    number: int = 0
    written: dict[str, set[str]] = field(default_factory=lambda: {site: set() for site in SITES})


class NothingVanishes(RuleBasedStateMachine):
    """Sites start, stop, are lost and come back while clients write."""

    def __init__(self) -> None:
        super().__init__()
        self.records = at_home()
        self.client = _Client()
        self.lost: set[str] = set()
        self.now = 0.0

    @rule(site=st.sampled_from(SITES), active=st.booleans())
    def start_or_stop(self, site: str, active: bool) -> None:
        self.records.set_active(site, active)
        self.flow()

    @rule(site=st.sampled_from(SITES), lost=st.booleans())
    def lose_or_restore(self, site: str, lost: bool) -> None:
        (self.lost.add if lost else self.lost.discard)(site)
        self.flow()

    @rule(site=st.sampled_from(SITES))
    def write(self, site: str) -> None:
        if self.records.active(site):
            self.client.number += 1
            self.records.write(site, f"r{self.client.number}", self.now)
            self.client.written[site].add(f"r{self.client.number}")
            self.flow()

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.flow()

    def flow(self) -> None:
        due = self.records.flow(self.now, DELAY, lambda *pair: not self.lost & set(pair))
        assert due is None or due > self.now

    @invariant()
    def what_was_written_at_a_site_is_there_or_aside(self) -> None:
        for site, ids in self.client.written.items():
            copy = self.records.copy(site)
            assert ids <= copy.held.keys() | copy.aside.keys()
            assert not copy.held.keys() & copy.aside.keys()

    @invariant()
    def a_standby_in_reach_has_what_is_due_and_nothing_else(self) -> None:
        primary = self.records.primary
        source = self.records.copy(primary).held
        for site in SITES:
            if site == primary or self.records.active(site) or self.lost & {site, primary}:
                continue
            held = self.records.copy(site).held.keys()
            assert held <= source.keys()
            assert {id for id, at in source.items() if at + DELAY <= self.now} <= held
            assert self.records.lag(primary, site, self.now) < DELAY or not self.now


NothingVanishes.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestNothingVanishes = NothingVanishes.TestCase
