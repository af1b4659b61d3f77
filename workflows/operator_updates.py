"""What operators may ask of a running recovery, as updates with validators.

A validator refuses before anything is written to the history; the update itself only records and
returns, so that nobody ever waits inside one.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from .model.consent import Approve, Reject
    from .model.recovery import Accepted, Intervention, StepIntervention
    from .saga.messages import Intervention as SagaIntervention
    from .saga.messages import (
        PauseRequested,
        ResumeRequested,
        RetryRequested,
        RollbackRequested,
        SkipRequested,
        UngracefulRequested,
    )


class OperatorUpdates:
    """The updates of a recovery; the workflow says what becomes of them."""

    @workflow.update(description="Start no new step; what runs goes on")
    def pause(self, asked: Intervention) -> Accepted:
        """Start nothing new until resumed."""
        return self._intervene(PauseRequested(asked.actor, asked.reason))

    @workflow.update(description="Let a paused recovery go on")
    def resume(self, asked: Intervention) -> Accepted:
        """Go on after a pause."""
        return self._intervene(ResumeRequested(asked.actor, asked.reason))

    @workflow.update(description="Try a held step again")
    def retry_step(self, asked: StepIntervention) -> Accepted:
        """Try a held step again, after a fresh look at its resource."""
        return self._intervene(RetryRequested(asked.actor, asked.reason, asked.step))

    @workflow.update(description="Pass a step over, as if it were done")
    def skip_step(self, asked: StepIntervention) -> Accepted:
        """Pass a step over; if it runs, it is stopped first."""
        return self._intervene(SkipRequested(asked.actor, asked.reason, asked.step))

    @workflow.update(description="Undo everything that was done")
    def roll_back(self, asked: Intervention) -> Accepted:
        """Undo everything; refused once a pivot has been passed."""
        return self._intervene(RollbackRequested(asked.actor, asked.reason))

    @workflow.update(description="Give up what only a living source can do; go on with the rest")
    def go_ungraceful(self, asked: Intervention) -> Accepted:
        """Pass over the drains and syncs that are left."""
        return self._intervene(UngracefulRequested(asked.actor, asked.reason))

    @workflow.update(description="Agree to the plan that waits for approval")
    def approve(self, answer: Approve) -> Accepted:
        """Agree to one plan, in answer to one request."""
        return self._answer(answer)

    @workflow.update(description="Refuse the plan that waits for approval")
    def reject(self, answer: Reject) -> Accepted:
        """Have the run end with nothing changed."""
        return self._answer(answer)

    @workflow.update(description="Give up the way back, and end the recovery")
    def commit(self, asked: Intervention) -> Accepted:
        """End the commit window."""
        return self._commit(asked)

    @pause.validator
    def _may_pause(self, asked: Intervention) -> None:
        self._check(PauseRequested(asked.actor, asked.reason))

    @resume.validator
    def _may_resume(self, asked: Intervention) -> None:
        self._check(ResumeRequested(asked.actor, asked.reason))

    @retry_step.validator
    def _may_retry(self, asked: StepIntervention) -> None:
        self._check(RetryRequested(asked.actor, asked.reason, asked.step))

    @skip_step.validator
    def _may_skip(self, asked: StepIntervention) -> None:
        self._check(SkipRequested(asked.actor, asked.reason, asked.step))

    @roll_back.validator
    def _may_roll_back(self, asked: Intervention) -> None:
        self._check(RollbackRequested(asked.actor, asked.reason))

    @go_ungraceful.validator
    def _may_go_ungraceful(self, asked: Intervention) -> None:
        self._check(UngracefulRequested(asked.actor, asked.reason))

    @approve.validator
    def _may_approve(self, answer: Approve) -> None:
        self._check_answer(answer)

    @reject.validator
    def _may_reject(self, answer: Reject) -> None:
        self._check_answer(answer)

    @commit.validator
    def _may_commit(self, asked: Intervention) -> None:
        self._check_commit(asked)

    def _check_answer(self, answer: Approve | Reject) -> None:
        """Raise ApplicationError if the answer cannot be taken now."""
        raise NotImplementedError

    def _answer(self, answer: Approve | Reject) -> Accepted:
        """Take the answer."""
        raise NotImplementedError

    def _check_commit(self, asked: Intervention) -> None:
        """Raise ApplicationError if there is nothing to commit."""
        raise NotImplementedError

    def _commit(self, asked: Intervention) -> Accepted:
        """Give up the way back."""
        raise NotImplementedError

    def _check(self, event: SagaIntervention) -> None:
        """Raise ApplicationError if the request cannot be met now."""
        raise NotImplementedError

    def _intervene(self, event: SagaIntervention) -> Accepted:
        """Do what was asked."""
        raise NotImplementedError


def refuse(because: str | None) -> None:
    """Refuse what was asked, if there is a reason to.

    Raises:
        ApplicationError: of the type `Refused`; its message is the reason.
    """
    if because is not None:
        raise ApplicationError(because, type="Refused")
