"""The rules of the coordinator, each in the sentence that an operator reads."""

from datetime import timedelta

import pytest

from holdfast.workflows.coordination.handover import Handover, unpack
from holdfast.workflows.coordination.memory import Memory
from holdfast.workflows.coordination.orders import refusal
from holdfast.workflows.coordination.records import (
    Allowed,
    Asked,
    Freeze,
    Thaw,
    TimePassed,
    Untold,
)
from holdfast.workflows.coordination.view import page, state
from holdfast.workflows.model.coordination import StandbyReached, Verdict
from holdfast.workflows.model.estate_state import Allow
from holdfast.workflows.model.policy import BudgetPolicy
from holdfast.workflows.model.recovery import Action, Intervention, Mode
from support.simulated_estate import Run, SimulatedEstate

ANA = Intervention(actor="ana", reason="a storm")


@pytest.fixture
def on() -> SimulatedEstate:
    return SimulatedEstate(sites=6)


def told(run: Run) -> tuple[Verdict, str]:
    return run.admissions[-1].verdict, run.admissions[-1].sentence


def allows(on: SimulatedEstate, **what: object) -> None:
    on.happens(Allowed(Allow.model_validate({"actor": "ana", "reason": "it is real", **what})))


# One recovery for each site and incident


def test_a_free_site_is_granted_with_an_incident_of_its_own(on: SimulatedEstate) -> None:
    run = on.applies("site-1")
    assert told(run) == (
        Verdict.GRANTED,
        "site-recovery/acme/recover-0 may recover site-1 (incident site-1-1)",
    )
    assert run.admissions[-1].incident == "site-1-1"


def test_incidents_of_a_site_are_counted_for_ever(on: SimulatedEstate) -> None:
    for number in (1, 2, 3):
        run = on.applies("site-1")
        assert run.admissions[-1].incident == f"site-1-{number}"
        on.ends(run, acted=False)


def test_a_refused_application_uses_up_no_incident(on: SimulatedEstate) -> None:
    first = on.applies("site-1")
    on.applies("site-1")
    on.ends(first, acted=False)
    assert on.applies("site-1").admissions[-1].incident == "site-1-2"


def test_a_second_recovery_joins_one_that_waits_too(on: SimulatedEstate) -> None:
    on.happens(Freeze(ANA))
    on.applies("site-1")
    assert told(on.applies("site-1")) == (
        Verdict.REFUSED,
        "site-recovery/acme/recover-0 already waits to begin at site-1 (incident site-1-1): that"
        " one does the work",
    )


def test_whoever_is_in_the_way_of_a_refusal_is_looked_after_first(on: SimulatedEstate) -> None:
    first = on.applies("site-1")
    on.crashes(first)
    on.passes(6)
    assert told(on.applies("site-1"))[0] is Verdict.GRANTED
    assert any("ended without giving site-1 back" in said for said in on.said)


def test_a_run_that_cannot_be_told_is_looked_after(on: SimulatedEstate) -> None:
    run = on.applies("site-1")
    on.crashes(run)
    on.happens(Untold(run.name))
    assert not on.held()


def test_two_actions_of_one_site_take_turns(on: SimulatedEstate) -> None:
    first = on.applies("site-1")
    second = on.applies("site-1", Action.FAIL_BACK, Mode.PLANNED)
    waits = "waits until site-recovery/acme/recover-0 ends: site-1 is being recovered"
    assert told(second) == (Verdict.QUEUED, waits)
    on.ends(first)
    assert told(second)[0] is Verdict.GRANTED


def test_a_way_home_waits_for_the_recovery_of_a_site_that_it_comes_from(
    on: SimulatedEstate,
) -> None:
    away = on.applies("site-1")
    on.reserves(away, "site-2")
    on.ends(away)
    there, elsewhere = on.applies("site-2", budget=None), on.applies("site-3", budget=None)
    home = on.applies("site-1", Action.FAIL_BACK, Mode.PLANNED)
    assert told(home) == (
        Verdict.QUEUED,
        "waits until site-recovery/acme/recover-1 ends: site-2, from where services may come home"
        " to site-1, is being recovered",
    )
    on.ends(there, acted=False)
    assert told(home)[0] is Verdict.GRANTED
    assert elsewhere.verdict is Verdict.GRANTED


