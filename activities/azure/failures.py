"""The one translator of the Azure client's failures to ActionErrors."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...workflows.model.errors import ActionError, Unauthorized, Unavailable
from ..answers import refusal
from ..mutation import Moved

CONFLICT, PRECONDITION_FAILED = 409, 412
PRECONDITION_CODES = ("preconditionfailed", "etagmismatch", "conditionnotmet")
"""Codes, in lower case, with which a 409 means what a 412 does; other 409s last: a lock does."""


@contextmanager
def translated(doing: str, subscription: str) -> Iterator[None]:
    """Turn what the client raises inside into ActionErrors.

    Args:
        doing: what was attempted, and on what.
        subscription: the subscription, for who has to grant what.

    Raises:
        Moved: the resource is not the one that was read.
        ActionError: everything else that the service or the network answered.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        if _is_precondition(error):
            raise Moved(f"{doing}: {_said(error)}") from error
        if error.status_code is None and isinstance(error, ClientAuthenticationError):
            raise Unauthorized(
                f"{doing}: no credential for subscription {subscription}; sign the worker in (a"
                " managed identity, AZURE_* variables or az login)"
            ) from error
        raise _refused(error, doing, subscription) from error
    except AzureError as error:
        # Neither class nor text of the cause is shown in full: it may hold a URL.
        raise Unavailable(
            f"{doing}: no answer ({type(error).__name__}); check that the worker can reach Azure"
            " Resource Manager"
        ) from error


def _is_precondition(error: object) -> bool:
    status = getattr(error, "status_code", None)
    code = getattr(getattr(error, "error", None), "code", None) or ""
    return status == PRECONDITION_FAILED or (
        status == CONFLICT and code.lower() in PRECONDITION_CODES
    )


def _refused(error: object, doing: str, subscription: str) -> ActionError:
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if not isinstance(status, int) or status < 300:
        return Unavailable(f"{doing}: the answer broke off or cannot be read")
    return refusal(
        status,
        doing=doing,
        said=_said(error),
        grant=f"grant the worker's identity Traffic Manager Contributor in subscription"
        f" {subscription}",
        missing="check the step's resource group and profile, and the worker's subscription",
        retry_after=response.headers.get("Retry-After") if response is not None else None,
    )


def _said(error: object) -> str:
    """The service's own code and message; the client's text may repeat the request."""
    body = getattr(error, "error", None)
    code, message = getattr(body, "code", None), getattr(body, "message", None)
    return ": ".join(part for part in (code, message) if part)


__all__ = ["translated"]
