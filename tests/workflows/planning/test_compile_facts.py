"""What runs elsewhere than the file says, the way home, and the room that a plan needs."""

from holdfast.workflows.model.coordination import Booking, Fact, Facts
from holdfast.workflows.model.recovery import Action, Mode
from support.compiling import compiled, plan, service


def away(**locations: str) -> Facts:
    return Facts(version=7, locations=locations)


def test_a_service_that_has_moved_away_is_not_recovered_from_its_own_site() -> None:
    made = plan(service("s"), service("t"), facts=away(s="b"))

    assert list(made.services) == ["t"]


def test_a_service_that_has_moved_here_is_recovered_with_those_at_home() -> None:
    made = plan(
        service("s"), service("t", site="b", recovery_sites=["c"]), site="b", facts=away(s="b")
    )

    assert {name: (s.source, s.target) for name, s in made.services.items()} == {
        "s": ("b", "c"),
        "t": ("b", "c"),
    }
    assert made.steps["s/fence"].inputs["context"] == "ctx-b"


def test_a_site_whose_services_are_all_away_says_where_they_went() -> None:
    assert compiled(service("s"), mode=Mode.PLANNED, facts=away(s="b")).refusals == (
        "no service at a has a recovery; there is nothing to do; its own services run elsewhere: "
        "s at b",
    )


def test_a_site_that_another_recovery_holds_for_lost_takes_nothing() -> None:
    assert plan(service("s"), facts=Facts(lost=("b",))).services["s"].target == "c"


def test_a_site_that_was_recovered_and_has_not_come_back_takes_nothing() -> None:
    facts = Facts(unfenced=(Fact(service="t", site="b", fenced=False),))

    assert plan(service("s"), facts=facts).services["s"].target == "c"


def test_a_failback_brings_home_what_runs_elsewhere_and_nothing_else() -> None:
    made = plan(
        service("s"),
        service("t"),
        service("u", site="b", recovery_sites=["a"]),
        action=Action.FAIL_BACK,
        mode=Mode.PLANNED,
        facts=away(s="c", u="a"),
    )

    assert {name: (s.source, s.target) for name, s in made.services.items()} == {"s": ("c", "a")}
    assert made.steps["s/fence"].inputs["context"] == "ctx-c"
    assert made.steps["s/scale"].inputs["context"] == "ctx-a"


def test_nothing_is_brought_home_where_everything_is() -> None:
    assert compiled(service("s"), action=Action.FAIL_BACK).refusals == (
        "every service of a is at home; there is nothing to bring back",
    )


def test_nothing_is_brought_home_to_where_it_may_still_run() -> None:
    facts = Facts(
        locations={"s": "b", "t": "b"},
        unfenced=(Fact(service="s", site="a"), Fact(service="t", site="c")),
    )

    assert compiled(service("s"), service("t"), action=Action.FAIL_BACK, facts=facts).refusals == (
        "s may still run at a: it was never fenced there; fence it first",
    )


def test_a_service_at_a_site_that_the_file_lacks_cannot_be_brought_home() -> None:
    refusals = compiled(service("s"), action=Action.FAIL_BACK, facts=away(s="x")).refusals

    assert refusals == ("s runs at x, which is no site of small; add the site to the estate file",)


def test_steps_go_to_the_workers_of_the_site_they_act_on() -> None:
    made = plan(service("s"), sites={"b": {"task_queue": "queue-b"}})

    assert {id: step.task_queue for id, step in made.steps.items()} == {
        "s/fence": None,
        "s/scale": "queue-b",
        "s/shift": "queue-b",
    }


def test_a_plan_comes_with_the_room_that_it_needs() -> None:
    result = compiled(
        service("s", demand={"cpu": 2}),
        service("r", site="b", demand={"cpu": 3}),
        service("t", recovery_sites=["c"]),
        sites={"b": {"capacity": {"cpu": 8}}},
        facts=Facts(version=7),
    )

    assert result.plan is not None
    reservation = result.reservation
    assert reservation is not None
    assert reservation.plan_hash == result.plan.hash
    assert reservation.bookings == (
        Booking(service="s", site="b", demand={"cpu": "2"}),
        Booking(service="t", site="c"),
    )
    assert reservation.room == {"b": {"cpu": "5"}}
    assert (reservation.frees, reservation.seen, reservation.epoch_at_least) == ((), 7, 1)


def test_a_test_takes_room_while_it_lasts() -> None:
    result = compiled(service("s", demand={"cpu": 2}), mode=Mode.TEST)

    assert result.reservation is not None
    assert [booking.site for booking in result.reservation.bookings] == ["b"]


def test_where_there_is_no_plan_there_is_no_reservation() -> None:
    assert compiled(service("s"), lost_sites=("b", "c")).reservation is None
