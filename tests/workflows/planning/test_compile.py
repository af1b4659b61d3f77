"""What every compiled plan holds to, over random estates."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.planning import compile_plan
from holdfast.workflows.saga.graph import PlanGraph
from support.estates import estates


def plan_of(estate: Estate, site: str) -> RecoveryPlan | None:
    return compile_plan(RecoveryRequest(estate=estate, site=site)).plan


@given(estates(), st.data())
def test_the_same_request_gives_the_same_plan_byte_for_byte(
    estate: Estate, data: st.DataObject
) -> None:
    site = data.draw(st.sampled_from([site.name for site in estate.sites]))
    first = compile_plan(RecoveryRequest(estate=estate, site=site))
    again = compile_plan(
        RecoveryRequest(estate=Estate.model_validate(estate.document()), site=site)
    )
    assert first.model_dump_json() == again.model_dump_json()


@given(estates())
def test_a_plan_stands_in_an_order_in_which_each_step_follows_what_it_needs(
    estate: Estate,
) -> None:
    for site in estate.sites:
        plan = plan_of(estate, site.name)
        done: set[str] = set()
        for step in plan.steps if plan else ():
            assert set(step.needs) <= done
            done.add(step.id)


@given(estates())
def test_no_step_of_a_dependent_can_start_before_its_dependency_is_done(estate: Estate) -> None:
    for site in estate.sites:
        plan = plan_of(estate, site.name)
        if plan is None:
            continue
        graph = PlanGraph(plan)
        for service in plan.services:
            for dependency in service.depends_on:
                for later in graph.steps_of[service.name]:
                    for earlier in graph.steps_of[dependency]:
                        assert graph.follows(later, earlier)


@given(estates())
def test_a_plan_recovers_exactly_the_services_of_the_lost_site_that_have_a_recovery(
    estate: Estate,
) -> None:
    for site in estate.sites:
        plan = plan_of(estate, site.name)
        planned = {service.name for service in plan.services} if plan else set()
        assert planned == {s.name for s in estate.services_at(site.name) if s.recovery}
        for service in plan.services if plan else ():
            assert service.target != site.name


@given(estates())
def test_a_plan_carries_the_hash_of_its_own_contents(estate: Estate) -> None:
    for site in estate.sites:
        if plan := plan_of(estate, site.name):
            assert plan.hash == plan.fingerprint()
            other = plan.model_copy(update={"estate": "another"})
            assert other.fingerprint() != plan.hash


def small(**service: Any) -> Estate:
    step = {"id": "go", "run": "kubernetes.scale", "with": service.pop("with", {})}
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "small"},
            "sites": [
                {"name": "a", "region": "r", "kubernetes": {"context": "ctx-a"}},
                {"name": "b", "region": "r", "kubernetes": {"context": "ctx-b"}},
                {"name": "c", "region": "r", "kubernetes": {"context": "ctx-c"}},
            ],
            "services": [
                {"name": "s", "site": "a", "recovery_sites": ["b", "c"], "recovery": [step]}
                | service
            ],
        }
    )


def test_the_first_recovery_site_that_is_not_lost_takes_the_service() -> None:
    request = RecoveryRequest(estate=small(), site="a", lost_sites=("b",))
    plan = compile_plan(request).plan
    assert plan is not None
    assert plan.services[0].target == "c"
    assert plan.services[0].placement == "c: the first recovery site after b (lost)"


def test_a_service_with_no_site_left_refuses_the_plan_and_says_why() -> None:
    request = RecoveryRequest(estate=small(), site="a", lost_sites=("b", "c"))
    assert compile_plan(request).refusals == ("s has no recovery site left: b, c lost",)


def test_a_site_that_the_estate_lacks_is_refused_with_those_it_has() -> None:
    refusals = compile_plan(RecoveryRequest(estate=small(), site="z")).refusals
    assert refusals == ("z is no site of small; it has a, b, c",)


def test_a_lone_expression_keeps_its_type_and_text_around_one_makes_text() -> None:
    inputs = {"replicas": "{{ service.tier }}", "name": "x-{{ service.tier }}"}
    plan = plan_of(small(**{"with": inputs, "tier": 2}), "a")
    assert plan is not None
    assert plan.steps[0].inputs == {"replicas": 2, "name": "x-2"}


def test_a_step_whose_templates_speak_of_the_source_alone_acts_on_the_source() -> None:
    for context, site in (
        ("{{ source.kubernetes.context }}", "a"),
        ("{{ target.kubernetes.context }}", "b"),
        ("{{ source.name }}-{{ target.name }}", "b"),
        ("fixed", "b"),
    ):
        plan = plan_of(small(**{"with": {"context": context}}), "a")
        assert plan is not None
        assert plan.steps[0].site == site


def test_an_undefined_name_in_a_template_refuses_the_plan() -> None:
    refusals = compile_plan(
        RecoveryRequest(estate=small(**{"with": {"context": "{{ target.rack }}"}}), site="a")
    ).refusals
    assert len(refusals) == 1
    assert refusals[0].startswith("s/go: with.context: '{{ target.rack }}'")


def test_a_template_cannot_reach_out_of_its_sandbox() -> None:
    for template in (
        "{{ ''.__class__.__mro__ }}",
        "{{ service.__init__ }}",
        "{{ 'a' * 999999999 }}",
        "{{ 9 ** 99999 }}",
        "{{ range(99999999) }}",
    ):
        estate = small(**{"with": {"context": template}})
        assert compile_plan(RecoveryRequest(estate=estate, site="a")).refusals
