"""What an approval takes, and each way to get one that is not due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.workflows.consent.approvals import ApprovalRequest
from holdfast.workflows.model.consent import ApprovalState, Approve, Reject
from holdfast.workflows.model.policy import Approval, ApprovalPolicy

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLAN, OTHER_PLAN = "3f9a" * 16, "77aa" * 16


def asked(needed: Approval = Approval.ONE, **policy: Any) -> ApprovalRequest:
    """A request that ana made at 03:00 for the plan, numbered `r-2`."""
    return ApprovalRequest(ApprovalPolicy(**policy), needed, "ana", PLAN, "r-2", AT)


def yes(actor: str, **changes: Any) -> Approve:
    """An approval of what waits."""
    said = {"actor": actor, "reason": "looked at it", "plan_hash": PLAN, "request": "r-2"}
    return Approve.model_validate(said | changes)


def no(actor: str) -> Reject:
    return Reject(actor=actor, reason="not tonight")


# What it takes


def test_one_other_person_approves() -> None:
    request = asked()

    said = request.take(yes("bo"), AT + MINUTE)

    assert said == ("bo approves plan 3f9a3f9a3f9a: looked at it",)
    assert request.state is ApprovalState.APPROVED
    assert request.next_deadline is None


def test_four_eyes_take_two_people_besides_the_requester() -> None:
    request = asked(Approval.TWO)

    first = request.take(yes("bo"), AT + MINUTE)
    assert first == (
        "bo approves plan 3f9a3f9a3f9a: looked at it; another person than ana and bo must too",
    )
    assert request.status().state is ApprovalState.PENDING
    request.take(yes("cy"), AT + 2 * MINUTE)

    assert request.state is ApprovalState.APPROVED
    assert [each.actor for each in request.status().given] == ["bo", "cy"]


def test_where_no_approval_is_needed_none_is_waited_for() -> None:
    request = asked(Approval.NONE)

    assert request.state is ApprovalState.APPROVED
    assert (request.next_deadline, request.lapses_at, request.status().given) == (None, None, ())


def test_the_request_says_who_is_waited_for_until_when_and_what_to_type() -> None:
    assert asked(Approval.TWO).asking("site-recovery/acme/lyon") == (
        "the approval of plan 3f9a3f9a3f9a by two other people than ana, until 04:00:00 UTC:"
        " holdfast approve site-recovery/acme/lyon --reason R,"
        " or holdfast reject site-recovery/acme/lyon --reason R"
    )


def test_the_status_hands_out_what_an_approval_must_hand_back() -> None:
    status = asked().status()

    assert (status.plan_hash, status.request, status.requester) == (PLAN, "r-2", "ana")
    assert (status.asked_at, status.expires_at) == (AT, AT + 60 * MINUTE)


# What it refuses


@pytest.mark.parametrize("needed", [Approval.ONE, Approval.TWO])
@pytest.mark.parametrize(
    "spelling", ["ana", "ANA", " Ana ", "ａｎａ", "a\u200bna", "an\u00ada", "ana\ufe0f"], ids=ascii
)
def test_the_requester_cannot_approve_in_any_spelling(needed: Approval, spelling: str) -> None:
    refusal = asked(needed).refusal(yes(spelling), AT)

    assert refusal is not None
    assert "asked for it and cannot approve it" in refusal
    assert "break the glass" in refusal


@pytest.mark.parametrize("spelling", ["bo", "BO", "ｂｏ", "b\u2060o"], ids=ascii)
def test_nobody_counts_twice_in_any_spelling(spelling: str) -> None:
    request = asked(Approval.TWO)
    request.take(yes("bo"), AT)

    refusal = request.refusal(yes(spelling), AT + MINUTE)

    assert refusal == f"{spelling} has approved already: another person than ana and bo must too"


def test_an_approval_of_another_plan_is_refused_and_the_plan_that_waits_is_named() -> None:
    refusal = asked().refusal(yes("bo", plan_hash=OTHER_PLAN), AT)

    assert refusal == (
        "the plan has changed since: it is now 3f9a3f9a3f9a; look at it, then approve it"
    )


def test_a_beginning_of_the_hash_is_not_the_hash() -> None:
    assert asked().refusal(yes("bo", plan_hash=PLAN[:12]), AT) is not None


def test_an_approval_of_an_older_request_is_not_one_of_this_one() -> None:
    refusal = asked().refusal(yes("bo", request="r-1"), AT)

    assert refusal is not None
    assert refusal.startswith("that approval was for another request than the one that waits")


def test_an_approval_that_comes_when_the_request_expires_is_too_late() -> None:
    request = asked()
    last_chance = AT + 60 * MINUTE - timedelta(microseconds=1)

    assert request.refusal(yes("bo"), last_chance) is None
    assert request.refusal(yes("bo"), AT + 60 * MINUTE) == (
        "the request expired at 04:00:00 UTC: start anew, and it is asked again"
    )


def test_what_has_expired_stays_so_after_its_time_was_told() -> None:
    request = asked()
    request.at_time(AT + 60 * MINUTE)

    for event in (yes("bo"), yes("bo", break_glass=True, reason="the plant burns"), no("bo")):
        refusal = request.refusal(event, AT + 61 * MINUTE)
        assert refusal is not None
        assert "expired at 04:00:00 UTC" in refusal


def test_after_a_rejection_nothing_approves_any_more() -> None:
    request = asked(Approval.TWO)
    request.take(yes("bo"), AT)
    said = request.take(no("cy"), AT + MINUTE)

    assert said == ("cy rejects plan 3f9a3f9a3f9a: not tonight; nothing is changed",)
    for event in (yes("di"), yes("di", break_glass=True, reason="the plant burns"), no("di")):
        refusal = request.refusal(event, AT + 2 * MINUTE)
        assert refusal == f"it is rejected already: {said[0]}"
    assert request.at_time(AT + 120 * MINUTE) == ()
    assert request.state is ApprovalState.REJECTED


def test_after_the_approval_nothing_changes_it() -> None:
    request = asked()
    request.take(yes("bo"), AT)

    for event in (yes("cy"), no("cy")):
        refusal = request.refusal(event, AT + MINUTE)
        assert refusal is not None
        assert refusal.startswith("it is approved already: bo approves")
    assert request.at_time(AT + 120 * MINUTE) == ()


def test_a_name_that_does_not_show_answers_nothing() -> None:
    for event in (yes("\u200b"), no("\u200b"), yes("\u3164", break_glass=True)):
        assert asked().refusal(event, AT) == "an answer needs the name of a person"


def test_what_is_refused_cannot_be_taken() -> None:
    request = asked()

    with pytest.raises(ValueError, match="cannot approve it"):
        request.take(yes("ana"), AT)
    assert request.status() == asked().status()


def test_the_requester_may_still_reject() -> None:
    request = asked()
    request.take(no("ana"), AT)
    assert request.state is ApprovalState.REJECTED


# Time


def test_a_request_that_nobody_answered_expires_and_says_that_nothing_is_changed() -> None:
    request = asked()

    assert request.next_deadline == AT + 60 * MINUTE
    assert request.at_time(AT + 59 * MINUTE) == ()
    assert request.at_time(AT + 60 * MINUTE) == (
        "nobody approved within 1h: the request has expired (approval.on_timeout: reject);"
        " nothing is changed",
    )
    assert request.state is ApprovalState.EXPIRED
    assert request.at_time(AT + 61 * MINUTE) == ()


def test_a_half_approved_request_expires_and_names_who_approved() -> None:
    request = asked(Approval.TWO)
    request.take(yes("bo"), AT + 59 * MINUTE)

    (said,) = request.at_time(AT + 60 * MINUTE)

    assert said.startswith("only bo approved within 1h: the request has expired")
    assert request.state is ApprovalState.EXPIRED


def test_a_policy_may_approve_what_nobody_answered_and_its_name_is_in_the_sentence() -> None:
    request = asked(Approval.TWO, on_timeout="approve", expires_after="10m")

    assert request.at_time(AT + 10 * MINUTE) == (
        "nobody approved within 10m: approved by the policy (approval.on_timeout: approve)",
    )
    assert request.state is ApprovalState.APPROVED
    assert request.status().given == ()


def test_after_a_while_others_are_asked_too_once() -> None:
    request = asked(escalate_after="15m", escalate_to="the duty manager")

    assert request.next_deadline == AT + 15 * MINUTE
    assert request.at_time(AT + 15 * MINUTE) == (
        "not approved within 15m: the duty manager is asked too",
    )
    assert request.at_time(AT + 16 * MINUTE) == ()
    assert request.next_deadline == AT + 60 * MINUTE
    assert request.status().escalated_to == "the duty manager"
    assert "(the duty manager is asked too)" in request.sentence


def test_nobody_is_asked_too_when_the_time_is_told_only_after_all_of_it_has_passed() -> None:
    request = asked(escalate_after="15m", escalate_to="the duty manager")

    (said,) = request.at_time(AT + 90 * MINUTE)

    assert "expired" in said
    assert request.status().escalated_to is None


def test_an_approval_counts_for_a_time_from_when_the_first_of_them_was_given() -> None:
    request = asked(Approval.TWO)
    request.take(yes("bo"), AT + 10 * MINUTE)
    assert request.lapsed(AT + 500 * MINUTE) is None
    request.take(yes("cy"), AT + 40 * MINUTE)

    assert request.lapses_at == AT + 70 * MINUTE
    assert request.lapsed(AT + 69 * MINUTE) is None
    assert request.lapsed(AT + 70 * MINUTE) == (
        "the approval of plan 3f9a3f9a3f9a counted until 04:10:00 UTC: it must be asked for again"
    )


# Breaking the glass


@pytest.mark.parametrize("actor", ["ana", "bo"])
def test_one_person_alone_breaks_the_glass_and_a_review_of_it_becomes_due(actor: str) -> None:
    request = asked(Approval.TWO, escalate_to="the duty manager")

    said = request.take(yes(actor, break_glass=True, reason="the plant burns"), AT)

    assert said == (
        f"{actor} breaks the glass and approves plan 3f9a3f9a3f9a alone: the plant burns;"
        " the duty manager must review this by 2026-03-02 03:00:00 UTC",
    )
    status = request.status()
    assert (status.state, status.break_glass) == (ApprovalState.APPROVED, True)
    assert status.review is not None
    assert (status.review.owner, status.review.due) == (
        "the duty manager",
        AT + timedelta(hours=24),
    )


def test_the_estate_s_owner_reviews_where_the_policy_names_nobody() -> None:
    request = asked()
    request.take(yes("ana", break_glass=True, reason="the plant burns"), AT)

    review = request.status().review
    assert review is not None
    assert review.owner == "the estate's owner"


@pytest.mark.parametrize("reason", ["urgent", "a         b", "123456789"])
def test_to_break_the_glass_takes_a_reason_that_can_be_reviewed(reason: str) -> None:
    refusal = asked().refusal(yes("bo", break_glass=True, reason=reason), AT)

    assert refusal is not None
    assert "at least 10 characters" in refusal


@pytest.mark.parametrize("stale", [{"plan_hash": OTHER_PLAN}, {"request": "r-1"}])
def test_a_broken_glass_is_bound_to_plan_and_request_as_well(stale: dict[str, str]) -> None:
    event = yes("bo", break_glass=True, reason="the plant burns", **stale)
    assert asked().refusal(event, AT) is not None


def test_an_ordinary_approval_owes_no_review() -> None:
    request = asked()
    request.take(yes("bo"), AT)
    assert (request.status().break_glass, request.status().review) == (False, None)
