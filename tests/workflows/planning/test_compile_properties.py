"""What every plan holds to: over random estates, in every mode, with any facts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.model.compiling import CompileResult
from holdfast.workflows.model.coordination import Facts
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import Action, Mode, RecoveryRequest
from holdfast.workflows.model.scalars import quantity_value
from holdfast.workflows.planning import compile_plan
from holdfast.workflows.saga.graph import PlanGraph
from support.estates import facts_of, varied_estates


@st.composite
def asked(draw: st.DrawFn, *modes: Mode) -> tuple[RecoveryRequest, Facts]:
    """Any request of an estate, with any facts."""
    estate = draw(varied_estates())
    facts = draw(facts_of(estate))
    away = [s.site for s in estate.services if facts.locations.get(s.name, s.site) != s.site]
    busy = [facts.locations.get(s.name, s.site) for s in estate.services]
    home = bool(away) and draw(st.booleans())
    request = RecoveryRequest(
        estate=estate,
        site=draw(st.sampled_from(away if home else [*busy, estate.sites[0].name])),
        action=Action.FAIL_BACK if home else Action.RECOVER,
        mode=draw(st.sampled_from(modes or tuple(Mode))),
        dry_run_of=draw(st.sampled_from([Mode.UNPLANNED, Mode.PLANNED])),
    )
    return request, facts


# The first plan of a process loads the solver.
untimed = settings(deadline=None)
Asked = tuple[RecoveryRequest, Facts]


def plan_of(asked: Asked) -> RecoveryPlan | None:
    return compile_plan(*asked).plan


@untimed
@given(asked())
def test_there_is_a_plan_or_a_reason_and_never_both(asked: Asked) -> None:
    result = compile_plan(*asked)

    assert (result.plan is None) == bool(result.refusals)
    assert (result.plan is None) == (result.reservation is None)


@untimed
@given(asked())
def test_every_step_stands_after_the_steps_it_needs_and_those_are_in_the_plan(
    asked: Asked,
) -> None:
    plan = plan_of(asked)
    done: set[str] = set()
    for step in plan.steps if plan else ():
        assert step.id not in done
        assert set(step.needs) <= done
        done.add(step.id)


@untimed
@given(asked())
def test_no_step_starts_before_what_its_service_depends_on_is_back(asked: Asked) -> None:
    plan = plan_of(asked)
    graph = PlanGraph(plan) if plan else None
    for service in plan.services if plan else ():
        assert graph is not None
        for dependency in service.depends_on:
            gives_way = graph.services[dependency].source == graph.services[dependency].target
            for later in graph.steps_of[service.name]:
                for earlier in graph.steps_of[dependency]:
                    # What makes room is awaited where the room is needed, not before.
                    assert gives_way or graph.follows(later, earlier)


@untimed
@given(asked(Mode.UNPLANNED))
def test_no_unplanned_plan_has_a_graceful_step(asked: Asked) -> None:
    plan = plan_of(asked)

    assert not plan or not any(step.graceful for step in plan.steps)


@untimed
@given(asked(Mode.PLANNED))
def test_a_planned_plan_has_every_step_of_every_service_that_moves(asked: Asked) -> None:
    plan = plan_of(asked)
    if plan is None:
        return
    for service in plan.services:
        if service.source != service.target:
            steps = asked[0].estate.service(service.name).recovery
            planned = {step.id for step in plan.steps if step.service == service.name}
            assert planned == {f"{service.name}/{step.id}" for step in steps}


@untimed
@given(asked(Mode.TEST))
def test_a_test_touches_nothing_but_its_own_copies_at_the_target(asked: Asked) -> None:
    plan = plan_of(asked)
    made: dict[tuple[object, object], str] = {}
    for step in plan.steps if plan else ():
        target = next(s.target for s in plan.services if s.name == step.service) if plan else ""
        assert step.run in ("kubernetes.isolate", "kubernetes.scale")
        assert (step.site, step.inputs["context"]) == (target, f"ctx-{target}")
        if step.run == "kubernetes.isolate":
            copy = (step.inputs["context"], step.inputs["into"])
            assert copy not in made
            made[copy] = step.service
        else:
            assert made[step.inputs["context"], step.inputs["namespace"]] == step.service
            assert step.inputs["namespace"] != step.inputs["copied_from"]
        assert not step.pivot


@untimed
@given(asked())
def test_the_same_request_and_facts_give_the_same_answer_byte_for_byte(asked: Asked) -> None:
    request, facts = asked
    again = request.model_copy(update={"estate": Estate.model_validate(request.estate.document())})

    assert (
        compile_plan(request, facts).model_dump_json()
        == compile_plan(again, Facts.model_validate(facts.model_dump())).model_dump_json()
    )


@untimed
@given(asked(), st.integers(0, 99))
def test_the_version_of_the_facts_alone_changes_no_hash(asked: Asked, version: int) -> None:
    request, facts = asked
    newer = compile_plan(request, facts.model_copy(update={"version": version}))

    assert newer.plan == compile_plan(request, facts).plan
    assert newer.reservation is None or newer.reservation.seen == version


@untimed
@given(asked())
def test_every_service_of_the_site_is_moved_or_said_to_be_left_out(asked: Asked) -> None:
    request, facts = asked
    plan = plan_of(asked)
    if plan is None:
        return
    at = {s.name: facts.locations.get(s.name, s.site) for s in request.estate.services}
    if request.action is Action.FAIL_BACK:
        concerned = {s.name for s in request.estate.services_at(request.site)}
        concerned = {name for name in concerned if at[name] != request.site}
    else:
        concerned = {name for name, site in at.items() if site == request.site}
        if not any(request.estate.service(name).recovery for name in concerned):
            # Nobody is left at a site that is lost again: those who left it are made sure of.
            gone = {s.name for s in request.estate.services_at(request.site)}
            concerned = {name for name in gone if at[name] not in facts.lost}
    moved = {s.name for s in plan.services if s.source != s.target}
    out = {each.service for each in plan.left_out}
    assert not moved & out
    assert moved | out == {n for n in concerned if request.estate.service(n).recovery}


@untimed
@given(asked())
def test_what_a_plan_books_fits_into_the_room_it_says_there_is(asked: Asked) -> None:
    result: CompileResult = compile_plan(*asked)
    if result.plan is None or result.reservation is None:
        return
    estate, reservation = asked[0].estate, result.reservation
    sites = {site.name: site for site in estate.sites}
    moved = [s for s in result.plan.services if s.source != s.target]
    assert [(b.service, b.site) for b in reservation.bookings] == [
        (s.name, s.target) for s in moved
    ]
    for site, room in reservation.room.items():
        booked = sum(
            quantity_value(b.demand["cpu"]) for b in reservation.bookings if b.site == site
        )
        assert sites[site].capacity
        assert booked <= quantity_value(room["cpu"])
