"""The step contract's messages: what a workflow says to an action, and what it hears back.

They are the wire format of every action, wherever it runs and in whatever language.
"""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, JsonValue

from .document import Answer, Document


class Verb(StrEnum):
    """What an action can be asked; an activity's type is the action's name, a dot and the verb."""

    PROBE = "probe"
    APPLY = "apply"
    REVERT = "revert"


class Applied(StrEnum):
    """What a probe saw of a step's effect."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class Qualification(StrEnum):
    """Whether a step could be done now."""

    QUALIFIED = "QUALIFIED"
    NOT_QUALIFIED = "NOT_QUALIFIED"
    EXCLUDED = "EXCLUDED"
    UNKNOWN = "UNKNOWN"


class FencingToken(Document):
    """Orders mutations: by epoch between recoveries, by sequence within one."""

    epoch: int = Field(ge=0)
    sequence: int = Field(ge=0)
    """Rises with every apply and revert that the run schedules; retries of one share it."""
    run: str
    """The recovery run; stable over retries, resets and continue-as-new."""
    key: str
    """The idempotency key: plan hash, run and step."""


class StepToProbe(Document):
    """One step of a batch to probe."""

    step: str
    """`service/step`."""
    inputs: dict[str, JsonValue]
    key: str
    """The idempotency key under which this run would have applied the step."""


class ProbeInput(Document):
    """A batch of steps of one action at one site."""

    steps: tuple[StepToProbe, ...]


class Observation(Answer):
    """What a probe saw of one step; it is the dry run, the readiness check and the before-image."""

    step: str
    state: Applied
    qualification: Qualification
    reason: str
    """One sentence: what was seen, and what to do where the step is not qualified."""
    resource: str | None = None
    """The one resource the step mutates, the same text for every step that mutates it."""
    before_image: JsonValue = None
    """What `revert` needs to put the resource back; null if nothing was seen."""
    epoch: int = 0
    """The highest epoch on the resource; 0 if it never took part in a recovery."""
    last_key: str = ""
    """The idempotency key of the last mutation that a recovery made on the resource."""
    touched: bool = False
    """The resource carries this step's own idempotency key: the run has mutated it already."""
    change: str = ""
    """The change in a few words, for a summary: `api on plant-milan 0 → 3`."""
    undo_command: str | None = None
    """What a person types to put the before-image back."""
    expected_duration: timedelta | None = None
    """How long applying is expected to take."""


class ProbeResult(Answer):
    """One observation per step asked, in the order asked."""

    observations: tuple[Observation, ...]


class ApplyInput(Document):
    """Move one step's resource to its wanted state."""

    step: str
    inputs: dict[str, JsonValue]
    before_image: JsonValue
    token: FencingToken
    timeout: timedelta


class RevertInput(Document):
    """Put one step's before-image back."""

    step: str
    inputs: dict[str, JsonValue]
    before_image: JsonValue
    token: FencingToken
    apply_key: str
    """The key under which the step was applied."""
    known_applied: bool
    """The apply's evidence is in history; if not, only the mark on the resource tells."""
    timeout: timedelta


class FenceProof(StrEnum):
    """What a fence's evidence rests on: its details say it under `evidence`."""

    NO_REPLICA_LEFT = "no replica left"
    """The source answered, and nothing of the workload is left there."""
    LEASE_EXPIRED = "lease expired"
    """The source does not answer; its own lease proves that it serves nobody."""
    NONE = "none: standing decision"
    """The source does not answer; its estate says that going on does no harm."""


class Evidence(Answer):
    """What an apply or revert proved."""

    changed: bool
    """Whether this verb changed anything (over all its attempts, as far as can be seen)."""
    sentence: str
    details: dict[str, JsonValue] = {}
