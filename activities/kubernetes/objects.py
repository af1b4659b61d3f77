"""The calls that isolation makes: objects of a few kinds as plain JSON, read and created.

The client's typed calls are passed by: they would drop the fields that a newer server has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...workflows.model.errors import Conflict, NotFound
from ..fencing import Mark, from_labels
from ..mutation import Moved
from .connections import KubernetesConnections, Send
from .inputs import Kind

Document = dict[str, Any]

PAGE = 500
FIELD_MANAGER = "holdfast"
CLUSTER_WIDE = ""


@dataclass(frozen=True)
class ObjectKind:
    """A kind of object, and where the API has it."""

    kind: str
    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core one."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "") -> str:
        """The path of the kind, in a namespace or `CLUSTER_WIDE`, or of one object of it."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")


NAMESPACE = ObjectKind("Namespace", "v1", "namespaces")
NETWORK_POLICY = ObjectKind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies")
CONFIG_MAP = ObjectKind("ConfigMap", "v1", "configmaps")
SECRET = ObjectKind("Secret", "v1", "secrets")
SERVICE = ObjectKind("Service", "v1", "services")
SERVICE_ACCOUNT = ObjectKind("ServiceAccount", "v1", "serviceaccounts")
WORKLOADS = {
    Kind.DEPLOYMENT: ObjectKind("Deployment", "apps/v1", "deployments"),
    Kind.STATEFULSET: ObjectKind("StatefulSet", "apps/v1", "statefulsets"),
}


@dataclass(frozen=True)
class Namespace:
    """A namespace, reduced to what isolation judges by."""

    name: str
    uid: str
    version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    going: bool
    """It is being deleted."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Namespace":
        """Read an object of the API."""
        metadata = document["metadata"]
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            labels=metadata.get("labels") or {},
            annotations=metadata.get("annotations") or {},
            going=bool(metadata.get("deletionTimestamp")),
        )

    def mark(self, prefix: str) -> Mark | None:
        """What the last mutation of a recovery left under a prefix."""
        return from_labels(self.annotations, prefix)


class Objects:
    """Objects of the clusters that a worker can reach."""

    def __init__(self, connections: KubernetesConnections) -> None:
        """Use the process's connections."""
        self._connections = connections

    async def get(
        self, context: str, kind: ObjectKind, namespace: str, name: str
    ) -> Document | None:
        """The object as it is now; None if there is none of that name."""
        send = _call("GET", kind.path(namespace, name))
        try:
            answer: Document = await self._connections.read(
                context, f"reading {_named(kind, namespace, name)}", send
            )
        except NotFound:
            return None
        return answer

    async def namespace(self, context: str, name: str) -> Namespace | None:
        """The namespace as it is now; None if there is none of that name."""
        found = await self.get(context, NAMESPACE, CLUSTER_WIDE, name)
        return Namespace.parse(found) if found else None

    async def list(self, context: str, kind: ObjectKind, namespace: str) -> list[Document]:
        """Every object of a kind, in a namespace or in all."""
        query, found = [("limit", str(PAGE))], list[Document]()
        where = namespace or "every namespace"
        while True:
            send = _call("GET", kind.path(namespace), query=query)
            doing = f"listing {kind.plural} of {where}"
            page = await self._connections.read(context, doing, send)
            found += page.get("items") or ()
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return found
            query = [("limit", str(PAGE)), ("continue", following)]

    async def create(
        self, context: str, kind: ObjectKind, namespace: str, body: Document
    ) -> Document | None:
        """Create an object and return it; None if there is one of that name already."""
        full = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        query = [("fieldManager", FIELD_MANAGER)]
        send = _call("POST", kind.path(namespace), query=query, body=full)
        doing = f"creating {_named(kind, namespace, body['metadata']['name'])}"
        try:
            answer: Document = await self._connections.read(context, doing, send)
        except Conflict:
            return None
        return answer

    async def annotate(
        self, context: str, now: Namespace, annotations: Mapping[str, str]
    ) -> Namespace:
        """Write annotations, if the namespace is still what was read.

        Raises:
            Moved: it is not.
        """
        body = {"metadata": {"resourceVersion": now.version, "annotations": dict(annotations)}}
        send = _call(
            "PATCH",
            NAMESPACE.path(CLUSTER_WIDE, now.name),
            query=[("fieldManager", FIELD_MANAGER)],
            body=body,
            content_type="application/merge-patch+json",
        )
        try:
            answer = await self._connections.read(context, f"marking namespace {now.name}", send)
        except Conflict as error:
            raise Moved(str(error)) from error
        return Namespace.parse(answer)

    async def delete(self, context: str, now: Namespace) -> None:
        """Begin to delete a namespace with all in it, if it is still what was read.

        Raises:
            Moved: it is not.
        """
        preconditions = {"uid": now.uid, "resourceVersion": now.version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        send = _call("DELETE", NAMESPACE.path(CLUSTER_WIDE, now.name), body=options)
        try:
            await self._connections.read(context, f"deleting namespace {now.name}", send)
        except NotFound:
            return
        except Conflict as error:
            raise Moved(str(error)) from error


def _named(kind: ObjectKind, namespace: str, name: str) -> str:
    return f"{kind.kind.lower()} {namespace}/{name}" if namespace else f"{kind.kind.lower()} {name}"


def _call(
    method: str,
    path: str,
    *,
    query: list[tuple[str, str]] | None = None,
    body: Document | None = None,
    content_type: str = "application/json",
) -> Send:
    async def send(api: Any) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        request = await api.param_serialize(
            method=method,
            resource_path=path,
            query_params=query or [],
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        return (await api.call_api(*request)).response

    return send


__all__ = [
    "CLUSTER_WIDE",
    "CONFIG_MAP",
    "NAMESPACE",
    "NETWORK_POLICY",
    "SECRET",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "WORKLOADS",
    "Namespace",
    "ObjectKind",
    "Objects",
]
