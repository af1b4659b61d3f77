"""What the Kubernetes actions are told. Imports no client: reading an estate needs only this."""

from dataclasses import dataclass, replace
from enum import StrEnum
from shlex import quote
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from ...workflows.model.document import Document


class Kind(StrEnum):
    """The kinds of workload that have replicas and that people run."""

    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"


@dataclass(frozen=True)
class WorkloadRef:
    """One workload of one cluster."""

    context: str
    namespace: str
    kind: Kind
    name: str

    @property
    def resource(self) -> str:
        """The workload as one text, the same wherever it is named."""
        return f"kubernetes/{self.context}/{self.namespace}/{self.kind}/{self.name}"

    @property
    def kubectl(self) -> str:
        """How a kubectl command about its namespace begins."""
        return f"kubectl --context {quote(self.context)} -n {quote(self.namespace)}"

    @property
    def target(self) -> str:
        """The workload as kubectl takes it: `deployment/api`."""
        return quote(f"{self.kind}/{self.name}")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name} on {self.context}"


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a boolean is not a number of replicas")
    return value


Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
ObjectName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)
]
Replicas = Annotated[int, BeforeValidator(_no_boolean), Field(ge=0, le=10_000)]


class NamedWorkload(Document):
    """Names a workload within its namespace."""

    deployment: ObjectName | None = None
    """Name of a Deployment; either this or `statefulset`."""
    statefulset: ObjectName | None = None
    """Name of a StatefulSet; either this or `deployment`."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.deployment is None) == (self.statefulset is None):
            raise ValueError("name exactly one workload: either deployment or statefulset")
        return self

    def ref_in(self, context: str, namespace: str) -> WorkloadRef:
        """The workload of that name there."""
        kind = Kind.STATEFULSET if self.deployment is None else Kind.DEPLOYMENT
        return WorkloadRef(context, namespace, kind, self.deployment or self.statefulset or "")


class WorkloadInputs(NamedWorkload):
    """Names one workload of one cluster."""

    context: str = Field(min_length=1, max_length=253)
    """The kubeconfig context of the cluster."""
    namespace: Label

    @property
    def ref(self) -> WorkloadRef:
        """The workload named."""
        return self.ref_in(self.context, self.namespace)


class ScaleInputs(WorkloadInputs):
    """Inputs of `kubernetes.scale`."""

    replicas: Replicas
    """How many replicas are wanted, all of them ready."""
    copied_from: Label | None = None
    """The workload is a copy, made by a step before this one of the workload of that name in this
    namespace, and starts at zero: until it is there, the original answers for it."""

    @property
    def original(self) -> WorkloadRef | None:
        """What the workload is a copy of; None if it is none."""
        return replace(self.ref, namespace=self.copied_from) if self.copied_from else None


class LeaseInputs(Document):
    """Names the lease that a site's own agent keeps at a witness.

    Its TTL must be longer than what the site's pods may take to end.
    """

    context: str = Field(min_length=1, max_length=253)
    """The kubeconfig context of the witness: another site's cluster."""
    namespace: Label
    name: ObjectName

    def __str__(self) -> str:
        return f"lease {self.namespace}/{self.name} at {self.context}"


class FenceInputs(WorkloadInputs):
    """Inputs of `kubernetes.fence`."""

    lease: LeaseInputs | None = None
    """A lease that proves, where the cluster does not answer, that its site serves nobody: once it
    expired more than its TTL ago. Only for a site whose agent renews it, and stops the site's
    services by itself when it could not renew it for the TTL."""

    when_unreachable: Literal["hold", "proceed"] = "hold"
    """What to do where the cluster does not answer, so that there is no evidence of the fence:
    wait for a person, or go on (only where two active sites do no harm)."""


class IsolateInputs(Document):
    """Inputs of `kubernetes.isolate`."""

    context: str = Field(min_length=1, max_length=253)
    """The kubeconfig context of the cluster."""
    namespace: Label
    """Where the originals are."""
    into: Label
    """The namespace to create for the copies."""
    workloads: tuple[NamedWorkload, ...] = Field(min_length=1, max_length=1000)
    """What to copy."""

    @model_validator(mode="after")
    def _is_another(self) -> Self:
        if self.into == self.namespace:
            raise ValueError("copies need a namespace of their own: into is the originals'")
        return self

    @property
    def originals(self) -> tuple[WorkloadRef, ...]:
        """The workloads to copy, each once."""
        refs = (each.ref_in(self.context, self.namespace) for each in self.workloads)
        return tuple(dict.fromkeys(refs))

    @property
    def resource(self) -> str:
        """The namespace of the copies as one text, the same wherever it is named."""
        return f"kubernetes/{self.context}/namespace/{self.into}"


__all__ = [
    "FenceInputs",
    "IsolateInputs",
    "Kind",
    "LeaseInputs",
    "ScaleInputs",
    "WorkloadInputs",
    "WorkloadRef",
]
