"""Whatever is said, in any order and spelling: what is approved had enough people's consent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from holdfast.workflows.consent.approvals import ApprovalRequest
from holdfast.workflows.model.consent import ApprovalState, Approve, Reject
from holdfast.workflows.model.policy import Approval, ApprovalPolicy

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
PLAN, REQUEST = "3f9a" * 16, "r-2"
PEOPLE = ("ana", "bo", "cy", "di")
REQUESTER = 0
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    lambda name: f"  {name}\t",
    lambda name: "".join(chr(ord(char) + 0xFEE0) for char in name),
    lambda name: "\u200d".join(name),
    lambda name: f"\u202a{name}\u202c",
)


@dataclass(frozen=True)
class Said:
    """Something that a person tries, some time after the last try."""

    person: int
    spelling: int
    after_s: int
    rejects: bool
    right_plan: bool
    right_request: bool
    glass: bool
    good_reason: bool
    told_time: bool

    def message(self) -> Approve | Reject:
        actor = SPELLINGS[self.spelling](PEOPLE[self.person])
        reason = "the plant burns" if self.good_reason else "ok"
        if self.rejects:
            return Reject(actor=actor, reason=reason)
        return Approve(
            actor=actor,
            reason=reason,
            plan_hash=PLAN if self.right_plan else "77aa" * 16,
            request=REQUEST if self.right_request else "r-1",
            break_glass=self.glass,
        )


MOSTLY = st.sampled_from([True, True, True, False])
RARELY = MOSTLY.map(lambda mostly: not mostly)
SAID = st.builds(
    Said,
    person=st.integers(0, len(PEOPLE) - 1),
    spelling=st.integers(0, len(SPELLINGS) - 1),
    after_s=st.sampled_from([0, 1, 100, 599, 600, 1500]),
    rejects=st.sampled_from([False] * 9 + [True]),
    right_plan=MOSTLY,
    right_request=MOSTLY,
    glass=RARELY,
    good_reason=MOSTLY,
    told_time=st.booleans(),
)
POLICY = st.builds(
    ApprovalPolicy,
    expires_after=st.sampled_from(["10m", "1h"]),
    on_timeout=st.sampled_from(["reject", "approve"]),
    escalate_after=st.sampled_from([None, "5m", "2h"]),
)
FIRST = Said(1, 0, 1, False, True, True, False, True, True)


def justified(
    request: ApprovalRequest,
    policy: ApprovalPolicy,
    needed: int,
    tries: list[tuple[Said, datetime]],
) -> bool:
    """Whether what was said bears an approval out, judged without the request's own rules."""
    expires_at = AT + policy.expires_after
    good = [
        (said, at)
        for said, at in tries
        if not said.rejects and said.right_plan and said.right_request and at < expires_at
    ]
    if request.status().break_glass:
        return any(said.glass and said.good_reason for said, _ in good)
    given = {said.person for said, _ in good if not said.glass and said.person != REQUESTER}
    by_policy = policy.on_timeout == "approve" and "by the policy" in request.sentence
    return len(given) >= needed or by_policy


@settings(max_examples=1000, deadline=None)
@example(ApprovalPolicy(), Approval.TWO, [FIRST, FIRST])
@given(POLICY, st.sampled_from([Approval.ONE, Approval.TWO]), st.lists(SAID, max_size=14))
def test_what_is_approved_was_approved_by_enough_others_in_time_for_this_plan_and_request(
    policy: ApprovalPolicy, needed: Approval, script: list[Said]
) -> None:
    request = ApprovalRequest(policy, needed, PEOPLE[REQUESTER], PLAN, REQUEST, AT)
    tries: list[tuple[Said, datetime]] = []
    at, decided = AT, None
    for said in script:
        at += timedelta(seconds=said.after_s)
        if said.told_time:
            request.at_time(at)
        before = request.status()
        refusal = request.refusal(said.message(), at)
        assert request.status() == before, "a validator changes nothing"
        if request.state is not ApprovalState.PENDING:
            assert refusal, "what is decided stays so"
        if refusal is None:
            assert at < AT + policy.expires_after
            request.take(said.message(), at)
        tries.append((said, at))
        if decided is not None:
            assert request.status() == decided
        elif request.state is not ApprovalState.PENDING:
            decided = request.status()
    event(f"{needed}: {request.state}{' by glass' if request.status().break_glass else ''}")

    if request.state is ApprovalState.APPROVED:
        people = {"one": 1, "two": 2}[needed]
        assert justified(request, policy, people, tries)
        status = request.status()
        assert status.break_glass == (status.review is not None)
        assert all(AT <= each.at < AT + policy.expires_after for each in status.given)
        if not status.break_glass and "by the policy" not in request.sentence:
            last = status.given[-1].at
            assert len(status.given) == people
            assert all(last - each.at < policy.expires_after for each in status.given)
    if request.state is ApprovalState.REJECTED:
        assert any(said.rejects for said, _ in tries)
    if request.state is ApprovalState.EXPIRED:
        assert at >= AT + policy.expires_after
        assert policy.on_timeout == "reject"


@given(POLICY, st.permutations([1, 2, 3]), st.integers(0, len(SPELLINGS) - 1))
def test_enough_people_in_time_are_enough_in_any_order_and_spelling(
    policy: ApprovalPolicy, order: list[int], spelling: int
) -> None:
    request = ApprovalRequest(policy, Approval.TWO, PEOPLE[REQUESTER], PLAN, REQUEST, AT)
    for person in order[:2]:
        said = Said(person, spelling, 0, False, True, True, False, True, True)
        request.take(said.message(), AT + timedelta(minutes=person))
    assert request.state is ApprovalState.APPROVED
