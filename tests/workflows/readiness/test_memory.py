"""What an evaluation remembers: who is evaluated next, what is joined, and what proves a plan."""

from datetime import UTC, datetime, timedelta

from holdfast.workflows.model.readiness import (
    Evaluate,
    PackedEstate,
    Proved,
    SiteDetails,
    SiteReadiness,
)
from holdfast.workflows.model.step import Qualification
from holdfast.workflows.readiness.judging import Judged
from holdfast.workflows.readiness.memory import MOST_DETAILS, Memory
from holdfast.workflows.readiness.verdicts import read_at

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


def packed(*sites: str, hash: str = "1") -> PackedEstate:
    """An estate of these sites."""
    return PackedEstate(name="small", hash=hash, text="", sites=sites)


def asked(*sites: str, **more: object) -> Evaluate:
    """All sites of an estate."""
    return Evaluate.model_validate({"estate": packed(*sites), **more})


def finish(memory: Memory, at: datetime = NOW, **made_from: str) -> None:
    """Evaluate all that is to be evaluated, well."""
    for site in memory.take(100):
        readiness = SiteReadiness(site=site, verdict=Qualification.QUALIFIED, observed_at=at)
        judged = Judged(readiness, SiteDetails(site=site))
        memory.judged(memory.number, judged, dict(made_from), at)


def test_sites_asked_for_by_name_go_first() -> None:
    memory = Memory()
    memory.ask(asked("a", "b", "c", sites=("c",)), NOW)

    assert memory.take(10) == ["c", "a", "b"]


def test_who_asks_while_it_runs_joins() -> None:
    memory = Memory()
    first = memory.ask(asked("a", "b"), NOW)
    memory.take(1)
    second = memory.ask(asked("a", "b"), NOW)

    assert first.number == second.number
    assert second.sentence.startswith("joined")
    assert memory.take(10) == ["b"]


def test_a_changed_estate_replaces_what_runs_and_its_verdicts_are_left_aside() -> None:
    memory = Memory()
    old = memory.ask(asked("a", "b"), NOW).number
    memory.take(1)
    new = memory.ask(Evaluate(estate=packed("b", "c", hash="2")), NOW).number
    stale = SiteReadiness(site="a", verdict=Qualification.QUALIFIED, observed_at=NOW)
    memory.judged(old, Judged(stale, SiteDetails(site="a")), {}, NOW)

    assert new == old + 1
    assert memory.take(10) == ["b", "c"]
    assert [site.site for site in memory.readiness().sites] == ["b", "c"]


def test_a_site_that_was_never_evaluated_is_unknown() -> None:
    memory = Memory()
    memory.ask(asked("a"), NOW)

    (site,) = memory.readiness().sites
    assert site.verdict is Qualification.UNKNOWN


def test_a_schedule_evaluates_everything_when_it_is_due_and_not_before() -> None:
    memory = Memory()
    memory.ask(asked("a", "b", every_s=600), NOW)
    finish(memory)

    assert not memory.tick(LATER - timedelta(seconds=1))
    assert memory.tick(LATER)
    assert memory.take(10) == ["a", "b"]
    memory.unschedule()
    assert not memory.tick(LATER + timedelta(days=1))


def test_a_plan_that_was_carried_out_as_it_is_is_verified() -> None:
    memory = Memory()
    memory.ask(asked("a"), NOW)
    finish(memory, web="1111", db="2222")
    memory.proved(Proved(services={"web": "1111", "db": "2222"}, how="test", at=NOW), NOW)

    (site,) = memory.readiness().sites
    assert (site.verified_at, site.changed_since) == (NOW, None)


def test_a_changed_plan_is_verified_no_more() -> None:
    memory = Memory()
    memory.ask(asked("a"), NOW)
    memory.proved(Proved(services={"web": "1111", "db": "2222"}, how="test", at=NOW), NOW)
    finish(memory, web="1111", db="3333")

    (site,) = memory.readiness().sites
    assert (site.verified_at, site.changed_since) == (None, NOW)


def test_a_plan_of_which_only_a_part_was_carried_out_is_not_verified() -> None:
    memory = Memory()
    memory.ask(asked("a"), NOW)
    finish(memory, web="1111", db="2222")
    memory.proved(Proved(services={"web": "1111"}, how="test", at=NOW), NOW)

    (site,) = memory.readiness().sites
    assert (site.verified_at, site.changed_since) == (None, None)


def test_the_way_home_does_not_hide_the_proof_of_the_way_out() -> None:
    memory = Memory()
    memory.ask(asked("a"), NOW)
    finish(memory, web="1111")
    memory.proved(Proved(services={"web": "1111"}, how="recovery", at=NOW), NOW)
    memory.proved(Proved(services={"web": "9999"}, how="recovery", at=LATER), LATER)

    (site,) = memory.readiness().sites
    assert site.verified_at == NOW


def test_sites_that_a_recovery_has_touched_are_evaluated_again() -> None:
    memory = Memory()
    memory.ask(asked("a", "b", "c"), NOW)
    finish(memory)
    memory.proved(Proved(how="recovery", at=LATER, moved=("c", "a", "atlantis")), LATER)

    assert memory.take(10) == ["c", "a"]


def test_it_is_the_same_after_it_was_packed() -> None:
    memory = Memory()
    memory.ask(asked("a", "b", sites=("b",), every_s=600), NOW)
    memory.take(1)
    memory.give_back(memory.number, ["b"])
    memory.proved(Proved(services={"web": "1111"}, how="test", at=NOW), NOW)

    assert Memory.unpack(memory.pack()) == memory


def test_details_are_kept_of_a_few_sites_only() -> None:
    names = [f"s{number}" for number in range(MOST_DETAILS + 3)]
    memory = Memory()
    for name in names:
        memory.ask(asked(*names, sites=(name,)), NOW)
        finish(memory)

    assert list(memory.details) == names[-MOST_DETAILS:]


def test_a_verdict_is_good_until_its_time_and_unknown_after_it() -> None:
    memory = Memory()
    memory.ask(asked("a", stale_after_s=600), NOW)
    finish(memory)
    found = memory.readiness()

    assert read_at(found, LATER).verdict is Qualification.QUALIFIED
    old = read_at(found, LATER + timedelta(seconds=1))
    assert old.verdict is Qualification.UNKNOWN
    assert old.sites[0].reasons == (
        "was QUALIFIED 10m ago, and that is too old; evaluate it again",
    )
