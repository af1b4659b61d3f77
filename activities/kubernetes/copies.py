"""What an isolated copy of a workload is made of. Pure: documents in, documents out.

Copied are the workload at zero replicas, and what its pods name: config maps, secrets and service
accounts; and the services that lead to them, for inside the namespace only. Not copied are data
(volume claims), what lets traffic in (ingresses, gateways, node ports), what acts by itself
(autoscalers, jobs) and what grants rights (roles and their bindings).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..fencing import KEY
from .objects import CONFIG_MAP, SECRET, SERVICE_ACCOUNT, Document, ObjectKind
from .workload import ANNOTATION_PREFIX

POLICY = "holdfast-isolated"
MANAGED_BY = "app.kubernetes.io/managed-by"
POD_SECURITY = "pod-security.kubernetes.io/"
TOKEN_SECRET = "kubernetes.io/service-account-token"
_BOOKKEEPING = (
    "deployment.kubernetes.io/",
    "kubectl.kubernetes.io/",
    "meta.helm.sh/",
    "helm.sh/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    ANNOTATION_PREFIX,
)
"""Whose labels and annotations tell a tool that the object is its own."""
_OF_THE_SERVICE = (
    "clusterIPs",
    "externalIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
)
_DNS_PORTS = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]


def policy() -> Document:
    """The NetworkPolicy that lets nothing into the namespace or out of it, but to the DNS."""
    neighbours: Document = {"podSelector": {}}
    system = {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    return {
        "metadata": {"name": POLICY},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [neighbours]}],
            "egress": [
                {"to": [neighbours]},
                {"to": [{"namespaceSelector": system}], "ports": _DNS_PORTS},
            ],
        },
    }


def signed(body: Document, kind: ObjectKind, key: str) -> Document:
    """A body that says by which step it was made."""
    metadata = body["metadata"]
    own = f"{key}/{kind.kind.lower()}/{metadata['name']}"
    annotations = {**(metadata.get("annotations") or {}), f"{ANNOTATION_PREFIX}{KEY}": own}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def copy_of(original: Document) -> Document:
    """An object without what the cluster and other tools wrote on it."""
    metadata = original["metadata"]
    kept: Document = {"name": metadata["name"]}
    for field in ("labels", "annotations"):
        if entries := dict(_own(metadata.get(field) or {})):
            kept[field] = entries
    rest = {
        name: value
        for name, value in original.items()
        if name not in ("metadata", "status", "apiVersion", "kind")
    }
    return {**rest, "metadata": kept}


def workload_copy(original: Document) -> Document:
    """A workload at zero replicas."""
    copy = copy_of(original)
    # One that is paused would not roll its first pods out.
    spec = {name: value for name, value in copy["spec"].items() if name != "paused"}
    return {**copy, "spec": {**spec, "replicas": 0}}


def service_copy(original: Document) -> Document:
    """A service that is reached from within its namespace alone."""
    copy = copy_of(original)
    spec = {name: value for name, value in copy["spec"].items() if name not in _OF_THE_SERVICE}
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
    spec["type"] = "ClusterIP"
    spec["ports"] = [
        {name: value for name, value in port.items() if name != "nodePort"}
        for port in spec.get("ports") or ()
    ]
    return {**copy, "spec": spec}


def account_copy(original: Document) -> Document:
    """A service account, without the tokens that were made for it."""
    copy = copy_of(original)
    return {name: value for name, value in copy.items() if name != "secrets"}


def leads_to(service: Document, workloads: Iterable[Document]) -> bool:
    """Whether a service selects the pods of one of the workloads."""
    selector = (service.get("spec") or {}).get("selector") or {}
    return bool(selector) and any(
        selector.items() <= _labels_of_pods(workload).items() for workload in workloads
    )


def named_by(workload: Document) -> set[tuple[ObjectKind, str]]:
    """The objects that a workload's pods name, by kind and name."""
    pod = _pod(workload)
    found = {(CONFIG_MAP, name) for name in _config_maps(pod) if name}
    found |= {(SECRET, name) for name in _secrets(pod) if name}
    account = pod.get("serviceAccountName")
    if account and account != "default":
        found.add((SERVICE_ACCOUNT, account))
    return found


def pull_secrets(account: Document) -> set[tuple[ObjectKind, str]]:
    """The secrets that a service account adds to its pods."""
    named = account.get("imagePullSecrets") or ()
    return {(SECRET, each["name"]) for each in named if each.get("name")}


def claims(workload: Document) -> tuple[str, ...]:
    """The volume claims that a workload's pods name; their data is not copied."""
    volumes = _pod(workload).get("volumes") or ()
    named = (each["persistentVolumeClaim"]["claimName"] for each in volumes if _claims(each))
    return tuple(dict.fromkeys(named))


def governs(label: str) -> bool:
    """Whether a namespace's label decides which pods it admits, so that its copy needs it."""
    return label.startswith(POD_SECURITY)


def escapes(workload: Document) -> str | None:
    """Why a network policy would not confine the workload's pods; None if it would."""
    if _pod(workload).get("hostNetwork"):
        return "its pods use the network of their host, which no network policy confines"
    return None


def _claims(volume: Mapping[str, Any]) -> bool:
    return bool((volume.get("persistentVolumeClaim") or {}).get("claimName"))


def _own(entries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in entries.items():
        if name != MANAGED_BY and not name.startswith(_BOOKKEEPING):
            yield name, value


def _pod(workload: Document) -> Document:
    return ((workload["spec"].get("template") or {}).get("spec")) or {}


def _labels_of_pods(workload: Document) -> dict[str, str]:
    template = workload["spec"].get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _containers(pod: Document) -> Iterator[Document]:
    for field in ("initContainers", "containers"):
        yield from pod.get(field) or ()


def _config_maps(pod: Document) -> Iterator[str | None]:
    for container in _containers(pod):
        for source in container.get("envFrom") or ():
            yield (source.get("configMapRef") or {}).get("name")
        for variable in container.get("env") or ():
            yield ((variable.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name")
    for source in _sources(pod):
        yield (source.get("configMap") or {}).get("name")


def _secrets(pod: Document) -> Iterator[str | None]:
    for container in _containers(pod):
        for source in container.get("envFrom") or ():
            yield (source.get("secretRef") or {}).get("name")
        for variable in container.get("env") or ():
            yield ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
    for source in _sources(pod):
        secret = source.get("secret") or {}
        yield secret.get("secretName") or secret.get("name")
    for named in pod.get("imagePullSecrets") or ():
        yield named.get("name")


def _sources(pod: Document) -> Iterator[Document]:
    for volume in pod.get("volumes") or ():
        yield volume
        yield from (volume.get("projected") or {}).get("sources") or ()


__all__ = [
    "MANAGED_BY",
    "POLICY",
    "TOKEN_SECRET",
    "account_copy",
    "claims",
    "copy_of",
    "escapes",
    "governs",
    "leads_to",
    "named_by",
    "policy",
    "pull_secrets",
    "service_copy",
    "signed",
    "workload_copy",
]
