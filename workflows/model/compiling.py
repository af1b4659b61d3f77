"""What the compiler is asked, and what it answers."""

from .coordination import Facts, Reservation
from .document import Answer, Document
from .plan import RecoveryPlan
from .recovery import RecoveryRequest


class CompileInput(Document):
    """Compile the plan of a recovery."""

    request: RecoveryRequest
    facts: Facts = Facts()
    """What the coordinator knows that the estate file does not say."""


class CompileResult(Answer):
    """The plan, or why there is none."""

    plan: RecoveryPlan | None
    refusals: tuple[str, ...] = ()
    reservation: Reservation | None = None
    """The room that the plan needs."""
