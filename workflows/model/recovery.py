"""A recovery as others see it: what is asked of it, where it is, and how it ended.

Four things are kept apart: the *action* asked for, the *phase* reached, the *conditions* that are
true, and the *progress*: what the run waits for.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import JsonValue

from .consent import ApprovalStatus, CommitStatus, RtoClockStatus
from .document import Document
from .estate import Estate
from .plan import LeftOut
from .scalars import Line as Line
from .step import Qualification


class Action(StrEnum):
    """What was asked."""

    RECOVER = "recover"
    FAIL_BACK = "fail_back"
    DRILL = "drill"


class Mode(StrEnum):
    """How it is to be done."""

    UNPLANNED = "unplanned"
    """The site is lost: what only a living source can do is left out."""
    PLANNED = "planned"
    """The site lives: drain, final sync, then switch; nothing is lost."""
    TEST = "test"
    """On isolated copies, without a change of traffic; always cleaned up."""
    DRY_RUN = "dry_run"
    """Only looked at."""


class Phase(StrEnum):
    """Where a recovery is."""

    WAITING = "waiting"
    """For the estate's coordinator: admitted, queued, or held for a person."""
    COMPILING = "compiling"
    ASSESSING = "assessing"
    APPROVING = "approving"
    RECOVERING = "recovering"
    COMMIT_WINDOW = "commit_window"
    """All is done and verified; the way back is kept."""
    ROLLING_BACK = "rolling_back"
    RECOVERED = "recovered"
    ROLLED_BACK = "rolled_back"
    ROLLED_BACK_WITH_RESIDUE = "rolled_back_with_residue"
    ASSESSED = "assessed"


class Progress(StrEnum):
    """What a recovery waits for."""

    COORDINATOR = "coordinator"
    PLAN = "plan"
    PROBES = "probes"
    APPROVAL = "approval"
    STEPS = "steps"
    TIERS = "tiers"
    """For the other sites of a region to finish their more critical tiers."""
    COMPENSATIONS = "compensations"
    COMMIT = "commit"
    OPERATOR = "operator"
    NOTHING = "nothing"


class ConditionType(StrEnum):
    """What can be true of a recovery."""

    QUALIFIED = "Qualified"
    REVERSIBLE = "Reversible"
    ADMITTED = "Admitted"
    APPROVED = "Approved"
    RTO_AT_RISK = "RtoAtRisk"
    FENCED = "Fenced"
    PAUSED = "Paused"
    HELD = "Held"
    ROLLING_BACK = "RollingBack"


class Condition(Document):
    """One thing that is true, false or unknown, and why."""

    type: ConditionType
    status: bool | None
    reason: str
    message: str


class StepState(StrEnum):
    """Where one step is."""

    PENDING = "pending"
    QUEUED = "queued"
    """Handed to a worker with the steps it needs: it starts when they are done."""
    PROBING = "probing"
    APPLYING = "applying"
    APPLIED = "applied"
    SKIPPED = "skipped"
    FAILED = "failed"
    """Failed and passed over, by its policy `continue`, or undone with its service."""
    HELD = "held"
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    """Its apply was lost: it is being looked at."""
    REVERTING = "reverting"
    REVERTED = "reverted"
    RESIDUE = "residue"
    NOT_RUN = "not_run"


class Outcome(StrEnum):
    """How a recovery ended; `held` is not an end but a wait, `assessed` ends a dry run."""

    RECOVERED = "recovered"
    ROLLED_BACK = "rolled_back"
    ROLLED_BACK_WITH_RESIDUE = "rolled_back_with_residue"
    HELD = "held"
    ASSESSED = "assessed"


class ServiceOutcome(StrEnum):
    """What became of one service."""

    WAITING = "waiting"
    RECOVERING = "recovering"
    HELD = "held"
    RECOVERED = "recovered"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    RESIDUE = "rolled_back_with_residue"
    NOT_RUN = "not_run"


