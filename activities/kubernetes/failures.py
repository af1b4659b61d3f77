"""The one translator of the Kubernetes client's failures to ActionErrors."""

import json
from collections.abc import Mapping

from ...workflows.model.errors import ActionError, Unavailable
from ..answers import refusal

GONE = 410


def refused(
    status: int, body: bytes, headers: Mapping[str, str], context: str, doing: str
) -> ActionError:
    """The error for an answer of the API server that is not a success."""
    if status == GONE:
        return Unavailable(f"{doing} ({context}): 410 {_message(body)}; it has to be read again")
    return refusal(
        status,
        doing=f"{doing} ({context})",
        said=_message(body),
        grant=f"check the credential of context {context} and what its RBAC role allows: get, list,"
        " watch and patch on deployments and statefulsets",
        missing="check the step's namespace and name, or create it",
        retry_after=headers.get("Retry-After"),
    )


def unanswered(error: BaseException, context: str, doing: str) -> Unavailable:
    """The error for a request that got no answer; what became of it is unknown."""
    if isinstance(error, TimeoutError):
        why = "no answer in time"
    else:
        why = f"no answer ({type(error).__name__})"
    return Unavailable(
        f"{doing} ({context}): {why}; check that the cluster's API server is up and that the worker"
        " can reach it"
    )


def _message(body: bytes) -> str:
    try:
        status = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(status, dict):
        return ""
    return str(status.get("message") or status.get("reason") or "")


__all__ = ["GONE", "refused", "unanswered"]
