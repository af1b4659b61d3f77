"""Asks people whether a plan may be carried out, and waits for what they say."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .consent.approvals import ApprovalRequest
    from .model.consent import ApprovalState, Approve, Reject
    from .model.plan import RecoveryPlan
    from .model.policy import Approval, ApprovalPolicy
    from .model.recovery import Action, Mode, Phase, RecoveryRequest
    from .story import Story

MOMENT = timedelta(milliseconds=1)


class AskingPeople:
    """The approval of one run's plan."""

    def __init__(
        self, story: Story, enter: Callable[[Phase], None], say: Callable[[str, str | None], None]
    ) -> None:
        self._story = story
        self._enter = enter
        self._say = say

    @property
    def were_asked(self) -> bool:
        """The policy wanted people to agree."""
        return self._story.approval is not None

    @property
    def refused(self) -> bool:
        """People were asked, and the run must not go on."""
        asked = self._story.approval
        return asked is not None and asked.state in (
            ApprovalState.REJECTED,
            ApprovalState.EXPIRED,
        )

    def lapsed(self) -> bool:
        """What was approved is too old to act on; it is said, and is to be asked for again."""
        asked = self._story.approval
        said = asked.lapsed(workflow.now()) if asked is not None else None
        if said is not None:
            self._say(said, None)
        return said is not None

    async def agree(self, plan: RecoveryPlan) -> bool:
        """Ask, if the policy wants it, and wait; whether people were asked and agreed."""
        request = self._story.request
        policy = request.estate.policy.approval
        needed = needed_approval(policy, request)
        if needed is Approval.NONE:
            return False
        asked = ApprovalRequest(
            policy, needed, request.actor, plan.hash, str(workflow.uuid4()), workflow.now()
        )
        self._story.approval = asked
        self._enter(Phase.APPROVING)
        self._say(self._story.asks_for(asked), None)
        while asked.state is ApprovalState.PENDING:
            deadline = asked.next_deadline
            try:
                await workflow.wait_condition(
                    lambda: asked.state is not ApprovalState.PENDING,
                    timeout=max(deadline - workflow.now(), MOMENT) if deadline else None,
                    timeout_summary="until the approval escalates or expires",
                )
            except TimeoutError:
                for sentence in asked.at_time(workflow.now()):
                    self._say(sentence, None)
                self._enter(Phase.APPROVING)
        return asked.state is ApprovalState.APPROVED

    def refusal(self, event: Approve | Reject) -> str | None:
        """Why what a person says cannot be taken now; None if it can."""
        asked = self._story.approval
        if asked is None:
            return f"nothing waits for an approval: the run is {self._story.phase}"
        return asked.refusal(event, workflow.now())

    def take(self, event: Approve | Reject) -> None:
        """Take what a person says."""
        assert self._story.approval is not None
        for sentence in self._story.approval.take(event, workflow.now()):
            self._say(sentence, event.actor)


def needed_approval(policy: ApprovalPolicy, request: RecoveryRequest) -> Approval:
    """Who must agree to what is asked."""
    if request.action is Action.FAIL_BACK:
        return policy.failback
    if request.mode is Mode.PLANNED:
        return policy.planned
    return policy.test if request.mode is Mode.TEST else policy.unplanned