def test_a_recovery_waits_for_a_way_home_from_its_site(on: SimulatedEstate) -> None:
    away = on.applies("site-1")
    on.reserves(away, "site-2")
    on.ends(away)
    home = on.applies("site-1", Action.FAIL_BACK, Mode.PLANNED)
    run = on.applies("site-2", budget=None)
    assert told(run) == (
        Verdict.QUEUED,
        "waits until site-recovery/acme/fail_back-1 ends: services are on their way home from"
        " site-2 to site-1; `holdfast roll-back site-recovery/acme/fail_back-1 --reason ...` stops"
        " it",
    )
    assert on.applies("site-3").verdict is Verdict.GRANTED
    on.ends(home)
    assert run.verdict is Verdict.GRANTED


def test_a_dry_run_is_never_admitted(on: SimulatedEstate) -> None:
    assert told(on.applies("site-1", mode=Mode.DRY_RUN)) == (
        Verdict.REFUSED,
        "a dry run changes nothing and needs no admission",
    )


def test_a_rehearsal_minds_rehearsals_alone(on: SimulatedEstate) -> None:
    real = on.applies("site-1")
    rehearsal = on.applies("site-1", mode=Mode.TEST)
    another = on.applies("site-1", mode=Mode.TEST)
    assert (real.verdict, rehearsal.verdict) == (Verdict.GRANTED, Verdict.GRANTED)
    assert told(another) == (
        Verdict.REFUSED,
        "site-1 is already being rehearsed by site-recovery/acme/recover-1: that one does the work",
    )
    assert rehearsal.admissions[-1].incident == ""


# Cool-down and hold-down


def test_a_site_that_was_recovered_is_left_alone_until_a_person_allows_it(
    on: SimulatedEstate,
) -> None:
    on.ends(on.applies("site-1"))
    on.passes(12 * 60)
    assert told(on.applies("site-1")) == (
        Verdict.REFUSED,
        "site-1 was recovered 12m ago by site-recovery/acme/recover-0 (incident site-1-1); its"
        " cool-down lasts until 04:00:00 UTC; `holdfast allow --estate acme --site site-1"
        " --reason ...` lifts it",
    )
    allows(on, site="site-1")
    assert on.applies("site-1").verdict is Verdict.GRANTED


@pytest.mark.parametrize("how", ["rolled back", "over", "planned", "rehearsal"])
def test_no_cool_down(on: SimulatedEstate, how: str) -> None:
    mode = Mode.TEST if how == "rehearsal" else Mode.UNPLANNED
    on.ends(on.applies("site-1", mode=mode), acted=how != "rolled back")
    on.passes(3_601 if how == "over" else 10)
    again = on.applies("site-1", mode=Mode.PLANNED if how == "planned" else Mode.UNPLANNED)
    assert again.verdict is Verdict.GRANTED


def test_an_incident_that_was_dealt_with_is_not_dealt_with_again(on: SimulatedEstate) -> None:
    on.ends(on.applies("site-1", incident="alert-7", cooldown=None))
    on.passes(7_200)
    assert told(on.applies("site-1", incident="alert-7")) == (
        Verdict.REFUSED,
        "site-1 was recovered 2h ago by site-recovery/acme/recover-0, for the same incident,"
        " alert-7; `holdfast allow --estate acme --site site-1 --reason ...` lifts it",
    )
    assert on.applies("site-1", incident="alert-8").verdict is Verdict.GRANTED


def test_a_loss_must_last_before_anything_is_done(on: SimulatedEstate) -> None:
    run = on.applies("site-1", holddown=timedelta(minutes=2), detected_s_ago=30)
    assert told(run) == (
        Verdict.QUEUED,
        "waits until 03:01:30 UTC: a loss of site-1 must last for 2m (hold-down)",
    )
    on.passes(89)
    assert told(run)[0] is Verdict.QUEUED
    on.passes(1)
    assert told(run)[0] is Verdict.GRANTED


# Budget


