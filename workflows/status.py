"""What others see of a recovery: its status and its report."""

import json
from collections.abc import Iterator
from datetime import datetime

from .model.consent import RtoClockStatus
from .model.recovery import (
    Condition,
    ConditionType,
    Outcome,
    Progress,
    RecoveryReport,
    RecoveryStatus,
    ServiceOutcome,
    ServiceReport,
    StepReport,
    StepState,
)
from .model.step import Observation
from .saga.durations import finish_times
from .saga.graph import PlanGraph
from .saga.saga import Saga
from .saga.step_run import StepRun
from .story import Story

MOST_EVIDENCE = 500_000
"""Bytes; with more, a report leaves the evidence to what history holds of each step. Temporal takes
2 MB, and a report that does not fit would keep its run from ever ending."""
MOST_PROSE = 1_000
"""Steps; a larger report says only of those that are not simply applied how they stand."""


def report(story: Story, at: datetime) -> RecoveryReport:
    """How the run ended."""
    return RecoveryReport.model_validate(dict(status(story, at)))


def status(story: Story, at: datetime) -> RecoveryStatus:
    """How the run stands."""
    graph = story.graph
    predicted = _predicted(story, graph) if graph else {}
    took = _took(story.saga) if story.saga else {}
    services = tuple(_services(story, graph, predicted)) if graph else ()
    progress, waits_for = story.progress()
    clock = story.clock.status(story.ended_at or at)
    return RecoveryStatus(
        workflow_id=story.workflow_id,
        run_id=story.run_id,
        estate=story.request.estate.name,
        site=story.request.site,
        action=story.request.action,
        mode=story.request.mode,
        phase=story.phase,
        progress=progress,
        waits_for=waits_for,
        conditions=tuple(_conditions(story)),
        outcome=story.outcome or _outcome_so_far(story, progress),
        incident=story.admission.incident if story.admission else story.request.incident,
        sentence=story.last_sentence,
        prediction=story.prediction,
        plan_hash=graph.plan.hash if graph else None,
        epoch=story.epoch,
        started_at=story.started_at,
        ended_at=story.ended_at,
        services=services,
        steps=tuple(_steps(story, graph)) if graph else (),
        residue=tuple(story.saga.rollback.residue) if story.saga else (),
        left_out=graph.plan.left_out if graph else (),
        unfenced=tuple(_unfenced(story.saga)) if story.saga else (),
        approval=story.approval.status() if story.approval else None,
        commit=story.commit.status() if story.commit else None,
        rto=clock,
        test_passed=story.test_passed,
        log=tuple(story.log),
        predicted_recovery_time_s=max(predicted.values(), default=None),
        actual_recovery_time_s=_actual(story, clock),
        critical_path_s=(
            max(finish_times(graph, took).values(), default=None) if graph and took else None
        ),
    )


def _unfenced(saga: Saga) -> Iterator[str]:
    """Fences that are owed; what is brought back is to run at its source."""
    for id, run in saga.source.unfenced.items():
        if run.step.service not in saga.rollback.services:
            yield id


def _outcome_so_far(story: Story, progress: Progress) -> Outcome | None:
    if progress in (Progress.OPERATOR, Progress.APPROVAL):
        return Outcome.HELD
    if progress is not Progress.COMMIT or story.commit is None or story.saga is None:
        return None
    commits = story.commit.status().on_timeout == "commit"
    return story.saga.outcome if commits else Outcome.HELD


def _actual(story: Story, clock: RtoClockStatus) -> float | None:
    """From detection until all was verified; null unless it was."""
    saga = story.saga
    if saga is None or clock.verified_at is None or saga.outcome is not Outcome.RECOVERED:
        return None
    return (clock.verified_at - clock.detected_at).total_seconds()


def _predicted(story: Story, graph: PlanGraph) -> dict[str, float]:
    expected = {
        id: seen.expected_duration.total_seconds()
        for id, seen in story.observations.items()
        if seen.expected_duration is not None
    }
    return finish_times(graph, expected) if expected else {}


