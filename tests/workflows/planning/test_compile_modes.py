"""What of a recovery is done when the source is lost, when it lives, and when it is a test."""

from typing import Any

import pytest

from holdfast.workflows.model.recovery import Mode
from support.compiling import FENCE, SCALE, SHIFT, compiled, plan, service, step

DRAIN = {**FENCE, "id": "drain", "run": "kubernetes.scale", "graceful": True}
SYNC = {"id": "sync", "run": "prometheus.expect", "needs": ["drain"], "graceful": True}


def test_an_unplanned_recovery_leaves_out_what_only_a_living_source_can_do() -> None:
    steps = [DRAIN, SYNC, {**FENCE, "needs": ["sync"]}, SCALE]

    assert list(plan(service("s", recovery=steps)).steps) == ["s/fence", "s/scale"]


def test_a_planned_move_does_every_step_and_marks_the_graceful_ones() -> None:
    steps = [DRAIN, SYNC, {**FENCE, "needs": ["sync"]}, SCALE]
    made = plan(service("s", recovery=steps), mode=Mode.PLANNED)

    assert list(made.steps) == ["s/drain", "s/sync", "s/fence", "s/scale"]
    assert [step.graceful for step in made.steps.values()] == [True, True, False, False]


def test_who_needed_a_step_that_is_left_out_needs_what_that_one_needed() -> None:
    steps = [
        step("one"),
        step("two"),
        step("three", "one", graceful=True),
        step("four", "three", "two", graceful=True),
        step("five", "four"),
    ]

    assert plan(service("s", recovery=steps)).needs["s/five"] == {"s/one", "s/two"}


def test_a_step_that_needed_only_what_is_left_out_starts_with_its_service() -> None:
    below = service("t", recovery=[step("up"), step("tune", "up", graceful=True)])
    above = service("s", depends_on=["t"], recovery=[DRAIN, step("up", "drain")])

    assert plan(below, above).needs["s/up"] == {"t/up"}


def test_a_planned_move_does_not_go_where_the_service_is() -> None:
    made = plan(service("s"), mode=Mode.PLANNED, lost_sites=("b",))

    assert (made.services["s"].source, made.services["s"].target) == ("a", "c")


def test_a_service_whose_every_step_is_graceful_is_left_out_of_an_unplanned_recovery() -> None:
    result = compiled(service("s", recovery=[DRAIN]), service("t"))

    assert result.plan is not None
    assert [(out.service, out.sentence) for out in result.plan.left_out] == [
        (
            "s",
            "nothing of s can be done: all its steps are graceful, for a planned move while a "
            "lives",
        )
    ]
    assert compiled(service("s", recovery=[DRAIN])).refusals == (
        "nothing of s can be done: all its steps are graceful, for a planned move while a lives",
    )


@pytest.mark.parametrize("mode", [Mode.UNPLANNED, Mode.PLANNED, Mode.TEST])
def test_a_dry_run_is_of_the_plan_that_the_real_run_would_have(mode: Mode) -> None:
    s = service("s", recovery=[DRAIN, {**FENCE, "needs": ["drain"]}, SCALE])
    dry = compiled(s, mode=Mode.DRY_RUN, dry_run_of=mode)

    assert dry == compiled(s, mode=mode)


def test_templates_know_the_mode() -> None:
    steps = [step("up", **{"with": {"note": "for {{ mode }}"}})]

    for mode in (Mode.UNPLANNED, Mode.PLANNED):
        made = plan(service("s", recovery=steps), mode=mode)
        assert made.steps["s/up"].inputs == {"note": f"for {mode}"}


def test_a_test_acts_on_an_isolated_copy_at_the_target_and_on_nothing_else() -> None:
    made = plan(service("s"), mode=Mode.TEST)

    assert made.needs == {"s/isolate": set(), "s/scale": {"s/isolate"}}
    isolate, scale = made.steps.values()
    assert (isolate.run, isolate.site) == ("kubernetes.isolate", "b")
    assert isolate.inputs == {
        "context": "ctx-b",
        "namespace": "shop",
        "into": "shop-holdfast-test",
        "workloads": [{"deployment": "web"}],
    }
    assert scale.inputs == {
        "context": "ctx-b",
        "namespace": "shop-holdfast-test",
        "deployment": "web",
        "replicas": 3,
        "copied_from": "shop",
    }


