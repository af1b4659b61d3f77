"""The front of Azure Resource Manager: what every request meets before its resource provider.

Checks the bearer token, the api-version, the subscription, the request limits and the resource
group, in that order; then finds the verb by a case-insensitive match of the path. A verb's handler
is plain synchronous code on a body that was read before, so each change of the world is atomic.
"""

from __future__ import annotations

import hmac
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from .errors import ArmError, group_not_found
from .throttle import Gate

_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)
_GROUP = re.compile(r"/subscriptions/[^/]+/resourcegroups/([^/]+)", re.IGNORECASE)
_CHALLENGE = (
    'Bearer authorization_uri="https://login.windows.net/", error="invalid_token", '
    'error_description="{}"'
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request that passed the front."""

    request: web.Request
    values: Mapping[str, str]
    """The placeholders of the verb's path as the caller spelt them; the group in canonical case."""
    body: Any
    """The parsed JSON body; None without one."""

    def document(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ArmError: 400 when it is anything else.
        """
        if not isinstance(self.body, dict):
            raise _unreadable("a JSON object is expected")
        return self.body


class Verb:
    """One operation of a resource provider: a method on a path with ``{placeholders}``."""

    def __init__(self, method: str, path: str, handler: Callable[[Call], web.Response]) -> None:
        self.method = method
        self.handler = handler
        pattern = "".join(
            f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", path)
        )
        self._pattern = re.compile(f"{pattern}/?", re.IGNORECASE)

    def match(self, path: str) -> dict[str, str] | None:
        """The placeholders' values if the path is this verb's, else None."""
        found = self._pattern.fullmatch(path)
        return found.groupdict() if found else None


def _unreadable(why: str) -> ArmError:
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{why}'.",
    )


class Front:
    """Admits requests and hands them to the verbs."""

    def __init__(
        self,
        verbs: Sequence[Verb],
        *,
        subscription_id: str,
        token: str,
        groups: Iterable[str],
        gate: Gate,
        before_each: Callable[[], None],
    ) -> None:
        """Build the front.

        Args:
            verbs: every operation of every provider.
            subscription_id: the only subscription there is.
            token: the bearer token that is accepted.
            groups: the resource groups, in canonical case.
            gate: the request limits.
            before_each: brings the world up to now, before a verb looks at it.
        """
        self._verbs = list(verbs)
        self._subscription = subscription_id
        self._token = token
        self._groups = {group.lower(): group for group in groups}
        self._gate = gate
        self._before_each = before_each

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, refusals included."""
        raw = await request.read()
        headers = {"x-ms-request-id": str(uuid.uuid4()), hdrs.CACHE_CONTROL: "no-cache"}
        correlation = request.headers.get("x-ms-correlation-request-id")
        headers["x-ms-correlation-request-id"] = correlation or headers["x-ms-request-id"]
        try:
            headers |= self._admit(request)
            response = self._dispatch(request, raw)
        except ArmError as refusal:
            response = refusal.response()
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    def _admit(self, request: web.Request) -> dict[str, str]:
        self._authenticate(request)
        version = request.query.get("api-version", "")
        if not version:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if not _API_VERSION.fullmatch(version):
            raise ArmError(
                400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid."
            )
        named = _SUBSCRIPTION.match(request.path)
        if named and named[1].lower() != self._subscription.lower():
            raise ArmError(
                404, "SubscriptionNotFound", f"The subscription '{named[1]}' could not be found."
            )
        remaining = self._gate.pass_through(request.method, request.path)
        group = _GROUP.match(request.path)
        if group and group[1].lower() not in self._groups:
            raise group_not_found(group[1])
        return remaining

    def _authenticate(self, request: web.Request) -> None:
        header = request.headers.get(hdrs.AUTHORIZATION)
        if not header:
            message = "Authentication failed. The 'Authorization' header is missing."
            code = "AuthenticationFailed"
        else:
            scheme, _, token = header.partition(" ")
            right = hmac.compare_digest(token.strip().encode(), self._token.encode())
            if scheme.lower() == "bearer" and right:
                return
            message, code = "The access token is invalid.", "InvalidAuthenticationToken"
        raise ArmError(
            401, code, message, headers={hdrs.WWW_AUTHENTICATE: _CHALLENGE.format(message)}
        )

    def _dispatch(self, request: web.Request, raw: bytes) -> web.Response:
        known = False
        for verb in self._verbs:
            values = verb.match(request.path)
            if values is None:
                continue
            known = True
            if verb.method == request.method:
                self._before_each()
                if "group" in values:
                    values["group"] = self._groups[values["group"].lower()]
                return verb.handler(Call(request, values, _parsed(raw)))
        if known:
            raise ArmError(
                405,
                "MethodNotAllowed",
                f"The requested resource does not support http method '{request.method}'.",
            )
        raise ArmError(
            404,
            "InvalidResourceType",
            f"The resource type of '{request.path}' could not be found for api version "
            f"'{request.query['api-version']}'.",
        )


def _parsed(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise _unreadable(str(error)) from error
