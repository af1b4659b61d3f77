"""The plan is the same for everybody, and its critical path is what it says."""

from collections import Counter

import pytest

from bench.plan import SIGMA, BenchPlan, BenchService


def test_the_same_arguments_draw_the_same_plan() -> None:
    assert BenchPlan.make(50, 2000, 7, SIGMA) == BenchPlan.make(50, 2000, 7, SIGMA)
    assert BenchPlan.make(50, 2000, 7, SIGMA) != BenchPlan.make(50, 2000, 8, SIGMA)


def test_services_stand_in_five_even_tiers_with_one_to_three_edges_to_the_tier_before() -> None:
    plan = BenchPlan.make(200)
    tiers = {service.name: service.tier for service in plan.services}

    assert Counter(tiers.values()) == dict.fromkeys(range(5), 40)
    for service in plan.services:
        before = [tiers[name] for name in service.depends_on]
        assert set(before) <= {service.tier - 1}
        assert len(before) in ((0,) if service.tier == 0 else (1, 2, 3))


@pytest.mark.parametrize("services", [10, 50, 200])
def test_equal_durations_make_a_critical_path_of_fifteen_steps(services: int) -> None:
    assert BenchPlan.make(services, 200).critical_path_s == pytest.approx(3.0)


def test_the_critical_path_is_the_longest_chain_not_the_longest_service() -> None:
    plan = BenchPlan(
        name="forked",
        step_ms=0,
        services=(
            BenchService(name="a", tier=0, depends_on=(), steps_ms=(100, 100, 100)),
            BenchService(name="b", tier=0, depends_on=(), steps_ms=(900, 0, 0)),
            BenchService(name="c", tier=1, depends_on=("a",), steps_ms=(500, 100, 100)),
        ),
    )

    assert plan.critical_path_s == pytest.approx(1.0)


def test_finished_steps_are_no_part_of_the_remaining_path() -> None:
    plan = BenchPlan.make(10, 100)
    first_tier = {service.name for service in plan.services if service.tier == 0}
    finished = [(name, step) for name in first_tier for step in range(3)]

    assert plan.remaining_path_s(finished) == pytest.approx(1.2)
    every = [(service.name, step) for service in plan.services for step in range(3)]
    assert plan.remaining_path_s(every) == 0


def test_realistic_durations_spread_around_their_median() -> None:
    plan = BenchPlan.make(200, 2000, spread=SIGMA)
    durations = sorted(step for service in plan.services for step in service.steps_ms)

    assert durations[len(durations) // 2] == pytest.approx(2000, rel=0.15)
    assert durations[0] < 500
    assert durations[-1] > 8000
