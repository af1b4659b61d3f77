"""The commit window: who ends it, and what silence does."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.workflows.consent.commit import CommitWindow
from holdfast.workflows.model.consent import CommitState
from holdfast.workflows.model.policy import CommitPolicy
from holdfast.workflows.model.recovery import Intervention

AT = datetime(2026, 3, 1, 3, 42, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANA = Intervention(actor="ana", reason="the plant is fine")


def window(on_timeout: str = "commit") -> CommitWindow:
    policy = {"window": "30m", "on_timeout": on_timeout}
    return CommitWindow(CommitPolicy.model_validate(policy), AT)


def test_it_says_until_when_the_way_back_is_kept_and_what_to_type() -> None:
    assert window().asking("site-recovery/acme/lyon") == (
        "the way back is kept until 04:12:00 UTC:"
        " holdfast commit site-recovery/acme/lyon --reason R,"
        " or holdfast roll-back site-recovery/acme/lyon --reason R"
    )


def test_a_person_commits() -> None:
    open_window = window()

    assert open_window.commit(ANA, AT + MINUTE) == ("ana commits the recovery: the plant is fine",)
    assert (open_window.state, open_window.next_deadline) == (CommitState.COMMITTED, None)
    assert open_window.status().by == "ana"


def test_a_person_takes_the_way_back() -> None:
    open_window = window()

    said = open_window.roll_back(ANA, AT + MINUTE)

    assert said == ("ana takes the way back: the plant is fine",)
    assert open_window.status().state is CommitState.ROLLED_BACK


@pytest.mark.parametrize(
    ("on_timeout", "state", "word"),
    [
        ("commit", CommitState.COMMITTED, "committed"),
        ("roll_back", CommitState.ROLLED_BACK, "rolled back"),
    ],
)
def test_after_the_window_the_policy_decides_once_and_is_named(
    on_timeout: str, state: CommitState, word: str
) -> None:
    open_window = window(on_timeout)

    assert open_window.at_time(AT + 29 * MINUTE) == ()
    assert open_window.at_time(AT + 30 * MINUTE) == (
        f"nobody decided within 30m: {word} by the policy (commit.on_timeout: {on_timeout})",
    )
    assert open_window.at_time(AT + 31 * MINUTE) == ()
    assert (open_window.state, open_window.status().by) == (state, "the policy")


def test_after_a_commit_there_is_no_way_back() -> None:
    open_window = window()
    open_window.commit(ANA, AT)

    refusal = open_window.refusal(ANA, AT + MINUTE)

    assert refusal is not None
    assert refusal.startswith("ana commits the recovery: the plant is fine: there is no way back")
    with pytest.raises(ValueError, match="no way back"):
        open_window.roll_back(ANA, AT + MINUTE)


def test_what_is_rolled_back_cannot_be_committed() -> None:
    open_window = window()
    open_window.roll_back(ANA, AT)

    with pytest.raises(ValueError, match="nothing left to decide"):
        open_window.commit(ANA, AT + MINUTE)
    assert open_window.at_time(AT + 60 * MINUTE) == ()


def test_a_decision_that_comes_as_the_window_closes_is_too_late() -> None:
    open_window = window("roll_back")

    assert open_window.refusal(ANA, AT + 30 * MINUTE) == (
        "the commit window closed at 04:12:00 UTC: the policy decides"
        " (commit.on_timeout: roll_back)"
    )
    assert open_window.state is CommitState.OPEN


def test_nobody_decides_under_a_name_that_does_not_show() -> None:
    nobody = Intervention(actor="\u200b", reason="boo")
    assert window().refusal(nobody, AT) == "a decision needs the name of a person"
