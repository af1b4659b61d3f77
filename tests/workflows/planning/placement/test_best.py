"""No assignment breaks a rule, and none is better than the one chosen."""

import re
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.model.scalars import quantity_value
from holdfast.workflows.planning.placement import Assignment, assign
from support.placing import Judge, Scene, scenes

untimed = settings(deadline=None)
"""The solver is imported by the first example that needs it."""

NUMBERS = re.compile(r"(\w+) has (\d+) of (\d+) (\w+) free[^;]*, (\d+) needed")


def answer(scene: Scene) -> Assignment:
    return assign(scene.estate, scene.moving, lost=scene.lost, facts=scene.facts)


def judged(scene: Scene, found: Assignment) -> tuple[Judge, dict[str, tuple[str, bool]], list[str]]:
    chosen = {name: (p.site.name, p.degraded) for name, p in found.placed.items()}
    return Judge(scene), chosen, [way.service for way in found.gives_way]


@untimed
@given(scenes())
def test_an_assignment_violates_nothing(scene: Scene) -> None:
    judge, chosen, gone = judged(scene, answer(scene))

    assert judge.faults(chosen, gone) == []
    assert set(gone) <= set(judge.victims())


@untimed
@given(scenes())
def test_no_other_assignment_is_better(scene: Scene) -> None:
    found = answer(scene)
    judge, chosen, gone = judged(scene, found)

    assert judge.value(chosen, gone) == judge.best()
    assert not found.gap


@untimed
@given(scenes())
def test_a_service_is_placed_or_left_out_and_if_none_is_placed_nothing_may_start(
    scene: Scene,
) -> None:
    found = answer(scene)

    names = [service.name for service in scene.moving]
    if found.refusals:
        assert (found.placed, found.left_out) == ({}, ())
        assert len(found.refusals) == len(names)
    else:
        left_out = [out.service for out in found.left_out]
        assert [n for n in names if n not in left_out] == list(found.placed)
        assert set(left_out) | set(found.placed) == set(names)


@untimed
@given(scenes(shortage="shed"))
def test_why_a_service_is_left_out_is_told_in_true_numbers(scene: Scene) -> None:
    found = answer(scene)
    judge, chosen, _ = judged(scene, found)

    for out in found.left_out:
        for name, free, capacity, resource, needed in NUMBERS.findall(out.sentence):
            assert quantity_value(judge.sites[name].capacity[resource]) == Decimal(capacity)
            assert judge.left(name, resource, chosen) == Fraction(free) < Fraction(needed)


@untimed
@given(scenes())
def test_the_same_question_has_the_same_answer(scene: Scene) -> None:
    assert answer(scene) == answer(scene)


@untimed
@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_the_services_changes_who_is_served_but_not_how_well(
    scene: Scene, random: Random
) -> None:
    services = list(scene.estate.services)
    random.shuffle(services)
    mixed = Scene(
        scene.estate.model_copy(update={"services": tuple(services)}), scene.lost, scene.facts
    )
    judge, chosen, gone = judged(scene, answer(scene))
    _, others, others_gone = judged(mixed, answer(mixed))

    assert judge.value(chosen, gone) == judge.value(others, others_gone)
