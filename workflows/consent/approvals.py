"""One request for approval: who may answer it, what an answer does, and what silence does.

An approval is bound to the plan that was looked at and to the request that it answers, and it
counts for a time. Who asked for the recovery never approves it, nobody counts twice, and a request
is decided once. A person alone can break the glass: that is a decision that somebody must review.
"""

from datetime import datetime, timedelta

from ..model.consent import (
    ApprovalState,
    ApprovalStatus,
    Approve,
    GivenApproval,
    Reject,
    Review,
)
from ..model.policy import Approval, ApprovalPolicy
from ..model.scalars import format_duration
from .identity import identity, same_person
from .moments import moment

ESTATE_OWNER = "the estate's owner"
"""Who is asked where the policy names nobody."""
REVIEW_WITHIN = timedelta(hours=24)
SHORTEST_EMERGENCY = 10
"""Characters; less is no reason to break the glass for."""

_PEOPLE = {Approval.NONE: 0, Approval.ONE: 1, Approval.TWO: 2}


class ApprovalRequest:
    """A request for approval, from its asking to its decision."""

    def __init__(
        self,
        policy: ApprovalPolicy,
        needed: Approval,
        requester: str,
        plan_hash: str,
        request: str,
        at: datetime,
    ) -> None:
        """Ask at a time; `request` is a word that no other request has.

        Where none is `needed`, it is approved at once.
        """
        self._policy = policy
        self._needed = needed
        self._requester = requester
        self._plan_hash = plan_hash
        self._request = request
        self._asked_at = at
        self._given: list[GivenApproval] = []
        self._escalated_to: str | None = None
        self._broken_glass = False
        self._review: Review | None = None
        self._decided_at: datetime | None = None
        self.state = ApprovalState.PENDING
        self.sentence = self._waiting()
        """What is waited for, or how it was decided."""
        if needed is Approval.NONE:
            self._decide(ApprovalState.APPROVED, at, "no approval is needed")

    @property
    def expires_at(self) -> datetime:
        """When it is decided by the policy, if nobody has decided it before."""
        return self._asked_at + self._policy.expires_after

    @property
    def next_deadline(self) -> datetime | None:
        """When `at_time` has something to say; none once it is decided."""
        if self.state is not ApprovalState.PENDING:
            return None
        escalates_at = self._escalates_at
        return self.expires_at if escalates_at is None else min(escalates_at, self.expires_at)

    @property
    def lapses_at(self) -> datetime | None:
        """Until when an approval counts: what has not begun by then must be asked for again."""
        if self.state is not ApprovalState.APPROVED or self._needed is Approval.NONE:
            return None
        given = [each.at for each in self._given]
        assert self._decided_at is not None
        return min([*given, self._decided_at]) + self._policy.expires_after

    def lapsed(self, at: datetime) -> str | None:
        """Why an approval counts no more, or none if it does, or was never given."""
        lapses_at = self.lapses_at
        if lapses_at is None or at < lapses_at:
            return None
        return (
            f"the approval of plan {self._short} counted until"
            f" {moment(lapses_at, seen_from=at)}: it must be asked for again"
        )

    def refusal(self, event: Approve | Reject, at: datetime) -> str | None:
        """Why an answer cannot be taken now; none if it can. Nothing is changed."""
        if late := self._too_late(at):
            return late
        if not identity(event.actor):
            return "an answer needs the name of a person"
        if isinstance(event, Reject):
            return None
        if event.plan_hash != self._plan_hash:
            return (
                f"the plan has changed since: it is now {self._short}; look at it, then approve it"
            )
        if event.request != self._request:
            return (
                "that approval was for another request than the one that waits: look at"
                " `holdfast status`, then approve what is asked now"
            )
        if event.break_glass:
            return _weak_emergency(event.reason)
        if same_person(event.actor, self._requester):
            return (
                f"{event.actor} asked for it and cannot approve it: {self._others()} must,"
                " or break the glass in an emergency"
            )
        if any(same_person(event.actor, each.actor) for each in self._given):
            return f"{event.actor} has approved already: {self._others()} must too"
        return None

    def take(self, event: Approve | Reject, at: datetime) -> tuple[str, ...]:
        """Take an answer, and say what it did.

        Raises:
            ValueError: it cannot be taken; `refusal` says so before.
        """
        refusal = self.refusal(event, at)
        if refusal is not None:
            raise ValueError(refusal)
        if isinstance(event, Reject):
            return self._decide(
                ApprovalState.REJECTED,
                at,
                f"{event.actor} rejects plan {self._short}: {event.reason}; nothing is changed",
            )
        self._given.append(GivenApproval(actor=event.actor, at=at, reason=event.reason))
        if event.break_glass:
            return self._break_glass(event, at)
        said = f"{event.actor} approves plan {self._short}: {event.reason}"
        if self._missing == 0:
            return self._decide(ApprovalState.APPROVED, at, said)
        self.sentence = self._waiting()
        return (f"{said}; {self._others()} must too",)

    def at_time(self, at: datetime) -> tuple[str, ...]:
        """Do what is due at a time, once, and say it."""
        if self.state is not ApprovalState.PENDING:
            return ()
        if at >= self.expires_at:
            return self._time_out(at)
        escalates_at = self._escalates_at
        if escalates_at is None or at < escalates_at:
            return ()
        self._escalated_to = self._policy.escalate_to or ESTATE_OWNER
        waited = format_duration(escalates_at - self._asked_at)
        self.sentence = self._waiting()
        return (f"not approved within {waited}: {self._escalated_to} is asked too",)

    def asking(self, workflow_id: str) -> str:
        """The request in one sentence, with what to type."""
        return (
            f"{self._waiting()}: holdfast approve {workflow_id} --reason R,"
            f" or holdfast reject {workflow_id} --reason R"
        )

    def status(self) -> ApprovalStatus:
        """The request, as it stands."""
        return ApprovalStatus(
            needed=self._needed,
            given=tuple(self._given),
            requester=self._requester,
            plan_hash=self._plan_hash,
            request=self._request,
            asked_at=self._asked_at,
            expires_at=self.expires_at,
            escalated_to=self._escalated_to,
            state=self.state,
            sentence=self.sentence,
            break_glass=self._broken_glass,
            review=self._review,
        )

    @property
    def _short(self) -> str:
        return self._plan_hash[:12]

    @property
    def _missing(self) -> int:
        return _PEOPLE[self._needed] - len(self._given)

    @property
    def _escalates_at(self) -> datetime | None:
        if self._policy.escalate_after is None or self._escalated_to is not None:
            return None
        return self._asked_at + self._policy.escalate_after

    def _waiting(self) -> str:
        until = moment(self.expires_at, seen_from=self._asked_at)
        also = f" ({self._escalated_to} is asked too)" if self._escalated_to else ""
        return f"the approval of plan {self._short} by {self._others()}{also}, until {until}"

    def _others(self) -> str:
        people = "two other people" if self._missing == 2 else "another person"
        known = [self._requester, *(each.actor for each in self._given)]
        return f"{people} than {' and '.join(known)}"

    def _too_late(self, at: datetime) -> str | None:
        if self.state is ApprovalState.PENDING and at < self.expires_at:
            return None
        if self.state in (ApprovalState.PENDING, ApprovalState.EXPIRED):
            expired = moment(self.expires_at, seen_from=at)
            return f"the request expired at {expired}: start anew, and it is asked again"
        return f"it is {self.state} already: {self.sentence}"

    def _break_glass(self, event: Approve, at: datetime) -> tuple[str, ...]:
        self._broken_glass = True
        owner = self._policy.escalate_to or ESTATE_OWNER
        self._review = Review(owner=owner, due=at + REVIEW_WITHIN)
        return self._decide(
            ApprovalState.APPROVED,
            at,
            f"{event.actor} breaks the glass and approves plan {self._short} alone: {event.reason};"
            f" {owner} must review this by {moment(self._review.due, seen_from=at)}",
        )

    def _time_out(self, at: datetime) -> tuple[str, ...]:
        waited = format_duration(self._policy.expires_after)
        who = " and ".join(each.actor for each in self._given)
        silence = f"only {who} approved" if who else "nobody approved"
        if self._policy.on_timeout == "approve":
            said = "approved by the policy (approval.on_timeout: approve)"
            return self._decide(ApprovalState.APPROVED, at, f"{silence} within {waited}: {said}")
        said = "the request has expired (approval.on_timeout: reject); nothing is changed"
        return self._decide(ApprovalState.EXPIRED, at, f"{silence} within {waited}: {said}")

    def _decide(self, state: ApprovalState, at: datetime, sentence: str) -> tuple[str, ...]:
        self.state, self._decided_at, self.sentence = state, at, sentence
        return (sentence,)


def _weak_emergency(reason: str) -> str | None:
    if len(" ".join(reason.split())) >= SHORTEST_EMERGENCY:
        return None
    return (
        "to break the glass takes a reason that can be reviewed: write at least"
        f" {SHORTEST_EMERGENCY} characters"
    )