def test_more_lost_sites_than_the_budget_wait_for_a_person(on: SimulatedEstate) -> None:
    runs = [on.applies(f"site-{number}") for number in range(3)]
    assert [run.verdict for run in runs] == [Verdict.GRANTED, Verdict.GRANTED, Verdict.HELD]
    assert told(runs[2])[1] == (
        "the budget is 2 lost sites in 15m and site-0 and site-1 were granted; only a person lets"
        " site-2 go on: `holdfast allow --estate acme --site site-2 --reason ...`"
    )
    on.passes(7_200)
    assert runs[2].verdict is Verdict.HELD
    allows(on, site="site-2")
    assert told(runs[2]) == (
        Verdict.GRANTED,
        "site-recovery/acme/recover-2 may recover site-2 (incident site-2-1): beyond the budget,"
        " allowed by ana: it is real",
    )


def test_a_brake_that_was_pulled_stops_those_who_come_later_too(on: SimulatedEstate) -> None:
    held = [on.applies(f"site-{number}") for number in range(3)][2]
    on.passes(7_200)
    late = on.applies("site-4")
    assert told(late) == (
        Verdict.HELD,
        "the budget of 2 lost sites in 15m was spent and others wait for it; only a person lets"
        " site-4 go on: `holdfast allow --estate acme --site site-4 --reason ...`",
    )
    allows(on, sites=2)
    assert (held.verdict, late.verdict) == (Verdict.GRANTED, Verdict.GRANTED)
    assert on.applies("site-5").verdict is Verdict.HELD


def test_those_who_were_lost_first_are_allowed_first(on: SimulatedEstate) -> None:
    for number in range(2):
        on.applies(f"site-{number}")
    later, sooner = on.applies("site-2", detected_s_ago=5), on.applies("site-3", detected_s_ago=60)
    allows(on, sites=1)
    assert (later.verdict, sooner.verdict) == (Verdict.HELD, Verdict.GRANTED)


def test_within_the_window_the_budget_fills_and_after_it_there_is_room(
    on: SimulatedEstate,
) -> None:
    for number in range(2):
        on.ends(on.applies(f"site-{number}"), acted=False)
    on.passes(15 * 60)
    assert on.applies("site-2").verdict is Verdict.GRANTED


def test_an_allowance_that_nobody_uses_ends(on: SimulatedEstate) -> None:
    allows(on, sites=5)
    on.passes(3_601)
    runs = [on.applies(f"site-{number}") for number in range(3)]
    assert runs[2].verdict is Verdict.HELD


@pytest.mark.parametrize("mode", [Mode.PLANNED, Mode.TEST])
def test_what_is_no_loss_is_not_counted(on: SimulatedEstate, mode: Mode) -> None:
    runs = [on.applies(f"site-{number}", mode=mode) for number in range(4)]
    assert {run.verdict for run in runs} == {Verdict.GRANTED}
    assert on.applies("site-5").verdict is Verdict.GRANTED


def test_sites_that_are_lost_together_are_granted_in_the_order_of_detection(
    on: SimulatedEstate,
) -> None:
    on.happens(Freeze(ANA))
    runs = [on.applies(f"site-{n}", detected_s_ago=10 * n) for n in range(4)]
    on.happens(Thaw(ANA))
    verdicts = [run.verdict for run in runs]
    assert verdicts == [Verdict.HELD, Verdict.HELD, Verdict.GRANTED, Verdict.GRANTED]


# Freeze


def test_a_frozen_estate_starts_nothing_and_says_who_froze_it(on: SimulatedEstate) -> None:
    running = on.applies("site-0")
    on.happens(Freeze(ANA))
    held = on.applies("site-1")
    assert on.said[-2] == (
        "ana freezes acme: a storm; nothing new is granted, 1 recovery that runs goes on"
    )
    assert told(held) == (
        Verdict.HELD,
        "acme is frozen since 2026-03-01 03:00:00 UTC by ana: a storm; `holdfast freeze off"
        " --estate acme --reason ...` lifts it",
    )
    assert on.reserves(running, "site-2").granted
    on.happens(Thaw(ANA))
    assert held.verdict is Verdict.GRANTED


