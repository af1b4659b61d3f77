"""The kinds of object that a site serves: built-in ones, and those that CRDs add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

_ALL_VERBS: Final = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource in one version.

    ``generation`` tells whether the kind counts changes of its spec; ``schema`` is the structural
    schema of a custom resource, ``scale_paths`` where its scale subresource keeps the replicas.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    generation: bool = False
    builtin: bool = True
    short_names: tuple[str, ...] = ()
    list_kind: str = ""
    singular: str = ""
    storage_version: str = ""
    schema: dict[str, Any] | None = field(default=None, compare=False, hash=False)
    scale_paths: tuple[str, str, str] = ("", "", "")

    @property
    def api_version(self) -> str:
        """Return ``group/version``, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return the resource as error messages name it, such as ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage(self) -> str:
        """Return the key under which all versions of the kind are stored together."""
        return f"{self.group}/{self.plural}"

    def documents(self) -> list[dict[str, Any]]:
        """Return the discovery entries of the resource and its subresources."""
        main: dict[str, Any] = {
            "name": self.plural,
            "singularName": self.singular or self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(_ALL_VERBS),
        }
        if self.short_names:
            main["shortNames"] = list(self.short_names)
        listed = [main]
        for name in sorted(self.subresources):
            entry: dict[str, Any] = {
                "name": f"{self.plural}/{name}",
                "singularName": "",
                "namespaced": self.namespaced,
                "kind": self.kind,
                "verbs": ["get", "patch", "update"],
            }
            if name == "scale":
                entry |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            listed.append(entry)
        return listed


_STATUS: Final = frozenset({"status"})
_SCALED: Final = frozenset({"status", "scale"})

NAMESPACES: Final = Resource(
    "", "v1", "namespaces", "Namespace", namespaced=False, subresources=_STATUS, short_names=("ns",)
)
DEPLOYMENTS: Final = Resource(
    "apps",
    "v1",
    "deployments",
    "Deployment",
    subresources=_SCALED,
    generation=True,
    short_names=("deploy",),
)
STATEFULSETS: Final = Resource(
    "apps",
    "v1",
    "statefulsets",
    "StatefulSet",
    subresources=_SCALED,
    generation=True,
    short_names=("sts",),
)
CRDS: Final = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    subresources=_STATUS,
    generation=True,
    short_names=("crd", "crds"),
)

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")

BUILT_IN: Final = (
    NAMESPACES,
    Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",)),
    Resource("", "v1", "secrets", "Secret"),
    Resource("", "v1", "services", "Service", subresources=_STATUS, short_names=("svc",)),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Resource("", "v1", "events", "Event", short_names=("ev",)),
    DEPLOYMENTS,
    STATEFULSETS,
    LEASES,
    Resource(
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        "NetworkPolicy",
        generation=True,
        short_names=("netpol",),
    ),
    CRDS,
)


def of_crd(crd: dict[str, Any]) -> list[Resource]:
    """Return the resources that a CustomResourceDefinition serves, one for each served version."""
    spec = crd["spec"]
    names = spec["names"]
    storage = next(v["name"] for v in spec["versions"] if v.get("storage"))
    return [
        _of_version(spec, names, version, storage)
        for version in spec["versions"]
        if version.get("served")
    ]


def _of_version(
    spec: dict[str, Any], names: dict[str, Any], version: dict[str, Any], storage: str
) -> Resource:
    declared = version.get("subresources") or {}
    scale = declared.get("scale") or {}
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        subresources=frozenset(declared) & _SCALED,
        generation=True,
        builtin=False,
        short_names=tuple(names.get("shortNames") or ()),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        singular=names.get("singular") or names["kind"].lower(),
        storage_version=storage,
        schema=version["schema"]["openAPIV3Schema"],
        scale_paths=(
            scale.get("specReplicasPath", ""),
            scale.get("statusReplicasPath", ""),
            scale.get("labelSelectorPath", ""),
        ),
    )
