"""What both actions have in common: one conditional write to a profile, and its way back."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from ...workflows.model.errors import ActionError, Conflict
from ...workflows.model.step import Applied, Evidence, Observation, Qualification
from ..action import Action, Call, Probed, Undo
from ..fencing import Admission, to_labels
from ..mutation import AGAIN, is_own, mutate, was_applied
from .batch import find
from .connections import TrafficManagerConnections
from .inputs import EndpointInputs
from .places import Endpoints, by_name, differences, holds, put_back, text_of, undo_command
from .profile import TAG_PREFIX, Profile, parse_image

RoutingInputs = TypeVar("RoutingInputs", bound=EndpointInputs)
Decide = Callable[[Profile, Admission], Endpoints | None]


class RoutingAction(Action[RoutingInputs], Generic[RoutingInputs]):
    """An action that changes which endpoint of a profile is answered."""

    def __init__(self, connections: TrafficManagerConnections) -> None:
        """Use the process's connections."""
        self._connections = connections

    @abstractmethod
    def wanted(self, inputs: RoutingInputs, before: Endpoints, profile: Profile) -> Endpoints:
        """The endpoints this action changes, as it wants them, given how they were.

        Raises:
            ActionError: it can never be done on such a profile.
        """

    @abstractmethod
    def check(self, inputs: RoutingInputs, profile: Profile) -> None:
        """Refuse what would do harm on the profile as it is at this moment.

        Raises:
            Conflict: says what has to be changed first.
        """

    @abstractmethod
    def observe(
        self, step: Probed[RoutingInputs], profile: Profile, seen: Observation
    ) -> Observation:
        """Complete the observation of a profile on which the step could be done."""

    @abstractmethod
    async def verify(
        self, call: Call[RoutingInputs], profile: Profile, old: Endpoints, wanted: Endpoints
    ) -> Evidence:
        """Prove the effect on a profile that carries it."""

    async def probe(self, steps: Sequence[Probed[RoutingInputs]]) -> Sequence[Observation]:
        """Look at each profile once, however many steps are about it."""
        found = await find(self._connections, (step.inputs.ref for step in steps))
        return [self._observe(step, found[step.inputs.ref]) for step in steps]

    async def apply(self, call: Call[RoutingInputs]) -> Evidence:
        """Change the endpoints in one write, then prove the effect."""
        ref = call.inputs.ref
        before = parse_image(call.before_image, ref)
        wanted: Endpoints = {}

        def decide(now: Profile, admission: Admission) -> Endpoints | None:
            nonlocal wanted
            wanted = self.wanted(call.inputs, before, now)
            if admission is Admission.DONE:
                return None
            if not is_own(now.mark, call.token) and (text := differences(before, now)):
                raise Conflict(
                    f"{ref} is not as the recovery saw it: {text}; somebody else changed it. Look"
                    f" who, then, {AGAIN}"
                )
            self.check(call.inputs, now)
            return wanted

        profile = await self._mutate(call, decide)
        return await self.verify(call, profile, before, wanted)

    async def revert(self, undo: Undo[RoutingInputs]) -> Evidence:
        """Put back what this step changed of the endpoints, and nothing else."""
        ref = undo.inputs.ref
        before = parse_image(undo.before_image, ref)
        restored: Endpoints = {}
        applied = False

        def decide(now: Profile, admission: Admission) -> Endpoints | None:
            nonlocal restored, applied
            applied = was_applied(undo, now.mark)
            if admission is Admission.DONE or applied:
                wanted = self.wanted(undo.inputs, before, now)
                restored = put_back(before, wanted, now)
            if admission is Admission.DONE:
                return None
            return restored

        profile = await self._mutate(undo, decide, seals=lambda: not applied)
        details = {"etag": profile.etag, "dns_ttl_s": profile.ttl.total_seconds()}
        if not restored:
            return Evidence(
                changed=False,
                sentence=f"{ref} was not changed by this step; it is sealed against a late attempt",
                details=details,
            )
        return Evidence(
            changed=True,
            sentence=f"{ref} answers as before ({text_of(restored.values())}); clients may see the"
            f" other answer for {profile.ttl.total_seconds():.0f} s more",
            details={**details, "restored": [each.image() for each in restored.values()]},
        )

    def _observe(self, step: Probed[RoutingInputs], seen: Profile | ActionError) -> Observation:
        ref = step.inputs.ref
        try:
            if isinstance(seen, ActionError):
                raise seen
            before = by_name(seen.endpoints)
            wanted = self.wanted(step.inputs, before, seen)
        except ActionError as error:
            return Observation(
                step=step.step,
                state=Applied.UNKNOWN,
                qualification=Qualification.NOT_QUALIFIED,
                reason=f"{type(error).__name__}: {error}",
                resource=ref.resource,
            )
        observation = Observation(
            step=step.step,
            state=Applied.APPLIED if holds(seen, wanted) else Applied.NOT_APPLIED,
            qualification=Qualification.QUALIFIED,
            reason=f"{ref}: {text_of(seen.endpoints)}",
            resource=ref.resource,
            before_image=seen.image(),
            epoch=seen.mark.epoch if seen.mark else 0,
            last_key=seen.mark.last_change if seen.mark else "",
            touched=seen.mark is not None and seen.mark.key == step.key,
            undo_command=undo_command(ref, before, wanted, seen),
            expected_duration=timedelta(0),
        )
        try:
            self.check(step.inputs, seen)
        except Conflict as error:
            # An earlier step of the plan may change that, so it is not the last word.
            update = {"qualification": Qualification.UNKNOWN, "reason": f"Conflict: {error}"}
            observation = observation.model_copy(update=update)
        return self.observe(step, seen, observation)

    async def _mutate(
        self, call: Call[RoutingInputs], decide: Decide, seals: Callable[[], bool] = lambda: False
    ) -> Profile:
        ref = call.inputs.ref

        async def write(now: Profile, endpoints: Endpoints) -> Profile:
            sealing = now.mark if seals() else None
            tags = to_labels(call.token, TAG_PREFIX, sealing=sealing)
            return await self._connections.write(now, endpoints, tags)

        return await mutate(
            call,
            ref.resource,
            read=lambda: self._connections.read(ref),
            mark=lambda now: now.mark,
            decide=decide,
            write=write,
        )


__all__ = ["RoutingAction"]