class RecoveryRequest(Document):
    """Recover the services of a site elsewhere; or, to fail back, bring its own services home."""

    estate: Estate
    site: str
    action: Action = Action.RECOVER
    mode: Mode = Mode.UNPLANNED
    dry_run_of: Mode = Mode.UNPLANNED
    """What a dry run looks at."""
    incident: str = ""
    """What it belongs to; recoveries of one incident are not each other's repetition. Without one,
    the coordinator gives it one."""
    region: str = ""
    """The workflow id of the region's recovery that this one is a part of; it opens the tiers."""
    lost_sites: tuple[str, ...] = ()
    """Other sites known to be lost: no service is placed there. `site` always counts as lost."""
    actor: Line = "unknown"
    reason: Line = "not given"
    detected_at: datetime | None = None
    """When the loss was detected; the recovery time counts from here, else from the start."""


class Intervention(Document):
    """What an operator asks of a running recovery, by whom and why."""

    actor: Line
    reason: Line


class StepIntervention(Intervention):
    """What an operator asks about one step."""

    step: Line
    """`service/step`."""


class Accepted(Document):
    """The answer to an intervention."""

    sentence: str


class Residue(Document):
    """What could not be undone, who owns it, and what a person must type."""

    step: str
    resource: str | None
    reason: str
    owner: str
    command: str


class StepReport(Document):
    """One step, as it stands."""

    service: str
    id: str
    run: str
    site: str
    state: StepState
    sentence: str
    attempts: int = 0
    """Applies scheduled; retries of one are not counted."""
    graceful: bool = False
    """Only of use while the source lives: go-ungraceful passes it over."""
    qualification: Qualification | None = None
    change: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expected_duration: timedelta | None = None
    evidence: dict[str, JsonValue] = {}


class ServiceReport(Document):
    """One service, as it stands."""

    name: str
    tier: int
    source: str
    target: str
    placement: str
    outcome: ServiceOutcome
    rto_s: float | None = None
    predicted_recovery_time_s: float | None = None
    actual_recovery_time_s: float | None = None
    """From detection to the end of the service's last step; null until recovered."""
    within_rto: bool | None = None


class LogEntry(Document):
    """One sentence of the recovery's story."""

    at: datetime
    sentence: str
    actor: str | None = None


class RecoveryStatus(Document):
    """Everything a person or program may want to know of a recovery, running or ended."""

    workflow_id: str
    run_id: str
    estate: str
    site: str
    action: Action = Action.RECOVER
    mode: Mode
    phase: Phase
    progress: Progress
    waits_for: str
    """One sentence: what the run waits for, and whom."""
    conditions: tuple[Condition, ...] = ()
    outcome: Outcome | None = None
    """Null while it runs; `held` while it waits for a person; `recovered` already while all is done
    and can still be taken back by somebody who does not want it (`ended_at` is null then)."""
    incident: str = ""
    sentence: str = ""
    prediction: str = ""
    """How long it is predicted to take, against the objectives."""
    plan_hash: str | None = None
    epoch: int | None = None
    started_at: datetime
    ended_at: datetime | None = None
    services: tuple[ServiceReport, ...] = ()
    steps: tuple[StepReport, ...] = ()
    residue: tuple[Residue, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """Services that found no room."""
    unfenced: tuple[str, ...] = ()
    """Steps that were to fence a source and found nobody: what they were to stop may come back."""
    test_passed: bool | None = None
    """Of a test: whether every step of it was done, before it was cleaned up."""
    log: tuple[LogEntry, ...] = ()
    predicted_recovery_time_s: float | None = None
    actual_recovery_time_s: float | None = None
    critical_path_s: float | None = None
    """The longest chain of the steps' own durations, seconds."""
    approval: ApprovalStatus | None = None
    """The last request for approval; null where none was needed."""
    commit: CommitStatus | None = None
    """The commit window; null until it opens."""
    rto: RtoClockStatus | None = None
    """How the time was used, against the objectives."""


class RecoveryReport(RecoveryStatus):
    """How a recovery ended; the workflow's result."""

    outcome: Outcome
