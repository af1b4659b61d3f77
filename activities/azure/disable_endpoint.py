"""`azure.traffic_manager.disable_endpoint`: a profile no longer answers with an endpoint."""

from dataclasses import replace
from typing import ClassVar

from ...workflows.model.errors import Conflict, VerificationFailed
from ...workflows.model.step import Evidence, Observation, Qualification
from ..action import Call, Probed
from ..mutation import AGAIN
from .inputs import DisableEndpointInputs
from .places import Endpoints, holds, text_of
from .profile import DISABLED, Profile
from .routing import RoutingAction


class DisableEndpoint(RoutingAction[DisableEndpointInputs]):
    """Takes an endpoint out of the routing; never the last one that is in it."""

    name: ClassVar[str] = "azure.traffic_manager.disable_endpoint"
    inputs_model = DisableEndpointInputs

    def wanted(
        self, inputs: DisableEndpointInputs, before: Endpoints, profile: Profile
    ) -> Endpoints:
        """The endpoint, disabled.

        Raises:
            NotFound: the profile has no such endpoint.
        """
        name = profile.endpoint(inputs.endpoint).name.lower()
        return {name: replace(before[name], status=DISABLED)} if name in before else {}

    def check(self, inputs: DisableEndpointInputs, profile: Profile) -> None:
        """Refuse to disable the last enabled endpoint.

        Raises:
            Conflict: no other endpoint is enabled.
        """
        name = inputs.endpoint.lower()
        others = [each for each in profile.endpoints if each.name.lower() != name]
        if profile.endpoint(name).enabled and not any(other.enabled for other in others):
            raise Conflict(
                f"{inputs.endpoint} is the last enabled endpoint of {profile.ref}: without it, its"
                " name would no longer resolve; enable another first"
            )

    def observe(
        self, step: Probed[DisableEndpointInputs], profile: Profile, seen: Observation
    ) -> Observation:
        """Add the change, and a warning where nothing healthy would be left.

        A profile with no other endpoint is refused: no step of a plan can add one.
        """
        name = step.inputs.endpoint.lower()
        healthy = [
            other.name
            for other in profile.endpoints
            if other.name.lower() != name and profile.monitor_status(other.name) == "Online"
        ]
        warning = "" if healthy else "; none of the others is Online now"
        change = f"disable {step.inputs.endpoint} in {step.inputs.profile}"
        update: dict[str, object] = {"change": change, "reason": seen.reason + warning}
        if len(profile.endpoints) == 1:
            update["qualification"] = Qualification.NOT_QUALIFIED
        return seen.model_copy(update=update)

    async def verify(
        self,
        call: Call[DisableEndpointInputs],
        profile: Profile,
        old: Endpoints,
        wanted: Endpoints,
    ) -> Evidence:
        """Take Azure's answer to the write for proof: a status is a setting, nothing follows."""
        if not holds(profile, wanted):
            raise VerificationFailed(
                f"{profile.ref} was changed by somebody else: {text_of(profile.endpoints)}; look"
                f" who, then, {AGAIN}"
            )
        ttl, name = profile.ttl.total_seconds(), call.inputs.endpoint
        return Evidence(
            changed=any(old[each] != wanted[each] for each in wanted),
            sentence=f"{profile.ref} no longer answers with {name}; clients may still use it for"
            f" {ttl:.0f} s",
            details={
                "before": text_of(old.values()),
                "after": text_of(profile.endpoints),
                "dns_ttl_s": ttl,
                "probe_interval_s": profile.interval.total_seconds(),
                "etag": profile.etag,
            },
        )


__all__ = ["DisableEndpoint"]
