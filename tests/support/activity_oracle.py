"""Where a service is active, now and at every sequence number of the lab's journal.

Wanted replicas count, which is what decides whether a pod may serve. A copy at a lost site counts
too, unless nobody is led there any more: every Traffic Manager profile of the service has its
endpoint for that site disabled. A service without a profile has no traffic to be withdrawn, so its
copy at a lost site does not count. Once the site is back, its copy counts again.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

_WORKLOADS = re.compile(
    r"^/apis/apps/v1/namespaces/([^/]+)/(deployments|statefulsets)(?:/[^/]+)?(?:/scale)?$"
)
_PROFILE = re.compile(r"/resourceGroups/([^/]+)/providers/Microsoft\.Network/[^/]+/([^/]+)", re.I)

Place = tuple[str, str, str]
"""Namespace, plural and name of a workload."""


class Violation(NamedTuple):
    """A service that was active at several sites once an entry of the journal was applied."""

    seq: int
    service: str
    sites: tuple[str, ...]


class Reached(NamedTuple):
    """A site that was lost or came back between an entry of the journal and the next."""

    after: int
    site: str
    reachable: bool


def active_sites(state: Mapping[str, Any], service: str) -> set[str]:
    """The sites at which pods of the service are wanted or ready."""
    return {
        each["site"]
        for each in state["workloads"]
        if each["service"] == service
        and ((each["replicas"] or 0) > 0 or (each.get("readyReplicas") or 0) > 0)
    }


def violations(
    before: Mapping[str, Any],
    journal: Iterable[Mapping[str, Any]],
    *,
    services: Collection[str] | None = None,
    reached: Iterable[Reached] = (),
    served: bool = False,
) -> list[Violation]:
    """Every moment at which a service became active at more than one site, or at yet another.

    Args:
        before: `/_lab/state` as it was before the first entry, canonical or not.
        journal: the entries since then.
        services: the services judged, as those that keep state; None for all.
        reached: sites lost and brought back meanwhile, which the journal does not know.
        served: only copies to which somebody is led count, so that a site which comes back with
            pods that nobody is led to, and that are fenced at once, is not held against anybody.
    """
    world = _World(before, served=served)
    judged = sorted(set(world.service_of.values()))
    if services is not None:
        judged = [service for service in judged if service in services]
    told: dict[str, set[str]] = {service: world.active(service) for service in judged}
    found = [
        Violation(0, service, tuple(sorted(sites)))
        for service, sites in told.items()
        if len(sites) > 1
    ]
    entries = [(entry["seq"], 0, entry) for entry in journal if entry["applied"]]
    events = [(each.after, 1, each) for each in reached]
    for seq, _, change in sorted([*entries, *events], key=lambda each: each[:2]):
        world.apply(change)
        for service in judged:
            sites = world.active(service)
            if len(sites) > 1 and not sites <= told[service]:
                found.append(Violation(seq, service, tuple(sorted(sites))))
            told[service] = sites
    return found


class _World:
    """What decides where a service is active, as a state shows it and a journal moves it."""

    def __init__(self, state: Mapping[str, Any], *, served: bool = False) -> None:
        self.served = served
        self.sites = set(state["sites"])
        self.lost = {name for name, site in state["sites"].items() if not site["reachable"]}
        self.service_of: dict[Place, str] = {}
        self.replicas: dict[Place, dict[str, int]] = {}
        for each in state["workloads"]:
            place = (each["namespace"], f"{each['kind'].lower()}s", each["name"])
            self.service_of[place] = each["service"]
            self.replicas.setdefault(place, {})[each["site"]] = each["replicas"] or 0
        self.profiles: dict[str, str] = {}
        self.leads_to: dict[str, set[str]] = {}
        for name, profile in state.get("profiles", {}).items():
            self.profiles[name.lower()] = profile["service"]
            on = profile["status"] == "Enabled"
            self.leads_to[name.lower()] = {
                self._site(profile["service"], endpoint, shown["target"] or "")
                for endpoint, shown in profile["endpoints"].items()
                if on and shown["status"] == "Enabled"
            }

    def active(self, service: str) -> set[str]:
        """The sites that count as active now."""
        running = {
            site
            for place, owner in self.service_of.items()
            if owner == service
            for site, replicas in self.replicas[place].items()
            if replicas > 0
        }
        return {
            site
            for site in running
            if (site not in self.lost and not self.served) or self._led(service, site)
        }

    def apply(self, change: Any) -> None:
        """Move on by an entry of the journal, or by what happened to a site."""
        if isinstance(change, Reached):
            (self.lost.discard if change.reachable else self.lost.add)(change.site)
        elif change["system"] == "kubernetes":
            self._workloads(change)
        elif change["system"] == "azure":
            self._profile(change)

    def _workloads(self, entry: Mapping[str, Any]) -> None:
        match = _WORKLOADS.match(entry["path"])
        if match is None:
            return
        before, after = entry["before"] or {}, entry["after"] or {}
        for gone in before.get("items", [before]):
            self._set(entry["site"], match, gone, 0)
        for there in after.get("items", [after]):
            self._set(entry["site"], match, there, there.get("spec", {}).get("replicas", 0))

    def _set(
        self, site: str, match: re.Match[str], document: Mapping[str, Any], replicas: int
    ) -> None:
        place = (match[1], match[2], document.get("metadata", {}).get("name", ""))
        if place in self.service_of:
            self.replicas[place][site] = replicas

    def _profile(self, entry: Mapping[str, Any]) -> None:
        match = _PROFILE.search(entry["path"])
        if match is None:
            return
        name = f"{match[1]}/{match[2]}".lower()
        after = entry["after"]
        properties = after["properties"] if after else {"endpoints": []}
        service = self.profiles.setdefault(name, match[2])
        on = properties.get("profileStatus") == "Enabled"
        self.leads_to[name] = {
            self._site(service, each["name"], each["properties"].get("target") or "")
            for each in properties["endpoints"]
            if on and each["properties"]["endpointStatus"] == "Enabled"
        }

    def _site(self, service: str, endpoint: str, target: str) -> str:
        """The site that an endpoint leads to: its target says so, or else its name."""
        labels = target.split(".")
        if labels[0] == service and len(labels) > 1 and labels[1] in self.sites:
            return labels[1]
        return endpoint

    def _led(self, service: str, site: str) -> bool:
        return any(
            site in self.leads_to[name] for name, owner in self.profiles.items() if owner == service
        )
