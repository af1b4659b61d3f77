"""The step contract, from the side of who writes an action.

An action is a class with a typed input and three verbs. `probe` reads, `apply` moves and proves,
`revert` puts back. Everything else (heartbeats, deadlines, error types on the wire, retries) is the
boundary's work (`boundary.py`); fencing has one rule for all (`fencing.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Generic, TypeVar

from pydantic import JsonValue

from ..workflows.model.document import Document
from ..workflows.model.step import Evidence, FencingToken, Observation

InputsT = TypeVar("InputsT", bound=Document)


@dataclass(frozen=True)
class Probed(Generic[InputsT]):
    """One step of a batch to look at."""

    step: str
    inputs: InputsT
    key: str
    """The idempotency key this run would have left on the resource."""


@dataclass(frozen=True)
class Call(Generic[InputsT]):
    """One step to apply or revert."""

    step: str
    inputs: InputsT
    before_image: JsonValue
    token: FencingToken
    remaining: Callable[[], timedelta]
    """Time left until the step's deadline; never negative."""
    heartbeat: Callable[[str], None]
    """Says in a few words what the action waits for; shown to whoever looks at the step."""


@dataclass(frozen=True)
class Undo(Call[InputsT]):
    """One step to revert."""

    apply_key: str
    """The idempotency key under which the step was applied."""
    known_applied: bool
    """The workflow holds the apply's evidence; if not, only the mark on the resource tells."""


class Action(ABC, Generic[InputsT]):
    """A kind of step. Its activities are named `<name>.probe`, `<name>.apply`, `<name>.revert`."""

    name: ClassVar[str]
    inputs_model: type[InputsT]

    @abstractmethod
    async def probe(self, steps: Sequence[Probed[InputsT]]) -> Sequence[Observation]:
        """Look at every step, changing nothing; one observation each, in the order given.

        All steps of a batch act on one site. Read in one call what one call can read. What holds
        for one step (it does not exist, it may not be changed) goes into its observation; an
        ActionError raised here speaks for the whole batch.
        """

    @abstractmethod
    async def apply(self, call: Call[InputsT]) -> Evidence:
        """Move the resource from its before-image to the wanted state and prove the effect.

        Idempotent: it may run twice at once, and after any part of itself. Raises ActionError.
        """

    @abstractmethod
    async def revert(self, undo: Undo[InputsT]) -> Evidence:
        """Put the before-image back, and leave the token so that a late apply is refused.

        Never undoes what this run did not do. Idempotent. Raises ActionError.
        """
