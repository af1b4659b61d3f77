"""Kubernetes errors: every refusal is a ``Status`` with a real API server's reason."""

from __future__ import annotations

from typing import Any

from .kinds import Resource


class ApiError(Exception):
    """A refusal, with the ``Status`` body that goes out."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep what the answer needs."""
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        self._details = details

    def document(self) -> dict[str, Any]:
        """Return the ``Status`` body."""
        return failure(self.code, self.reason, str(self), self._details)


def failure(
    code: int, reason: str, message: str, details: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a ``Status`` of a failure."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details:
        status["details"] = details
    return status


def _details(resource: Resource, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details


def deleted(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """Return the ``Status`` of a deletion that is complete."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**_details(resource, name), "uid": uid},
    }


def not_found(resource: Resource, name: str) -> ApiError:
    """Refuse a name that does not exist."""
    return ApiError(
        404,
        "NotFound",
        f'{resource.qualified} "{name}" not found',
        details=_details(resource, name),
    )


def no_such_path() -> ApiError:
    """Refuse a resource that is not served."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(resource: Resource, name: str) -> ApiError:
    """Refuse a second creation."""
    return ApiError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        details=_details(resource, name),
    )


def conflict(resource: Resource, name: str, why: str | None = None) -> ApiError:
    """Refuse a write that was based on an older version."""
    cause = why or (
        "the object has been modified; please apply your changes to the latest version "
        "and try again"
    )
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {cause}',
        details=_details(resource, name),
    )


def invalid(resource: Resource, name: str, *causes: tuple[str, str, str]) -> ApiError:
    """Refuse an object whose fields are wrong; a cause is reason, field and message."""
    details: dict[str, Any] = {"name": name, "kind": resource.kind}
    if resource.group:
        details["group"] = resource.group
    details["causes"] = [
        {"reason": reason, "message": message, "field": field} for reason, field, message in causes
    ]
    listed = [f"{field}: {message}" for _, field, message in causes]
    said = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {said}', details=details)


def bad_request(message: str) -> ApiError:
    """Refuse a request that cannot be understood."""
    return ApiError(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    """Refuse what is not allowed here."""
    return ApiError(
        403,
        "Forbidden",
        f'{resource.qualified} "{name}" is forbidden: {why}',
        details=_details(resource, name),
    )


def unauthorized() -> ApiError:
    """Refuse a request without a good token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """Refuse a verb that the resource does not have."""
    return ApiError(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details={},
    )


def unsupported_media(accepted: tuple[str, ...]) -> ApiError:
    """Refuse a content type."""
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def expired(asked: int, oldest: int) -> ApiError:
    """Refuse a version that the event window no longer reaches back to."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")
