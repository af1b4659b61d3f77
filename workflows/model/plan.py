"""The recovery plan: compiled, immutable, hashed; one graph of steps over a site's services."""

import hashlib
import json
from datetime import timedelta

from pydantic import JsonValue

from .document import Document
from .estate import Approach, OnFailure
from .policy import RollbackScope


class PlannedStep(Document):
    """One step with its templates rendered and its edges resolved."""

    id: str
    """`service/step`, unique in the plan."""
    service: str
    run: str
    """The action's dotted name."""
    inputs: dict[str, JsonValue]
    site: str
    """The site the step acts on."""
    needs: tuple[str, ...] = ()
    """Ids of the steps that must be done before, of this service and of those it depends on."""
    timeout: timedelta
    on_failure: OnFailure
    pivot: bool = False
    graceful: bool = False
    """Only of use while the source lives: `go_ungraceful` passes it over."""
    task_queue: str | None = None
    """Where the workers of its site listen; None for the common queue."""


class PlannedService(Document):
    """One service's part of the plan."""

    name: str
    tier: int
    source: str
    target: str
    placement: str
    """One sentence: why this target."""
    approach: Approach
    depends_on: tuple[str, ...] = ()
    """Only services of this plan."""
    rto: timedelta | None = None
    rpo: timedelta | None = None
    degraded: bool = False
    """There is not room for all of it: it runs with less."""


class LeftOut(Document):
    """A service of the site that the plan does not recover."""

    service: str
    tier: int
    sentence: str
    """Why."""


class RecoveryPlan(Document):
    """What a recovery will do. Steps stand in an order in which each follows what it needs."""

    estate: str
    site: str
    rollback: RollbackScope
    services: tuple[PlannedService, ...]
    steps: tuple[PlannedStep, ...]
    left_out: tuple[LeftOut, ...] = ()
    """Services that found no room, by the policy on shortage."""
    hash: str = ""
    """SHA-256 of the plan's canonical JSON without this field; see `sealed`."""

    def sealed(self) -> "RecoveryPlan":
        """The same plan with its hash filled in."""
        return self.model_copy(update={"hash": self.fingerprint()})

    def fingerprint(self) -> str:
        """The hash this plan should carry."""
        document = self.model_dump(mode="json", exclude={"hash"})
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def key(self, run: str, step: str) -> str:
        """The idempotency key of a step: plan, run, step."""
        return f"{self.hash[:12]}/{run}/{step}"
