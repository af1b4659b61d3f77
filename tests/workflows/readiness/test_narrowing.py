"""A plan compiled from the part of an estate that matters is the plan compiled from all of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.model.coordination import Facts
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.planning import compile_plan
from holdfast.workflows.planning.placement import assign
from holdfast.workflows.readiness.compiling import SiteCompiler
from holdfast.workflows.readiness.narrowing import Narrowing
from support.compiling import estate, service
from support.estates import facts_of, varied_estates
from support.placing import Scene, scenes


@st.composite
def known(draw: st.DrawFn) -> tuple[Estate, Facts]:
    """An estate, with any facts."""
    found = draw(varied_estates())
    return found, draw(facts_of(found))


@settings(deadline=None, max_examples=200)
@given(known())
def test_the_part_that_matters_gives_the_same_plans_and_refusals(
    known: tuple[Estate, Facts],
) -> None:
    whole, facts = known
    compiler = SiteCompiler(whole, facts)
    for site in whole.sites:
        found = compiler.plan(site.name)
        if not found.services:
            continue
        expected = compile_plan(RecoveryRequest(estate=whole, site=site.name), facts)

        assert found.refusals == (() if expected.plan else expected.refusals)
        assert found.plan == expected.plan


def test_sites_that_no_service_may_go_to_are_left_out() -> None:
    whole = estate(service("web", recovery_sites=["b"]))

    part = Narrowing(whole, Facts()).of("a", ["web"])

    assert [site.name for site in part.sites] == ["a", "b"]


@settings(deadline=None, max_examples=300)
@given(scenes())
def test_placement_sees_no_difference(scene: Scene) -> None:
    part = Narrowing(scene.estate, scene.facts).of("a", [each.name for each in scene.moving])

    found = assign(part, scene.moving, lost=scene.lost, facts=scene.facts)

    assert found == assign(scene.estate, scene.moving, lost=scene.lost, facts=scene.facts)
