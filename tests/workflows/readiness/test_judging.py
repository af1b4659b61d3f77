"""How one site is judged by its plan, by what was seen of its steps, and by its data."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.model.coordination import Fact, Facts
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.failback import ServiceReplication
from holdfast.workflows.model.readiness import SitePlan
from holdfast.workflows.model.step import Applied, Observation, Qualification
from holdfast.workflows.readiness.batches import BATCH, batches
from holdfast.workflows.readiness.compiling import SiteCompiler
from holdfast.workflows.readiness.judging import Judged, Seen, judge
from holdfast.workflows.readiness.verdicts import WORST_FIRST, worst
from support.compiling import estate, service
from support.estates import facts_of, varied_estates

NOW = datetime(2026, 10, 12, 3, 0, tzinfo=UTC)
QUALIFIED, NOT_QUALIFIED = Qualification.QUALIFIED, Qualification.NOT_QUALIFIED
UNKNOWN, EXCLUDED = Qualification.UNKNOWN, Qualification.EXCLUDED


def plan_of(whole: Estate, site: str = "a", facts: Facts | None = None) -> SitePlan:
    """The plan of the loss of a site."""
    return SiteCompiler(whole, facts or Facts()).plan(site)


def saw(step: str, verdict: Qualification = QUALIFIED, **more: Any) -> Observation:
    """What a probe saw of a step."""
    return Observation(
        step=step, state=Applied.NOT_APPLIED, qualification=verdict, reason="seen", **more
    )


def judged(found: SitePlan, **more: Any) -> Judged:
    """The verdict where every step that is not named otherwise is well."""
    odd = more.pop("odd", {})
    steps = found.plan.steps if found.plan else ()
    seen = {step.id: odd.get(step.id) or saw(step.id) for step in steps}
    return judge(found, Seen(steps=seen, **more), NOW)


def following(in_step: bool | None, **more: Any) -> dict[str, ServiceReplication]:
    """How the data of `web` follows."""
    seen = ServiceReplication(
        service="web", source="a", target="b", in_step=in_step, sentence="lag 400", **more
    )
    return {"web": seen}


REPLICATED = {"objectives": {"rpo": "5m"}, "replication": {"lag": "lag_seconds"}}


@pytest.mark.parametrize(
    ("in_step", "verdict"), [(True, QUALIFIED), (False, NOT_QUALIFIED), (None, UNKNOWN)]
)
def test_data_counts_by_its_recovery_point_objective(
    in_step: bool | None, verdict: Qualification
) -> None:
    found = plan_of(estate(service("web", **REPLICATED)))

    assert judged(found, data=following(in_step)).site.verdict is verdict


def test_data_without_an_objective_is_told_but_does_not_count() -> None:
    found = plan_of(estate(service("web", replication={"lag": "lag_seconds"})))
    site = judged(found, data=following(False)).site

    assert site.verdict is QUALIFIED
    assert site.remarks == ("web: how far its copy is behind: lag 400",)


def test_an_objective_without_replication_is_told() -> None:
    found = plan_of(estate(service("web", objectives={"rpo": "5m"})))
    site = judged(found).site

    assert site.verdict is QUALIFIED
    assert site.remarks == (
        "web has a recovery point objective of 5m, but does not say how its data follows",
    )


def test_a_step_that_was_not_looked_at_is_unknown() -> None:
    found = plan_of(estate(service("web")))

    assert judge(found, Seen(), NOW).site.verdict is UNKNOWN


def test_a_service_away_from_its_lost_home_with_nowhere_else_to_go_is_unprotected() -> None:
    facts = Facts(
        locations={"web": "b"}, unfenced=(Fact(service="web", site="a", fenced=False),), lost=("a",)
    )
    found = plan_of(estate(service("web", recovery_sites=["b"])), "b", facts)
    result = judged(found)

    assert result.site.verdict is NOT_QUALIFIED
    assert result.site.reasons[0].startswith("unprotected: web of a")
    assert "is unprotected, away from its home a" in result.details.services[0].reasons[0]


def test_services_that_nothing_recovers_are_told() -> None:
    lone = {"name": "wiki", "site": "a"}
    site = judged(plan_of(estate(service("web"), lone))).site

    assert site.remarks == ("nothing says how to recover wiki: that is lost with a",)


def test_a_site_without_services_is_excluded() -> None:
    assert judged(plan_of(estate(service("web")), "c")).site.verdict is EXCLUDED


def test_two_steps_that_change_one_resource_in_no_order_are_found() -> None:
    found = plan_of(estate(service("web"), service("shop")))
    odd = {id: saw(id, resource="b/shop/web") for id in ("web/scale", "shop/scale")}

    site = judged(found, odd=odd).site
    assert site.verdict is NOT_QUALIFIED
    assert "in no order" in site.reasons[0]


def test_past_recoveries_tell_how_long_the_next_will_take() -> None:
    found = plan_of(estate(service("web", objectives={"rto": "15m"})))
    site = judged(found, past_s={"web": (900.0, 960.0, 1000.0)}).site

    assert (site.predicted_s, site.late, site.verdict) == (960, ("web",), QUALIFIED)


def test_a_long_story_is_cut_and_counted() -> None:
    whole = estate(*(service(f"web{number}") for number in range(5)))
    found = plan_of(whole)
    assert found.plan is not None
    odd = {
        s.id: saw(s.id, NOT_QUALIFIED).model_copy(update={"reason": "x" * 999})
        for s in found.plan.steps
    }

    site = judged(found, odd=odd).site
    assert (len(site.reasons), site.more_reasons) == (3, 12)
    assert all(len(reason) <= 200 for reason in site.reasons)
    assert len(site.model_dump_json()) < 1_500


@st.composite
def looked_at(draw: st.DrawFn) -> tuple[SitePlan, dict[str, Observation]]:
    """A plan of any site of any estate, with any verdict on each step."""
    whole = draw(varied_estates())
    site = draw(st.sampled_from([site.name for site in whole.sites]))
    found = plan_of(whole, site, draw(facts_of(whole)))
    steps = found.plan.steps if found.plan else ()
    return found, {s.id: saw(s.id, draw(st.sampled_from(list(WORST_FIRST)))) for s in steps}


@settings(deadline=None)
@given(looked_at())
def test_a_site_is_as_bad_as_its_worst_service_and_a_good_one_has_no_reason(
    looked_at: tuple[SitePlan, dict[str, Observation]],
) -> None:
    found, steps = looked_at
    result = judge(found, Seen(steps=steps), NOW)

    services = result.details.services
    assert result.site.verdict is worst(each.verdict for each in services)
    assert (result.site.verdict in (QUALIFIED, EXCLUDED)) == (not result.site.reasons)
    assert {each.name for each in services} >= set(found.services)


@settings(deadline=None)
@given(st.lists(varied_estates(), min_size=1, max_size=1), st.data())
def test_every_step_of_every_plan_is_asked_once_and_each_probe_has_one_action_at_one_site(
    estates: list[Estate], data: st.DataObject
) -> None:
    compiler = SiteCompiler(estates[0], data.draw(facts_of(estates[0])))
    plans = [p for site in estates[0].sites if (p := compiler.plan(site.name).plan) is not None]

    asked = batches(plans)
    told = sorted(
        (site, id) for each in asked for id, sites in each.plans.items() for site in sites
    )
    assert told == sorted((plan.site, step.id) for plan in plans for step in plan.steps)
    steps = {(plan.site, step.id): step for plan in plans for step in plan.steps}
    for each in asked:
        assert len(each.steps) <= BATCH
        for id, sites in each.plans.items():
            for site in sites:
                step = steps[site, id]
                assert (step.run, step.site) == (each.first.run, each.first.site)
                assert step.inputs == each.steps[id].inputs
                assert each.at_lost_site == (step.site == site)


def test_a_prediction_follows_the_order_of_the_steps() -> None:
    found = plan_of(estate(service("web"), service("shop", depends_on=["web"])))
    assert found.plan is not None
    odd = {s.id: saw(s.id, expected_duration=timedelta(seconds=10)) for s in found.plan.steps}

    result = judged(found, odd=odd)
    assert {s.name: s.predicted_s for s in result.details.services} == {"web": 30, "shop": 60}
