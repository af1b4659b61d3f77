"""Azure Resource Manager as the lab serves it: Traffic Manager, and the front all providers share.

The official clients work against it unmodified. It answers on ``/subscriptions/…`` and
``/providers/…``, in any case, for one subscription and one bearer token. Where the real service
chooses at random (weighted routing) or looks at the network (probes), the lab is deterministic and
looks at its own world.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .fencing import EPOCH, as_epoch, without_fencing
from .front import Front
from .operations import Follow, Operations
from .storage import AccountSeed, StorageAccounts
from .store import Profiles, Stored
from .throttle import Gate, Limit, Throttle
from .traffic_manager import TrafficManager

if TYPE_CHECKING:
    from ..parts import Health
    from ..seed import ProfileSeed

__all__ = ["AccountSeed", "AzureResourceManager", "Follow", "Limit", "Throttle"]


class AzureResourceManager:
    """The lab's Azure: one subscription with its Traffic Manager profiles."""

    system = "azure"

    def __init__(
        self,
        profiles: Sequence[ProfileSeed],
        health: Health,
        *,
        subscription_id: str,
        token: str,
        checking_s: float,
        throttle: Throttle | None = None,
        accounts: Sequence[AccountSeed] = (),
        operation_s: float = 2.0,
        retry_after_s: int = 1,
        follow: Follow = Follow.RESULT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Seed the subscription.

        Args:
            profiles: the Traffic Manager profiles; their groups are the resource groups.
            health: what the probes of Traffic Manager see.
            subscription_id: the only subscription there is.
            token: the bearer token that is accepted.
            checking_s: seconds an endpoint stays ``CheckingEndpoint`` once it is probed.
            throttle: request limits; None for no limit.
            accounts: geo-redundant storage accounts.
            operation_s: seconds a long-running operation takes.
            retry_after_s: whole seconds that a 202 asks the client to wait; 0 asks for nothing.
            follow: the headers that a 202 carries.
            clock: a monotonic clock, in seconds.
        """
        self._profiles = Profiles(
            profiles,
            health,
            subscription_id=subscription_id,
            checking_s=checking_s,
            clock=clock,
        )
        self._operations = Operations(
            subscription_id=subscription_id,
            duration_s=operation_s,
            retry_after_s=retry_after_s,
            clock=clock,
        )
        self.storage = StorageAccounts(
            accounts, self._operations, subscription_id=subscription_id, follow=follow
        )
        self._gate = Gate(throttle, clock)
        groups = [seed.resource_group for seed in profiles]
        groups += [seed.resource_group for seed in accounts]
        self._front = self._front_for(subscription_id, token, groups)

    def routes(self) -> list[web.RouteDef]:
        """Everything under ``/subscriptions`` and ``/providers``, in any case."""
        return [
            web.route("*", "/{scope:(?i:subscriptions|providers)}/{rest:.*}", self._front.handle)
        ]

    def answer(self, profile: str) -> str | None:
        """Name the endpoint that DNS answers now for ``<profile>.trafficmanager.net``.

        Args:
            profile: the profile's relative DNS name, in any case.

        Returns:
            The endpoint's name, or None when no endpoint is enabled.

        Raises:
            KeyError: no profile has that name.
        """
        stored = self._named(profile)
        endpoint = self._profiles.answering(stored)
        return None if endpoint is None else str(endpoint["name"])

    def leads_to(self, profile: str) -> tuple[str, str] | None:
        """Follow ``<profile>.trafficmanager.net`` to a service and site, as :meth:`answer` does."""
        stored = self._named(profile)
        endpoint = self._profiles.answering(stored)
        return None if endpoint is None else self._profiles.place(stored, endpoint)

    def state(self, *, canonical: bool) -> dict[str, Any]:
        """The profiles with their endpoints, the storage accounts, and the epochs seen in tags.

        Canonical leaves out etags, monitor statuses, epochs and every ``holdfast-`` tag.
        """
        self._operations.settle()
        world: dict[str, Any] = {
            "profiles": {
                f"{stored.group}/{stored.document['name']}": self._state(stored, canonical)
                for stored in self._profiles.every()
            }
        }
        accounts = self.storage.state(canonical=canonical)
        if accounts:
            world["storage_accounts"] = accounts
        if not canonical:
            world["epochs"] = self._epochs()
        return world

    def reset(self) -> None:
        """Go back to the seeded subscription, with full request limits."""
        self._operations.reset()
        self.storage.reset()
        self._profiles.reset()
        self._gate.reset()

    def _front_for(self, subscription_id: str, token: str, groups: Sequence[str]) -> Front:
        return Front(
            [
                *TrafficManager(self._profiles).verbs(),
                *self.storage.verbs(),
                *self._operations.verbs(),
            ],
            subscription_id=subscription_id,
            token=token,
            groups=groups,
            gate=self._gate,
            before_each=self._operations.settle,
        )

    def _named(self, profile: str) -> Stored:
        stored = self._profiles.by_relative_name(profile)
        if stored is None:
            raise KeyError(profile)
        return stored

    def _state(self, stored: Stored, canonical: bool) -> dict[str, Any]:
        properties, tags = stored.document["properties"], stored.document["tags"]
        endpoints: dict[str, dict[str, Any]] = {}
        for each, monitor in zip(
            properties["endpoints"], self._profiles.statuses(stored), strict=True
        ):
            shown = each["properties"]
            endpoints[each["name"]] = {
                "status": shown["endpointStatus"],
                "priority": shown["priority"],
                "weight": shown["weight"],
                "target": shown.get("target") or shown.get("targetResourceId"),
            }
            if not canonical:
                endpoints[each["name"]]["monitor_status"] = monitor
        state = {
            "service": stored.service,
            "status": properties["profileStatus"],
            "routing": properties["trafficRoutingMethod"],
            "ttl_s": properties["dnsConfig"]["ttl"],
            "endpoints": endpoints,
            "tags": without_fencing(tags) if canonical else dict(tags),
        }
        return state if canonical else {**state, "etag": stored.etag}

    def _epochs(self) -> dict[str, int]:
        epochs: dict[str, int] = {}
        for stored in self._profiles.every():
            epoch = as_epoch(stored.document["tags"].get(EPOCH))
            if epoch is not None:
                epochs[stored.service] = max(epoch, epochs.get(stored.service, 0))
        return epochs
