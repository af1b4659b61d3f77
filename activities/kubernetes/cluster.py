"""The calls the actions make: list, read, patch and watch workloads, and ask what is allowed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from ...workflows.model.errors import ActionError, Conflict, NotFound, Throttled
from ..mutation import Moved
from .connections import KubernetesConnections, Send
from .failures import GONE, refused, unanswered
from .inputs import Kind, WorkloadRef
from .workload import Workload

PAGE = 500
REVIEW_S_MAX = 1.0
_PLURAL = {Kind.DEPLOYMENT: "deployments", Kind.STATEFULSET: "statefulsets"}
_METHOD = {Kind.DEPLOYMENT: "deployment", Kind.STATEFULSET: "stateful_set"}


class Expired(Exception):
    """A watch cannot go on from where it was; what is watched has to be read again."""


class Cluster:
    """Workloads of the clusters that a worker can reach."""

    def __init__(self, connections: KubernetesConnections) -> None:
        """Use the process's connections."""
        self._connections = connections
        self._without_reviews: set[str] = set()

    async def read(self, ref: WorkloadRef) -> Workload:
        """The workload as it is now.

        Raises:
            NotFound: there is none of that name.
        """
        doing = f"reading {ref.kind} {ref}"
        send = _apps(f"read_namespaced_{_METHOD[ref.kind]}", name=ref.name, namespace=ref.namespace)
        return Workload.parse(await self._connections.read(ref.context, doing, send))

    async def list(
        self, context: str, kind: Kind, namespace: str | None, name: str | None = None
    ) -> dict[WorkloadRef, Workload]:
        """Every workload of a kind, of one namespace or of all, or the one of a name."""
        of, where = _METHOD[kind], namespace or "every namespace"
        call = f"list_namespaced_{of}" if namespace else f"list_{of}_for_all_namespaces"
        arguments: dict[str, Any] = {"limit": PAGE}
        if namespace:
            arguments["namespace"] = namespace
        if name:
            arguments["field_selector"] = f"metadata.name={name}"
        found: dict[WorkloadRef, Workload] = {}
        while True:
            send = _apps(call, **arguments)
            doing = f"listing {_PLURAL[kind]} of {where}"
            page = await self._connections.read(context, doing, send)
            for item in page.get("items") or ():
                metadata = item["metadata"]
                ref = WorkloadRef(context, metadata["namespace"], kind, metadata["name"])
                found[ref] = Workload.parse(item)
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return found
            arguments["_continue"] = following

    async def patch(
        self,
        ref: WorkloadRef,
        version: str,
        annotations: Mapping[str, str | None],
        replicas: int | None,
    ) -> Workload:
        """Write annotations (None removes one) and replicas, if the workload is still at `version`.

        Raises:
            Moved: it is not.
        """
        body: dict[str, Any] = {
            "metadata": {"resourceVersion": version, "annotations": dict(annotations)}
        }
        if replicas is not None:
            body["spec"] = {"replicas": replicas}
        send = _apps(
            f"patch_namespaced_{_METHOD[ref.kind]}",
            name=ref.name,
            namespace=ref.namespace,
            body=body,
            field_manager="holdfast",
        )
        try:
            answer = await self._connections.read(ref.context, f"patching {ref.kind} {ref}", send)
        except Conflict as error:
            raise Moved(str(error)) from error
        return Workload.parse(answer)

    async def watch(self, ref: WorkloadRef, version: str, seconds: int) -> AsyncIterator[Workload]:
        """Each new state of the workload after `version`, for `seconds` at the most.

        Raises:
            Expired: the server no longer has what followed `version`, or the stream broke.
            NotFound: the workload was deleted.
        """
        import aiohttp

        doing = f"watching {ref.kind} {ref}"
        send = _apps(
            f"list_namespaced_{_METHOD[ref.kind]}",
            namespace=ref.namespace,
            field_selector=f"metadata.name={ref.name}",
            resource_version=version,
            timeout_seconds=seconds,
            watch=True,
            _request_timeout=seconds + self._connections.read_timeout_s,
        )
        try:
            answer = await self._connections.send(ref.context, doing, send)
        except Throttled:
            raise
        except ActionError as error:
            # Reading again tells more: whether it is the watch that fails or the cluster.
            raise Expired(str(error)) from error
        try:
            async for line in answer.content:
                if (seen := _event(json.loads(line), ref, doing)) is not None:
                    yield seen
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Expired(str(unanswered(error, ref.context, doing))) from error
        finally:
            answer.close()

    async def may_patch(self, context: str, kind: Kind, namespace: str) -> bool | None:
        """Whether the credential may patch a kind there; None if the server cannot tell."""
        return await self.may(context, "patch", "apps", _PLURAL[kind], namespace)

    async def may(
        self, context: str, verb: str, group: str, plural: str, namespace: str = ""
    ) -> bool | None:
        """Whether the credential may do something; None if the server cannot tell.

        Args:
            context: the kubeconfig context.
            verb: such as create.
            group: the API group; empty for the core one.
            plural: the resource, such as deployments.
            namespace: where; empty for what is of no namespace.
        """
        if context in self._without_reviews:
            return None
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }

        async def send(api: Any) -> Any:
            from kubernetes.aio import client

            authorization: Any = client.AuthorizationV1Api(api)
            create = authorization.create_self_subject_access_review_without_preload_content
            return await create(body=body)

        # An optional question: where it stays open, the answer comes with the first write.
        try:
            async with asyncio.timeout(REVIEW_S_MAX):
                review = await self._connections.read(context, "asking what is allowed", send)
        except NotFound:
            self._without_reviews.add(context)
            return None
        except (ActionError, TimeoutError):
            return None
        allowed = (review.get("status") or {}).get("allowed")
        return allowed if isinstance(allowed, bool) else None


def _apps(method: str, **arguments: Any) -> Send:
    """A call of the apps/v1 API that hands over the answer as it came.

    The client's own models are passed by: they cost more than the call, and refuse fields that a
    newer server leaves out.
    """

    async def send(api: Any) -> Any:
        from kubernetes.aio import client

        call = getattr(client.AppsV1Api(api), f"{method}_without_preload_content")
        return await call(**arguments)

    return send


def _event(event: dict[str, Any], ref: WorkloadRef, doing: str) -> Workload | None:
    kind, document = event.get("type"), cast(dict[str, Any], event.get("object") or {})
    if kind in ("ADDED", "MODIFIED"):
        return Workload.parse(document)
    if kind == "DELETED":
        raise NotFound(f"{ref.kind} {ref} was deleted meanwhile; create it, then retry the step")
    if kind == "ERROR":
        code = document.get("code") or GONE
        raise Expired(str(refused(code, json.dumps(document).encode(), {}, ref.context, doing)))
    return None


__all__ = ["Cluster", "Expired"]
