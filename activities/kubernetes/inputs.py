"""What the Kubernetes actions are told. Imports no client: reading an estate needs only this."""

from dataclasses import dataclass
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


class WorkloadInputs(Document):
    """Names one workload."""

    context: str = Field(min_length=1, max_length=253)
    """The kubeconfig context of the cluster."""
    namespace: Label
    deployment: ObjectName | None = None
    """Name of a Deployment; either this or `statefulset`."""
    statefulset: ObjectName | None = None
    """Name of a StatefulSet; either this or `deployment`."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.deployment is None) == (self.statefulset is None):
            raise ValueError("name exactly one workload: either deployment or statefulset")
        return self

    @property
    def ref(self) -> WorkloadRef:
        """The workload named."""
        kind = Kind.STATEFULSET if self.deployment is None else Kind.DEPLOYMENT
        name = self.deployment or self.statefulset or ""
        return WorkloadRef(self.context, self.namespace, kind, name)


class ScaleInputs(WorkloadInputs):
    """Inputs of `kubernetes.scale`."""

    replicas: Replicas
    """How many replicas are wanted, all of them ready."""


class FenceInputs(WorkloadInputs):
    """Inputs of `kubernetes.fence`."""

    when_unreachable: Literal["hold", "proceed"] = "hold"
    """What to do where the cluster does not answer, so that there is no evidence of the fence:
    wait for a person, or go on (only where two active sites do no harm)."""


__all__ = ["FenceInputs", "Kind", "ScaleInputs", "WorkloadInputs", "WorkloadRef"]