def _took(saga: Saga) -> dict[str, float]:
    return {
        id: (run.ended_at - run.started_at).total_seconds()
        for id, run in saga.steps.items()
        if run.started_at and run.ended_at and run.state is StepState.APPLIED
    }


def _conditions(story: Story) -> Iterator[Condition]:
    if story.epoch is not None:
        yield Condition(
            type=ConditionType.QUALIFIED,
            status=not story.refusals,
            reason="Refused" if story.refusals else "Probed",
            message="; ".join(story.refusals[:3]) or "every step was probed and may be applied",
        )
    saga = story.saga
    if saga is None:
        return
    stays = saga.rollback.refusal(list(saga.graph.services))
    yield Condition(
        type=ConditionType.REVERSIBLE,
        status=stays is None,
        reason="PivotPassed" if stays else "BeforeImagesKept",
        message=stays or "every step that was done can be undone",
    )
    if saga.paused_by:
        by = saga.paused_by
        yield Condition(
            type=ConditionType.PAUSED,
            status=True,
            reason="Operator",
            message=f"{by.actor}: {by.reason}",
        )
    for step in story.held:
        yield Condition(
            type=ConditionType.HELD,
            status=True,
            reason=step,
            message=saga.steps[step].sentence,
        )
    if saga.rollback.services:
        yield Condition(
            type=ConditionType.ROLLING_BACK,
            status=True,
            reason="Compensation",
            message=f"undone are {', '.join(saga.rollback.services)}",
        )


def _steps(story: Story, graph: PlanGraph) -> Iterator[StepReport]:
    with_evidence = _evidence_bytes(story) <= MOST_EVIDENCE
    with_prose = len(graph.steps) <= MOST_PROSE
    for id, step in graph.steps.items():
        seen = story.observations.get(id)
        run = story.saga.steps[id] if story.saga else None
        state = run.state if run else _unstarted(story)
        tells = with_prose or state is not StepState.APPLIED
        yield StepReport(
            service=step.service,
            id=id.removeprefix(f"{step.service}/"),
            run=step.run,
            site=step.site,
            state=state,
            sentence=_sentence(run, seen) if tells else "",
            attempts=run.attempts if run else 0,
            graceful=step.graceful,
            qualification=seen.qualification if seen else None,
            change=seen.change if seen and tells else "",
            started_at=run.started_at if run else None,
            ended_at=run.ended_at if run else None,
            expected_duration=seen.expected_duration if seen else None,
            evidence=run.evidence.details if run and run.evidence and with_evidence else {},
        )


def _evidence_bytes(story: Story) -> int:
    runs = story.saga.steps.values() if story.saga else ()
    return sum(len(json.dumps(run.evidence.details)) for run in runs if run.evidence)


def _sentence(run: StepRun | None, seen: Observation | None) -> str:
    if run is not None:
        return run.sentence
    return seen.reason if seen is not None else "not looked at yet"


def _unstarted(story: Story) -> StepState:
    return StepState.PENDING if story.outcome is None else StepState.NOT_RUN


def _services(
    story: Story, graph: PlanGraph, predicted: dict[str, float]
) -> Iterator[ServiceReport]:
    detected = story.detected_at
    for service in graph.services.values():
        ids = graph.steps_of[service.name]
        outcome = story.service_outcome(service.name)
        actual = None
        if outcome is ServiceOutcome.RECOVERED and story.saga:
            ends = [run.ended_at for run in _runs(story.saga, ids) if run.ended_at]
            actual = (max(ends) - detected).total_seconds() if ends else None
        rto = service.rto.total_seconds() if service.rto else None
        yield ServiceReport(
            name=service.name,
            tier=service.tier,
            source=service.source,
            target=service.target,
            placement=service.placement,
            outcome=outcome,
            rto_s=rto,
            predicted_recovery_time_s=max((predicted.get(id, 0.0) for id in ids), default=None),
            actual_recovery_time_s=actual,
            within_rto=None if actual is None or rto is None else actual <= rto,
        )


def _runs(saga: Saga, ids: list[str]) -> list[StepRun]:
    return [saga.steps[id] for id in ids]
