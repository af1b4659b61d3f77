"""The errors an action may raise; their names are on the wire and in every report.

    ActionError
    ├── PermanentError       a retry is useless
    │   ├── InvalidInput         the step's inputs cannot be right
    │   ├── NotFound             the resource, context or profile does not exist
    │   ├── Unauthorized         the credential was refused (401, 403)
    │   ├── FencedOut            the resource carries a newer fencing token
    │   ├── Conflict             the resource has moved since its before-image
    │   └── VerificationFailed   changed, but the effect could not be proved
    └── TemporaryError       a retry may help
        ├── Throttled            the system asks to wait
        └── Unavailable          no answer, or a 5xx; the outcome of a mutation is unknown

A message says what failed, on what, and what the operator can do.
"""

from datetime import timedelta
from typing import ClassVar


class ActionError(Exception):
    """The root of what an action raises on purpose."""

    temporary: ClassVar[bool] = False

    def __init__(self, message: str, *, needs_person: bool = False) -> None:
        super().__init__(message)
        self.needs_person = needs_person
        """Hold the step for a person, whatever its failure policy says."""


class PermanentError(ActionError):
    """A retry is useless."""


class InvalidInput(PermanentError):
    """The step's inputs cannot be right."""


class NotFound(PermanentError):
    """What the step acts on does not exist."""


class Unauthorized(PermanentError):
    """The credential was refused."""


class FencedOut(PermanentError):
    """The resource carries a newer fencing token: this recovery is out of date."""


class Conflict(PermanentError):
    """The resource has moved since its before-image was taken."""


class VerificationFailed(PermanentError):
    """The change was made, but its effect could not be proved in time."""


class TemporaryError(ActionError):
    """A retry may help."""

    temporary: ClassVar[bool] = True

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(TemporaryError):
    """The system asks to wait, for `retry_after` if it says how long."""


class Unavailable(TemporaryError):
    """No answer or a server error; what became of a mutation is unknown."""
