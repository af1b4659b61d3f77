"""The open connection to Azure Resource Manager: one client, held for the worker's life."""

import asyncio
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...workflows.model.errors import InvalidInput
from ..budgets import Budget, Budgets, Kind
from ..token_bucket import Limit
from .failures import translated
from .inputs import ProfileRef
from .profile import Endpoint, Profile

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

AZURE = "https://management.azure.com"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2.0, 5.0
LIMITS = {Kind.READ: Limit(250, 25), Kind.WRITE: Limit(200, 10), Kind.DELETE: Limit(200, 10)}
"""Resource Manager's, for a principal in a subscription; a region of Resource Manager counts alone.
"""
REMAINING = "x-ms-ratelimit-remaining-subscription-{}s"
"""The header that says how many requests of a kind are left."""


class TrafficManagerConnections:
    """The Traffic Manager client of a worker process, opened on first use."""

    def __init__(
        self,
        subscription_id: str | None,
        endpoint: str | None = None,
        credential: "Callable[[], AsyncTokenCredential] | None" = None,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        budgets: Budgets | None = None,
        limits: Mapping[Kind, Limit] = LIMITS,
    ) -> None:
        """Keep the settings; nothing is opened.

        Args:
            subscription_id: the subscription of every profile; None if the worker was given none.
            endpoint: base URL of Resource Manager; None for Azure's public cloud.
            credential: makes the credential; None for azure-identity's standard chain.
            read_timeout_s: how long an answer may take.
            budgets: the process's; None to send without waiting for a turn.
            limits: what the subscription admits.
        """
        self._budgets = budgets
        self._limits = limits
        self._read_timeout_s = read_timeout_s
        self._subscription = subscription_id
        self._endpoint = endpoint
        self._make_credential = credential
        self._credential: AsyncTokenCredential | None = None
        self._client: Any = None
        self._opening = asyncio.Lock()

    async def warm(self) -> None:
        """Load the client library without stopping the event loop."""
        await asyncio.to_thread(importlib.import_module, "azure.mgmt.trafficmanager.aio")

    async def read(self, ref: ProfileRef) -> Profile:
        """The profile as it is now.

        Raises:
            ActionError: what Azure answered, translated.
        """
        client = await self._open()
        with translated(f"reading {ref}", self._subscription or ""):
            profile: Profile = await client.profiles.get(
                ref.resource_group, ref.profile, cls=_as_came(ref)
            )
        return profile

    async def list(self, resource_group: str) -> dict[str, Profile]:
        """Every profile of a resource group by its resource text, for looking only: no ETags.

        Raises:
            ActionError: what Azure answered, translated.
        """
        client, found = await self._open(), {}
        doing = f"listing the Traffic Manager profiles of {resource_group}"
        with translated(doing, self._subscription or ""):
            async for model in client.profiles.list_by_resource_group(resource_group):
                document = model.as_dict()
                ref = ProfileRef(resource_group, document["name"])
                found[ref.resource] = Profile(ref, document, None)
        return found

    async def write(
        self, now: Profile, wanted: Mapping[str, Endpoint], tags: Mapping[str, str]
    ) -> Profile:
        """Change endpoints and tags in one request, if the profile still is `now`.

        Where Azure gives no ETag there is no condition, and the last writer wins.

        Raises:
            Moved: it is not.
            ActionError: what Azure answered, translated.
        """
        client, ref = await self._open(), now.ref
        with translated(f"updating {ref}", self._subscription or ""):
            profile: Profile = await client.profiles.update(
                ref.resource_group,
                ref.profile,
                now.written(wanted, tags),
                headers={"If-Match": now.etag} if now.etag else {},
                cls=_as_came(ref),
            )
        return profile

    async def close(self) -> None:
        """Close the client and its credential; the next use opens them again."""
        client, self._client = self._client, None
        credential, self._credential = self._credential, None
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._opened()
            return self._client

    async def _opened(self) -> Any:
        if not self._subscription:
            raise InvalidInput(
                "no Azure subscription is configured; set HOLDFAST_AZURE_SUBSCRIPTION_ID for the"
                " worker"
            )
        await self.warm()
        from azure.mgmt.trafficmanager.aio import TrafficManagerManagementClient

        if self._make_credential is not None:
            self._credential = self._make_credential()
        else:
            from azure.identity.aio import DefaultAzureCredential

            self._credential = DefaultAzureCredential()
        spending = []
        if self._budgets is not None:
            # One credential per process: it needs no name.
            mine = self._budgets.of(
                "Azure Resource Manager", "worker", self._subscription, self._limits
            )
            spending.append(_spend(mine))
        plain = (self._endpoint or "").lower().startswith("http://")
        return TrafficManagerManagementClient(
            self._credential,
            self._subscription,
            self._endpoint or AZURE,
            # Retries are the workflow's: it looks before it repeats anything.
            retry_total=0,
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=self._read_timeout_s,
            per_call_policies=[_allow_http()] if plain else [],
            per_retry_policies=spending,
        )


def _as_came(ref: ProfileRef) -> Any:
    """Hands over the answer's own JSON and its ETag instead of the client's model."""

    def profile(answer: Any, _model: Any, _headers: Any) -> Profile:
        response = answer.http_response
        document = response.json()
        return Profile(ref, document, response.headers.get("ETag") or document.get("etag"))

    return profile


def _allow_http() -> Any:
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class AllowHttp(SansIOHTTPPolicy[Any, Any]):
        """Lets a bearer token travel over plain HTTP, to an endpoint that was given as such."""

        def on_request(self, request: Any) -> None:
            request.context.options["enforce_https"] = False

    return AllowHttp()


def _spend(budgets: Mapping[Kind, Budget]) -> Any:
    """Has each request wait for its turn: also one that only asks how an operation is going."""
    from azure.core.pipeline.policies import AsyncHTTPPolicy

    class InTurn(AsyncHTTPPolicy[Any, Any]):
        async def send(self, request: Any) -> Any:
            kind = Kind.of(request.http_request.method)
            async with budgets[kind].request() as heard:
                answer = await self.next.send(request)
                headers = answer.http_response.headers
                left = headers.get(REMAINING.format(kind), "")
                heard(
                    answer.http_response.status_code,
                    headers.get("Retry-After"),
                    float(left) if left.isdecimal() else None,
                )
            return answer

    return InTurn()


__all__ = ["TrafficManagerConnections"]
