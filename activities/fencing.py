"""One rule for all actions: which mutations a resource still admits.

Every mutation leaves a mark on its resource: the epoch of its recovery, the sequence of the verb
within the run, the run and the idempotency key. A mutation is admitted only by a resource whose
mark is not newer. The mark and the change must reach the system in one conditional write
(resourceVersion, ETag); then a process that wakes up late changes nothing, wherever it was stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..workflows.model.errors import FencedOut
from ..workflows.model.step import FencingToken

EPOCH, SEQUENCE, RUN, KEY = "epoch", "sequence", "run", "idempotency-key"
SEALED_OVER = "sealed-over"


@dataclass(frozen=True)
class Mark:
    """What the last mutation of a recovery left on a resource."""

    epoch: int
    sequence: int
    run: str
    key: str
    sealed_over: str = ""
    """If the last mutation only sealed the resource: the key of the one before it."""

    @property
    def last_change(self) -> str:
        """The key of the last mutation that changed more than the mark."""
        return self.sealed_over or self.key


class Admission(Enum):
    """What a resource's mark says of a mutation that is not refused."""

    OPEN = "open"
    """Not made yet."""
    DONE = "done"
    """This very mutation has been made, by an earlier attempt."""


def judge(mark: Mark | None, token: FencingToken, resource: str) -> Admission:
    """Whether `resource`, marked `mark`, admits the mutation of `token`.

    Raises:
        FencedOut: the resource carries a newer token.
    """
    if mark is None or mark.epoch < token.epoch:
        return Admission.OPEN
    if mark.epoch > token.epoch or mark.run != token.run:
        raise FencedOut(
            f"{resource} carries epoch {mark.epoch} of run {mark.run}, this is epoch {token.epoch}"
            f" of run {token.run}: a newer recovery owns it; look at that one"
        )
    if mark.sequence > token.sequence:
        raise FencedOut(
            f"{resource} has moved on to {mark.key} (sequence {mark.sequence}) since this attempt"
            f" (sequence {token.sequence}) began: it came too late and changed nothing"
        )
    return Admission.DONE if mark.sequence == token.sequence else Admission.OPEN


def to_labels(token: FencingToken, prefix: str, *, sealing: Mark | None = None) -> dict[str, str]:
    """The mark of `token` as annotations or tags whose names start with `prefix`.

    A revert that has nothing to put back seals the resource: its mark shuts late attempts out, and
    remembers the change under the mark it replaces (`sealing`). Another step of the run may have
    made that change, and has to find it when its own turn to be undone comes.
    """
    ours = sealing is not None and sealing.run == token.run
    return {
        f"{prefix}{EPOCH}": str(token.epoch),
        f"{prefix}{SEQUENCE}": str(token.sequence),
        f"{prefix}{RUN}": token.run,
        f"{prefix}{KEY}": token.key,
        f"{prefix}{SEALED_OVER}": sealing.last_change if sealing is not None and ours else "",
    }


def from_labels(labels: Mapping[str, str] | None, prefix: str) -> Mark | None:
    """The mark in annotations or tags; None if there is none. A broken mark counts as epoch 0."""
    if not labels or f"{prefix}{EPOCH}" not in labels:
        return None
    return Mark(
        epoch=_number(labels.get(f"{prefix}{EPOCH}")),
        sequence=_number(labels.get(f"{prefix}{SEQUENCE}")),
        run=labels.get(f"{prefix}{RUN}", ""),
        key=labels.get(f"{prefix}{KEY}", ""),
        sealed_over=labels.get(f"{prefix}{SEALED_OVER}", ""),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
