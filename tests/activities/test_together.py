"""One activity for many steps: what it promises when its worker is lost, late or too talkative."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from temporalio.testing import ActivityEnvironment

from holdfast.activities.action import Action, Call, Probed, Undo
from holdfast.activities.telling import MOST_BYTES
from holdfast.activities.together import TAKEN_FOR_DEAD_S, together_activity
from holdfast.activities.urgency import USUAL_TIER, tier_now
from holdfast.workflows.model.document import Document
from holdfast.workflows.model.step import ApplyInput, Evidence, FencingToken, Observation
from holdfast.workflows.model.together import StepEnd, StepToApply, TogetherInput


class Nothing(Document):
    """No inputs."""


class Recorder(Action[Nothing]):
    """Records which steps it was asked for; one of them may block its whole process."""

    name: ClassVar[str] = "test.record"
    inputs_model = Nothing

    def __init__(self, *, blocks: str = "", evidence: str = "") -> None:
        self.applied: list[str] = []
        self.tiers: list[int] = []
        self._blocks = blocks
        self._evidence = evidence

    async def probe(self, steps: Sequence[Probed[Nothing]]) -> Sequence[Observation]:
        raise AssertionError("nobody asks")

    async def apply(self, call: Call[Nothing]) -> Evidence:
        self.applied.append(call.step)
        self.tiers.append(tier_now())
        if call.step == self._blocks:
            time.sleep(TAKEN_FOR_DEAD_S + 0.1)  # noqa: ASYNC251
        return Evidence(changed=True, sentence="done", details={"said": self._evidence})

    async def revert(self, undo: Undo[Nothing]) -> Evidence:
        raise AssertionError("nobody asks")


def chain(length: int, run: str = Recorder.name) -> TogetherInput:
    """Steps that follow one another."""
    steps = [
        StepToApply(
            run=run,
            apply=ApplyInput(
                step=f"s/{number}",
                inputs={},
                before_image=None,
                token=FencingToken(epoch=1, sequence=number, run="run", key=f"run/s/{number}"),
                timeout=timedelta(seconds=20),
            ),
            needs=(f"s/{number - 1}",) if number else (),
        )
        for number in range(length)
    ]
    return TogetherInput(number=1, steps=tuple(steps))


async def ends(action: Recorder, request: TogetherInput, *, attempt: int = 1) -> list[StepEnd]:
    """What one attempt answers."""
    environment = ActivityEnvironment()
    environment.info = ActivityEnvironment.default_info().__class__(
        **{**ActivityEnvironment.default_info().__dict__, "attempt": attempt}
    )
    progress = await environment.run(together_activity([action]), request)
    assert progress.number == request.number
    return list(progress.ends)


async def test_every_step_is_applied_after_what_it_needs() -> None:
    action = Recorder()
    answered = await ends(action, chain(5))

    assert action.applied == [f"s/{number}" for number in range(5)]
    assert all(end.evidence for end in answered)


async def test_each_step_waits_for_a_system_at_its_own_tier() -> None:
    action, request = Recorder(), chain(4)
    steps = [
        step.model_copy(update={"tier": tier})
        for step, tier in zip(request.steps, (1, 4, None, 0), strict=True)
    ]
    await ends(action, request.model_copy(update={"steps": tuple(steps)}))

    assert action.tiers == [1, 4, USUAL_TIER, 0]


async def test_an_attempt_after_a_lost_worker_applies_nothing_and_denies_nothing() -> None:
    action = Recorder()
    answered = await ends(action, chain(3), attempt=2)

    assert action.applied == []
    assert [end.step for end in answered] == ["s/0", "s/1", "s/2"]
    assert all(end.began and not end.evidence and not end.failure for end in answered)


async def test_a_process_that_stood_still_begins_nothing_more() -> None:
    action = Recorder(blocks="s/1")
    answered = await ends(action, chain(4))

    assert action.applied == ["s/0", "s/1"]
    assert [bool(end.began) for end in answered] == [True, True, False, False]


async def test_a_step_whose_action_is_not_registered_is_not_called_untouched() -> None:
    (first, *_) = await ends(Recorder(), chain(2, run="test.other"))

    assert first.began
    assert first.alone
    assert not first.evidence


async def test_evidence_that_is_too_large_sends_its_step_to_an_activity_of_its_own() -> None:
    (end, *_) = await ends(Recorder(evidence="x" * MOST_BYTES), chain(1))

    assert end.evidence is None
    assert end.alone