def test_a_test_has_no_pivot_for_it_is_always_undone() -> None:
    made = plan(service("s", recovery=[step("up", pivot=True)]), mode=Mode.TEST)

    assert not any(step.pivot for step in made.steps.values())


def test_every_namespace_of_a_service_is_copied_once_with_all_its_workloads() -> None:
    inputs = {"context": "{{ target.kubernetes.context }}"}
    steps = [
        step("isolate", **{"with": {**inputs, "namespace": "one", "deployment": "x"}}),
        step("y", **{"with": {**inputs, "namespace": "one", "statefulset": "y"}}),
        step("z", **{"with": {**inputs, "namespace": "two", "deployment": "z"}}),
        step("again", "isolate", **{"with": {**inputs, "namespace": "one", "deployment": "x"}}),
    ]
    made = plan(service("s", recovery=steps), mode=Mode.TEST)

    copies = {
        id: (step.inputs["namespace"], step.inputs["workloads"])
        for id, step in made.steps.items()
        if step.run == "kubernetes.isolate"
    }
    assert copies == {
        "s/isolate-2": ("one", [{"deployment": "x"}, {"statefulset": "y"}]),
        "s/isolate-3": ("two", [{"deployment": "z"}]),
    }
    assert made.needs["s/again"] == {"s/isolate", "s/isolate-2"}
    assert made.needs["s/z"] == {"s/isolate-3"}


def test_two_services_in_one_namespace_have_copies_of_their_own() -> None:
    made = plan(service("s"), service("t"), mode=Mode.TEST)

    spaces = {made.steps[f"{name}/isolate"].inputs["into"] for name in "st"}
    assert len(spaces) == 2


def test_the_namespace_of_a_copy_has_at_most_63_characters() -> None:
    long = ["x" * 63, "x" * 62 + "y"]
    spaces = []
    for namespace in long:
        inputs = {**SCALE["with"], "namespace": namespace}  # type: ignore[dict-item]
        made = plan(service("s", recovery=[step("up", **{"with": inputs})]), mode=Mode.TEST)
        spaces.append(str(made.steps["s/isolate"].inputs["into"]))

    assert [len(space) for space in spaces] == [63, 63]
    assert len(set(spaces)) == 2


def test_a_step_may_be_taken_into_a_test_or_out_of_it() -> None:
    steps = [
        step("up", test=False),
        step("other"),
        {"id": "check", "run": "http.expect", "needs": ["up"], "test": True},
    ]
    made = plan(service("s", recovery=steps), mode=Mode.TEST)

    assert list(made.steps) == ["s/isolate", "s/check", "s/other"]
    assert made.needs["s/check"] == set()


def test_a_step_that_would_touch_what_runs_is_refused_in_a_test() -> None:
    result = compiled(service("s", recovery=[{**FENCE, "test": True}]), mode=Mode.TEST)

    assert result.plan is None
    assert result.refusals[0].startswith("s/fence: a test acts on copies at b alone")


def test_a_context_that_is_written_out_is_believed_not_the_templates_around_it() -> None:
    inputs = {**SCALE["with"], "context": "ctx-a"}  # type: ignore[dict-item]
    result = compiled(
        service("s", recovery=[step("up", **{"with": inputs})]), service("t"), mode=Mode.TEST
    )

    assert result.plan is not None
    assert [step.id for step in result.plan.steps] == ["t/isolate", "t/scale"]


def test_a_service_with_nothing_to_rehearse_is_left_out_of_the_test() -> None:
    result = compiled(
        service("s", recovery=[FENCE, {**SHIFT, "needs": []}]),
        service("t", depends_on=["s"]),
        mode=Mode.TEST,
    )

    assert result.plan is not None
    assert [service.name for service in result.plan.services] == ["t"]
    assert [out.sentence for out in result.plan.left_out] == [
        "nothing of s can be rehearsed: none of its steps acts on a workload at b alone"
    ]


def test_nobody_gives_way_to_a_test() -> None:
    resident = service("r", site="b", tier=3, demand={"cpu": 4}, give_way=[step("down")])
    mover = service("s", tier=0, demand={"cpu": 4}, recovery_sites=["b"])
    keys: dict[str, Any] = {
        "sites": {"b": {"capacity": {"cpu": 4}}},
        "policy": {"shortage": "preempt"},
    }

    assert "r/down" in plan(mover, resident, **keys).steps
    assert compiled(mover, resident, mode=Mode.TEST, **keys).plan is None
