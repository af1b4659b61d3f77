"""What the Azure actions are told. Imports no client: reading an estate needs only this."""

from dataclasses import dataclass
from shlex import quote
from typing import Annotated

from pydantic import StringConstraints

from ...workflows.model.document import Document

ResourceGroup = Annotated[
    str, StringConstraints(pattern=r"^[\w().-]*[\w()-]$", min_length=1, max_length=90)
]
ResourceName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$", max_length=260)
]


@dataclass(frozen=True)
class ProfileRef:
    """One Traffic Manager profile of the worker's subscription."""

    resource_group: str
    profile: str

    @property
    def resource(self) -> str:
        """The profile as one text, the same wherever it is named; Azure ignores case."""
        return f"azure/{self.resource_group}/{self.profile}".lower()

    @property
    def az(self) -> str:
        """How an az command that updates one of its endpoints begins."""
        return (
            "az network traffic-manager endpoint update"
            f" -g {quote(self.resource_group)} --profile-name {quote(self.profile)}"
        )

    def __str__(self) -> str:
        return f"Traffic Manager profile {self.resource_group}/{self.profile}"


class EndpointInputs(Document):
    """Names one endpoint of one profile."""

    resource_group: ResourceGroup
    profile: ResourceName
    endpoint: ResourceName

    @property
    def ref(self) -> ProfileRef:
        """The profile named."""
        return ProfileRef(self.resource_group, self.profile)


class PreferEndpointInputs(EndpointInputs):
    """Inputs of `azure.traffic_manager.prefer_endpoint`."""

    verify: bool = True
    """Wait until Traffic Manager's own probes find the endpoint online."""


class DisableEndpointInputs(EndpointInputs):
    """Inputs of `azure.traffic_manager.disable_endpoint`."""


__all__ = ["DisableEndpointInputs", "EndpointInputs", "PreferEndpointInputs", "ProfileRef"]
