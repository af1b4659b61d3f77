"""The commit window: how long the way back is kept after a recovery, and who ends it.

What a roll-back undoes is the saga's; here is only whether there still is a way back.
"""

from datetime import datetime

from ..model.consent import CommitState, CommitStatus
from ..model.policy import CommitPolicy
from ..model.recovery import Intervention
from ..model.scalars import format_duration
from .identity import identity
from .moments import moment

THE_POLICY = "the policy"
"""Who decided, where nobody did in time."""


class CommitWindow:
    """The time in which a recovery can be committed or rolled back."""

    def __init__(self, policy: CommitPolicy, at: datetime) -> None:
        """Open the window at the end of the last step."""
        self._policy = policy
        self._opened_at = at
        self._by: str | None = None
        self.state = CommitState.OPEN
        self.sentence = f"the way back is kept until {moment(self.deadline, seen_from=at)}"
        """That it is kept, or who ended that and why."""

    @property
    def deadline(self) -> datetime:
        """When the policy decides, if nobody has."""
        return self._opened_at + self._policy.window

    @property
    def next_deadline(self) -> datetime | None:
        """When `at_time` has something to say; none once it is decided."""
        return self.deadline if self.state is CommitState.OPEN else None

    def refusal(self, asked: Intervention, at: datetime) -> str | None:
        """Why neither a commit nor a roll-back can be taken now; none if it can."""
        if self.state is CommitState.COMMITTED:
            return f"{self.sentence}: there is no way back, and nothing left to commit"
        if self.state is CommitState.ROLLED_BACK:
            return f"{self.sentence}: there is nothing left to decide"
        if at >= self.deadline:
            closed = moment(self.deadline, seen_from=at)
            return f"the commit window closed at {closed}: the policy decides ({self._default})"
        return None if identity(asked.actor) else "a decision needs the name of a person"

    def commit(self, asked: Intervention, at: datetime) -> tuple[str, ...]:
        """Give up the way back, and say so.

        Raises:
            ValueError: it cannot be committed; `refusal` says so before.
        """
        return self._taken(asked, at, CommitState.COMMITTED, "commits the recovery")

    def roll_back(self, asked: Intervention, at: datetime) -> tuple[str, ...]:
        """Take the way back, and say so; the saga walks it.

        Raises:
            ValueError: there is no way back any more; `refusal` says so before.
        """
        return self._taken(asked, at, CommitState.ROLLED_BACK, "takes the way back")

    def at_time(self, at: datetime) -> tuple[str, ...]:
        """Let the policy decide once the window has closed, and say so."""
        if self.state is not CommitState.OPEN or at < self.deadline:
            return ()
        commits = self._policy.on_timeout == "commit"
        waited = format_duration(self._policy.window)
        return self._decide(
            CommitState.COMMITTED if commits else CommitState.ROLLED_BACK,
            THE_POLICY,
            f"nobody decided within {waited}: {'committed' if commits else 'rolled back'}"
            f" by the policy ({self._default})",
        )

    def asking(self, workflow_id: str) -> str:
        """The window in one sentence, with what to type."""
        until = moment(self.deadline, seen_from=self._opened_at)
        return (
            f"the way back is kept until {until}: holdfast commit {workflow_id} --reason R,"
            f" or holdfast roll-back {workflow_id} --reason R"
        )

    def status(self) -> CommitStatus:
        """The window, as it stands."""
        return CommitStatus(
            until=self.deadline,
            on_timeout=self._policy.on_timeout,
            state=self.state,
            sentence=self.sentence,
            by=self._by,
        )

    @property
    def _default(self) -> str:
        return f"commit.on_timeout: {self._policy.on_timeout}"

    def _taken(
        self, asked: Intervention, at: datetime, state: CommitState, does: str
    ) -> tuple[str, ...]:
        refusal = self.refusal(asked, at)
        if refusal is not None:
            raise ValueError(refusal)
        return self._decide(state, asked.actor, f"{asked.actor} {does}: {asked.reason}")

    def _decide(self, state: CommitState, by: str, sentence: str) -> tuple[str, ...]:
        self.state, self._by, self.sentence = state, by, sentence
        return (sentence,)
