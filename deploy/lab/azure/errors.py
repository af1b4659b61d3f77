"""The refusals of Azure Resource Manager: an HTTP status, a code and a message.

Handlers raise :class:`ArmError`; the front turns it into the body that the official clients
parse, ``{"error": {"code", "message"}}``. Nothing here knows a resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web


class ArmError(Exception):
    """A request that Resource Manager refuses, as it words it."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The answer as it goes over the wire."""
        return web.json_response(
            {"error": {"code": self.code, "message": self.message}},
            status=self.status,
            headers=self.headers,
        )


def bad_request(message: str) -> ArmError:
    """The body or a parameter breaks a rule of the resource (400)."""
    return ArmError(400, "BadRequest", message)


def resource_not_found(kind: str, name: str, group: str) -> ArmError:
    """The group is there, the resource is not (404)."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(group: str) -> ArmError:
    """No such resource group in the subscription (404)."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def precondition_failed() -> ArmError:
    """``If-Match`` or ``If-None-Match`` does not hold for the stored resource (412)."""
    return ArmError(
        412,
        "PreconditionFailed",
        "The condition in the If-Match or If-None-Match header does not hold: the resource has "
        "another etag. Read it again and repeat the change on what it is now.",
    )