def test_a_freeze_is_refused_if_it_is_frozen_and_a_thaw_if_it_is_not(on: SimulatedEstate) -> None:
    memory = on.ledger.memory
    assert refusal(memory, Thaw(ANA)) == "acme is not frozen"
    on.happens(Freeze(ANA))
    assert refusal(memory, Freeze(ANA)) == (
        "acme is frozen already, since 2026-03-01 03:00:00 UTC by ana: a storm"
    )


# Room and epochs


def test_two_recoveries_never_book_the_same_room(on: SimulatedEstate) -> None:
    first, second = on.applies("site-0"), on.applies("site-1")
    assert on.reserves(first, "site-2").granted
    reserved = on.reserves(second, "site-2")
    assert not reserved.granted
    assert reserved.sentence == (
        "site-2 has room for 1 cpu, of which 1 is taken by site-recovery/acme/recover-0; 1 is"
        " wanted"
    )
    assert [booking.service for booking in reserved.facts.booked] == ["service-site-0"]


def test_a_plan_that_is_older_than_what_has_come_since_takes_no_room_from_it(
    on: SimulatedEstate,
) -> None:
    first, second = on.applies("site-0"), on.applies("site-1")
    on.reserves(first, "site-2")
    on.ends(first)
    reserved = on.reserves(second, "site-2")
    assert reserved.sentence == (
        "site-2 has room for 1 cpu, of which 1 is taken by services that have come since the plan"
        " was made; 1 is wanted"
    )
    assert reserved.facts.locations == {"service-site-0": "site-2"}
    assert on.reserves(second, "site-3").granted


def test_what_a_crashed_holder_booked_is_free(on: SimulatedEstate) -> None:
    first, second = on.applies("site-0"), on.applies("site-1")
    on.reserves(first, "site-2")
    on.crashes(first)
    on.passes(20)
    on.looks_after_all()
    assert on.reserves(second, "site-2").granted


def test_a_reservation_that_is_not_granted_leaves_the_one_before(on: SimulatedEstate) -> None:
    first, second = on.applies("site-0"), on.applies("site-1")
    on.reserves(first, "site-2")
    on.reserves(second, "site-3")
    assert not on.reserves(second, "site-2").granted
    assert on.used("site-3") == 2


def test_nobody_who_was_not_admitted_gets_room(on: SimulatedEstate) -> None:
    on.happens(Freeze(ANA))
    reserved = on.reserves(on.applies("site-0"), "site-2")
    assert (reserved.granted, reserved.admitted) == (False, False)


def test_epochs_rise_over_recoveries_and_claims(on: SimulatedEstate) -> None:
    run = on.applies("site-0")
    assert on.reserves(run, "site-2").epoch == 1
    on.claims(run, 9)
    assert run.reserved[-1].epoch == 9
    on.claims(run, 4)
    assert run.reserved[-1].epoch == 10
    on.ends(run, acted=False)
    assert on.reserves(on.applies("site-0"), "site-2").epoch == 11


def test_a_reservation_that_comes_twice_gets_one_epoch(on: SimulatedEstate) -> None:
    run = on.applies("site-0")
    first = on.reserves(run, "site-2")
    on.asks_again(run)
    assert run.reserved == [first, first]


def test_a_quantity_that_cannot_be_read_is_named(on: SimulatedEstate) -> None:
    run = on.applies("site-0")
    on.reserves(run, "site-2")
    assert run.last is not None
    ask = run.last.ask.model_copy(update={"room": {"site-2": {"cpu": "lots"}}})
    question = run.last.model_copy(update={"ask": ask, "number": 7})
    on.happens(Asked(question))
    assert run.reserved[-1].sentence == "cpu: not a Kubernetes quantity: 'lots'"


# Facts


def test_the_facts_tell_what_ended_recoveries_have_moved(on: SimulatedEstate) -> None:
    first = on.applies("site-0")
    on.reserves(first, "site-2")
    on.ends(first, fenced=False)
    facts = on.applies("site-1").facts
    assert facts.locations == {"service-site-0": "site-2"}
    assert [(fact.service, fact.site) for fact in facts.unfenced] == [("service-site-0", "site-0")]
    assert facts.past_s == {"service-site-0": (60.0,)}


