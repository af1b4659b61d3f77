"""Open connections to clusters: one client per kubeconfig context, held for the worker's life."""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...workflows.model.errors import ActionError, InvalidInput
from ..budgets import Budget, Budgets, Kind
from ..token_bucket import Limit
from .failures import refused, unanswered
from .kubeconfig import Kubeconfig

if TYPE_CHECKING:
    import aiohttp

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2.0, 5.0
IN_CLUSTER = "in-cluster"
"""The context of the cluster the worker itself runs in, where there is no kubeconfig."""
CREDENTIAL_AGE_S = 30.0
"""A credential refused that was read longer ago is read again before it is called refused."""
LIMITS = {kind: Limit(300, 100) for kind in Kind}
"""An API server has no rate of its own. It queues what it cannot serve, by its suggested settings
six queues of fifty for a client, and answers 429 to what finds them full; so many may come at once.
"""

_DUE: ContextVar[asyncio.Timeout] = ContextVar("due")
"""The time limit of the request that is being sent."""

Send = Callable[[Any], Awaitable["aiohttp.ClientResponse"]]


@dataclass
class _Client:
    api: Any
    opened: float


class KubernetesConnections:
    """The clients of a worker process, opened on first use."""

    def __init__(
        self,
        kubeconfig: str | None = None,
        *,
        read_timeout_s: float = READ_TIMEOUT_S,
        budgets: Budgets | None = None,
    ) -> None:
        """Keep the settings; nothing is read or opened.

        Args:
            kubeconfig: path of a kubeconfig, or several joined by the system's path separator; None
                for KUBECONFIG, `~/.kube/config`, or else the service account of the worker's pod
                under the context `in-cluster`.
            read_timeout_s: how long one request may take, once its turn has come.
            budgets: the process's; None to send without waiting for a turn.
        """
        self.read_timeout_s = read_timeout_s
        self._budgets = budgets
        self._kubeconfig = Kubeconfig(kubeconfig)
        self._given = kubeconfig is not None
        self._clients: dict[str, _Client] = {}
        self._opening = asyncio.Lock()

    async def warm(self) -> None:
        """Load the client library, which takes a second, without stopping the event loop."""
        await asyncio.to_thread(importlib.import_module, "kubernetes.aio.client")

    async def send(self, context: str, doing: str, send: Send) -> "aiohttp.ClientResponse":
        """Send one request to a cluster and return its answer's head, a success.

        Args:
            context: the kubeconfig context.
            doing: what the request is for, for messages.
            send: sends it with the ApiClient it is given, and is called once; twice only if the
                first was answered 401 and a newer credential is at hand.

        Raises:
            InvalidInput: the kubeconfig has no such context.
            Throttled: the cluster's budget does not come to this request in time.
            ActionError: what the cluster answered, translated.
        """
        import aiohttp

        while True:
            client = await self._client(context)
            try:
                # The head of an answer is due at once, even that of a watch.
                async with asyncio.timeout(self.read_timeout_s) as due:
                    _DUE.set(due)
                    answer = await send(client.api)
                if answer.status < 300:
                    return answer
                body = await answer.read()
            except (aiohttp.ClientError, OSError) as error:
                raise unanswered(error, context, doing) from error
            age = time.monotonic() - client.opened
            if answer.status == 401 and age > CREDENTIAL_AGE_S:
                await self._forget(context, client)
                continue
            raise refused(answer.status, body, answer.headers, context, doing)

    async def read(self, context: str, doing: str, send: Send) -> Any:
        """Send one request as `send` does, and return its answer's JSON."""
        import aiohttp

        answer = await self.send(context, doing, send)
        try:
            return await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unanswered(error, context, doing) from error

    async def close(self) -> None:
        """Close every client; the next use opens them again."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.api.close()

    async def _client(self, context: str) -> _Client:
        if context not in self._clients:
            async with self._opening:
                if context not in self._clients:
                    api = await self._open(context)
                    self._clients[context] = _Client(api, time.monotonic())
        return self._clients[context]

    async def _open(self, context: str) -> Any:
        await self.warm()
        from kubernetes.aio import client, config

        loader: Any = config  # it has no annotations
        settings = client.Configuration()
        credential = IN_CLUSTER
        try:
            if context == IN_CLUSTER and not self._given and not self._kubeconfig.exists:
                loader.load_incluster_config(client_configuration=settings)
            else:
                document = self._kubeconfig.only(context)
                credential = ", ".join(user["name"] for user in document["users"])
                await loader.load_kube_config_from_dict(
                    document, context=context, client_configuration=settings
                )
            # Reads the certificates, which blocks.
            api = await asyncio.to_thread(client.ApiClient, settings)
        except ActionError:
            raise
        except (config.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(
                f"context {context!r} of the kubeconfig cannot be used ({type(error).__name__});"
                f" check it with kubectl --context {context} version"
            ) from error
        _bound(api, self.read_timeout_s)
        if self._budgets is not None:
            _spend(api, self._budgets.of("Kubernetes", credential, settings.host, LIMITS))
        return api

    async def _forget(self, context: str, client: _Client) -> None:
        if self._clients.get(context) is client:
            del self._clients[context]
            await client.api.close()


def _bound(api: Any, read_timeout_s: float) -> None:
    """Give each request a time limit for connecting besides the one for the whole of it."""
    import aiohttp

    request = api.rest_client.request

    async def bounded(*args: Any, _request_timeout: float | None = None, **kwargs: Any) -> Any:
        limit = aiohttp.ClientTimeout(
            total=_request_timeout or read_timeout_s, sock_connect=CONNECT_TIMEOUT_S
        )
        return await request(*args, _request_timeout=limit, **kwargs)

    api.rest_client.request = bounded


def _spend(api: Any, budgets: Mapping[Kind, Budget]) -> None:
    """Have each request wait for its turn; its time limit begins when it is sent."""
    request = api.rest_client.request

    async def in_turn(method: str, *args: Any, **kwargs: Any) -> Any:
        due, loop = _DUE.get(), asyncio.get_running_loop()
        when = due.when()
        left = None if when is None else when - loop.time()
        due.reschedule(None)
        async with budgets[Kind.of(method)].request() as heard:
            due.reschedule(None if left is None else loop.time() + left)
            answer = await request(method, *args, **kwargs)
            heard(answer.status, answer.headers.get("Retry-After"))
        return answer

    api.rest_client.request = in_turn


__all__ = ["IN_CLUSTER", "KubernetesConnections"]
