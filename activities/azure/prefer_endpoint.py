"""`azure.traffic_manager.prefer_endpoint`: a profile answers with one endpoint first."""

import time
from typing import ClassVar

from ...workflows.model.errors import Conflict, InvalidInput, VerificationFailed
from ...workflows.model.step import Applied, Evidence, Observation
from ..action import Call, Probed
from ..fencing import judge
from ..polling import Look, poll
from .inputs import PreferEndpointInputs
from .places import Endpoints, by_name, differences, holds, prioritised, text_of, weighted
from .profile import Profile
from .routing import RoutingAction

POLL_S_MAX = 0.5
"""Traffic Manager has no watch; its own probes are 10 s or more apart."""
SERVED = ("Online", "Unmonitored")


class PreferEndpoint(RoutingAction[PreferEndpointInputs]):
    """Gives an endpoint the first place of a Priority profile, or the weight of a Weighted one."""

    name: ClassVar[str] = "azure.traffic_manager.prefer_endpoint"
    inputs_model = PreferEndpointInputs

    def wanted(
        self, inputs: PreferEndpointInputs, before: Endpoints, profile: Profile
    ) -> Endpoints:
        """Every endpoint of the profile in its new place.

        Raises:
            InvalidInput: the profile routes by something else than priority or weight.
            NotFound: it has no such endpoint.
        """
        preferred = profile.endpoint(inputs.endpoint).name.lower()
        places = {name: each for name, each in before.items() if name in by_name(profile.endpoints)}
        if profile.routing == "Weighted":
            return weighted(places, preferred)
        if profile.routing == "Priority":
            return prioritised(places, preferred)
        raise InvalidInput(
            f"{profile.ref} routes by {profile.routing}; an endpoint can be preferred only where a"
            " profile routes by Priority or Weighted"
        )

    def check(self, inputs: PreferEndpointInputs, profile: Profile) -> None:
        """Refuse a profile that answers nobody.

        Raises:
            Conflict: the profile is disabled.
        """
        if not profile.enabled:
            raise Conflict(
                f"{profile.ref} is disabled and answers nobody, whichever endpoint it prefers;"
                " enable the profile first"
            )

    def observe(
        self, step: Probed[PreferEndpointInputs], profile: Profile, seen: Observation
    ) -> Observation:
        """Add the change and what its proof is expected to take."""
        endpoint = profile.endpoint(step.inputs.endpoint)
        status = profile.monitor_status(endpoint.name)
        proved = not step.inputs.verify or (endpoint.enabled and status in SERVED)
        update: dict[str, object] = {
            "change": f"prefer {endpoint.name} in {step.inputs.profile}",
            "reason": f"{seen.reason}; {endpoint.name} is {status}",
        }
        if not proved:
            update |= {"state": Applied.NOT_APPLIED, "expected_duration": profile.first_verdict}
        return seen.model_copy(update=update)

    async def verify(
        self,
        call: Call[PreferEndpointInputs],
        profile: Profile,
        old: Endpoints,
        wanted: Endpoints,
    ) -> Evidence:
        """Look until Traffic Manager finds the endpoint online."""
        name, ref, started = call.inputs.endpoint, call.inputs.ref, time.monotonic()
        latest: Profile | None = None

        async def look() -> Look:
            nonlocal latest
            # The write's own answer is the first look.
            latest = profile if latest is None else await self._connections.read(ref)
            judge(latest.mark, call.token, ref.resource)
            status = latest.monitor_status(name)
            if not holds(latest, wanted):
                return Look(False, f"the profile was changed: {differences(wanted, latest)}")
            return Look(status in SERVED or not call.inputs.verify, f"{name} is {status}")

        last = await poll(look, call.remaining, call.heartbeat, longest_pause_s=POLL_S_MAX)
        seen, seconds = latest or profile, time.monotonic() - started
        if not last.held:
            raise VerificationFailed(
                f"{ref} was told to prefer {name}, but after {seconds:.0f} s {last.seen}; look at"
                " what Traffic Manager's probe gets from the endpoint, then retry the step"
            )
        ttl, interval = seen.ttl.total_seconds(), seen.interval.total_seconds()
        return Evidence(
            changed=any(old[each] != wanted[each] for each in wanted),
            sentence=f"{ref} prefers {name}, {seen.monitor_status(name)} after {seconds:.1f} s;"
            f" clients may see the old answer for {ttl:.0f} s more",
            details={
                "before": text_of(old.values()),
                "after": text_of(seen.endpoints),
                "monitor_status": seen.monitor_status(name),
                "seconds": round(seconds, 3),
                "dns_ttl_s": ttl,
                "probe_interval_s": interval,
                "etag": seen.etag,
            },
        )


__all__ = ["PreferEndpoint"]