def test_what_is_back_at_home_is_no_fact_any_more(on: SimulatedEstate) -> None:
    first = on.applies("site-0")
    on.reserves(first, "site-2")
    on.ends(first, fenced=False)
    home = on.applies("site-0", Action.FAIL_BACK, Mode.PLANNED)
    on.reserves(home, "site-0")
    on.ends(home)
    facts = on.applies("site-1").facts
    assert (facts.locations, facts.unfenced) == ({}, ())


def test_a_site_that_came_back_and_stood_by_is_fenced(on: SimulatedEstate) -> None:
    first = on.applies("site-0")
    on.reserves(first, "site-2")
    assert first.last is not None
    question = first.last
    on.ends(first, fenced=False)
    reached = StandbyReached(services=("service-site-0",), site="site-0")
    on.happens(Asked(question.model_copy(update={"ask": reached, "number": 9})))
    assert on.applies("site-1").facts.unfenced == ()
    assert on.said[-2].startswith("site-0 is back and on standby")


def test_other_recoveries_sites_count_as_lost_while_they_run_or_wait(on: SimulatedEstate) -> None:
    first = on.applies("site-0")
    assert on.applies("site-1").facts.lost == ("site-0",)
    assert first.facts.lost == ()
    on.applies("site-2", mode=Mode.PLANNED)
    held = on.applies("site-3")
    assert held.verdict is Verdict.HELD
    rehearsal = on.applies("site-4", mode=Mode.TEST)
    assert rehearsal.facts.lost == ("site-0", "site-1", "site-3")


# Going on


def test_a_run_that_goes_on_for_a_coordinator_without_memory_keeps_its_site(
    on: SimulatedEstate,
) -> None:
    run = on.applies("site-0")
    assert run.last is not None
    application = run.application.model_copy(update={"regains": "site-0-7"})
    question = run.last.model_copy(update={"ask": application})
    on.ledger.memory = Memory(estate="acme")
    on.happens(Freeze(ANA))
    on.happens(Asked(question))
    assert told(run) == (
        Verdict.GRANTED,
        "site-recovery/acme/recover-0 has had site-0 before its coordinator lost its memory, and"
        " keeps it",
    )
    assert run.admissions[-1].incident == "site-0-7"


def test_a_great_memory_is_handed_over_small() -> None:
    on = SimulatedEstate(sites=400)
    budget = BudgetPolicy(sites=400, window=timedelta(minutes=15))
    for site in on.sites:
        run = on.applies(site, budget=budget)
        on.reserves(run, f"site-{(int(site[5:]) + 1) % 400}")
    packed = Handover(memory=on.ledger.memory).pack()
    assert len(packed) < 150_000
    assert unpack(packed).memory.model_dump() == on.ledger.memory.model_dump()


def test_what_people_see_is_what_is_remembered(on: SimulatedEstate) -> None:
    on.reserves(on.applies("site-0"), "site-2")
    on.applies("site-1")
    on.applies("site-2")
    on.happens(Freeze(ANA))
    seen = state(on.ledger.memory, on.now)
    assert seen.frozen is not None
    assert [(holder.site, len(holder.bookings)) for holder in seen.holders] == [
        ("site-0", 1),
        ("site-1", 0),
    ]
    assert [(waiting.site, waiting.verdict) for waiting in seen.waiting] == [
        ("site-2", Verdict.HELD)
    ]
    assert (seen.budget.used, seen.budget.stopped) == (("site-0", "site-1"), True)
    assert "**Frozen** since 03:00:00 UTC by ana" in page(on.ledger.memory, on.now)


def test_nothing_is_kept_for_ever_but_what_matters_for_ever(on: SimulatedEstate) -> None:
    for _ in range(50):
        on.ends(on.applies("site-0"), acted=False)
        on.passes(600)
    memory = on.ledger.memory
    on.passes(7_200)
    on.happens(TimePassed())
    assert (memory.refused, memory.released, memory.holders, memory.waiting) == ({}, {}, {}, {})
    assert len(memory.log) <= 200
