"""What a plan does where there is not room for everything."""

from typing import Any

from holdfast.workflows.model.recovery import Mode
from support.compiling import compiled, plan, service, step

TIGHT: dict[str, Any] = {"b": {"capacity": {"cpu": 4}}}
PREEMPT = {"shortage": "preempt"}
DOWN = [step("drain", graceful=True), step("down", "drain"), step("tell", "down")]


def at_b(name: str, cpu: int, **keys: Any) -> dict[str, Any]:
    return service(name, demand={"cpu": cpu}, recovery_sites=["b"], **keys)


def resident(name: str, cpu: int, **keys: Any) -> dict[str, Any]:
    return service(name, site="b", demand={"cpu": cpu}, tier=3, give_way=DOWN, **keys)


def test_a_degraded_service_is_rendered_with_less_and_books_less() -> None:
    inputs = {"replicas": "{{ service.vars.replicas }}", "less": "{{ service.degraded }}"}
    inputs["kept"] = "{{ service.vars.kept }}"
    s = at_b(
        "s",
        8,
        approach="degraded",
        vars={"replicas": 3, "kept": "yes"},
        degraded={"demand": {"cpu": 2}, "vars": {"replicas": 1}},
        recovery=[step("up", **{"with": inputs})],
    )
    roomy, tight = compiled(s), compiled(s, sites=TIGHT)

    for result, degraded, replicas, cpu in ((roomy, False, 3, "8"), (tight, True, 1, "2")):
        assert result.plan is not None
        assert result.plan.services[0].degraded is degraded
        assert result.plan.steps[0].inputs == {
            "replicas": replicas,
            "less": degraded,
            "kept": "yes",
        }
        assert result.reservation is not None
        assert result.reservation.bookings[0].demand == {"cpu": cpu}


def test_what_finds_no_room_is_left_out_and_said() -> None:
    result = compiled(at_b("s", 3, tier=0), at_b("t", 3, tier=2), sites=TIGHT)

    assert result.plan is not None
    assert [service.name for service in result.plan.services] == ["s"]
    assert [(out.service, out.tier) for out in result.plan.left_out] == [("t", 2)]
    assert "t" in result.plan.left_out[0].sentence


def test_what_is_left_out_is_part_of_what_is_approved() -> None:
    result = compiled(at_b("s", 3, tier=0), at_b("t", 3, tier=2), sites=TIGHT)

    assert result.plan is not None
    silent = result.plan.model_copy(update={"left_out": ()})
    assert silent.fingerprint() != result.plan.hash


def test_where_everything_is_left_out_there_is_no_plan() -> None:
    result = compiled(at_b("s", 5), sites=TIGHT)

    assert result.plan is None
    assert len(result.refusals) == 1


def test_a_service_gives_way_before_the_first_step_at_its_site_of_what_needs_the_room() -> None:
    made = plan(at_b("s", 4, tier=0), resident("r", 4), sites=TIGHT, policy=PREEMPT)

    assert made.needs == {
        "r/down": set(),
        "r/tell": {"r/down"},
        "s/fence": set(),
        "s/scale": {"s/fence", "r/tell"},
        "s/shift": {"s/scale"},
    }
    assert made.services["s"].depends_on == ("r",)
    giving = made.services["r"]
    assert (giving.source, giving.target, giving.rto) == ("b", "b", None)
    assert made.steps["r/down"].inputs["context"] == "ctx-b"


def test_a_planned_move_lets_a_service_give_way_gracefully() -> None:
    made = plan(
        at_b("s", 4, tier=0), resident("r", 4), sites=TIGHT, policy=PREEMPT, mode=Mode.PLANNED
    )

    assert made.needs["r/drain"] == set()
    assert made.needs["r/down"] == {"r/drain"}


def test_room_that_was_made_is_freed_and_not_booked() -> None:
    result = compiled(at_b("s", 4, tier=0), resident("r", 4), sites=TIGHT, policy=PREEMPT)

    assert result.reservation is not None
    assert result.reservation.frees == ("r",)
    assert [booking.service for booking in result.reservation.bookings] == ["s"]


def test_who_waited_for_a_service_that_is_left_out_waits_for_its_fallback() -> None:
    result = compiled(
        at_b("big", 9, fallback="little"),
        at_b("little", 1),
        at_b("user", 1, depends_on=["big"]),
        sites=TIGHT,
    )

    assert result.plan is not None
    assert {s.name: s.depends_on for s in result.plan.services} == {
        "little": (),
        "user": ("little",),
    }
    assert next(s for s in result.plan.steps if s.id == "user/fence").needs == ("little/shift",)


def test_a_fallback_that_waits_for_the_service_itself_is_not_waited_for() -> None:
    result = compiled(
        at_b("big", 9, fallback="little"),
        at_b("user", 1, depends_on=["big"]),
        at_b("little", 1, depends_on=["user"]),
        sites=TIGHT,
    )

    assert result.plan is not None
    assert {s.name: s.depends_on for s in result.plan.services} == {
        "user": (),
        "little": ("user",),
    }
