"""Estates whose sites are short of room: what moves has to fit beside what stays.

Every service keeps state, so the lost side leaves the traffic before its fence may go on without
an answer.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

REPLICAS, DEGRADED = 2, 1
MOST_CPU = 4
"""What a random service demands at the most; every site could hold that."""


def crowded_service(
    name: str, site: str, recovery_sites: Any, *, cpu: int = 2, tier: int = 2, **more: Any
) -> dict[str, Any]:
    """One service with a workload and a Traffic Manager profile of its own."""
    profile = {"resource_group": "edge", "profile": "{{ service.name }}"}
    workload = {"namespace": "{{ service.name }}", "deployment": "app"}
    moved = '{service="{{ service.name }}",source="{{ source.name }}",target="{{ target.name }}"}'
    return {
        "name": name,
        "site": site,
        "tier": tier,
        "demand": {"cpu": cpu},
        "recovery_sites": recovery_sites,
        "vars": {"replicas": REPLICAS},
        "replication": {
            "lag": f"replication_lag_seconds{moved}",
            "divergence": f"replication_divergent_records{moved}",
        },
        "recovery": [
            {
                "id": "withdraw",
                "run": "azure.traffic_manager.disable_endpoint",
                "with": {**profile, "endpoint": "{{ source.name }}"},
                "timeout": "30s",
            },
            {
                "id": "fence",
                "run": "kubernetes.fence",
                "with": {
                    **workload,
                    "context": "{{ source.kubernetes.context }}",
                    "when_unreachable": "proceed",
                },
                "needs": ["withdraw"],
                "timeout": "30s",
            },
            {
                "id": "scale-up",
                "run": "kubernetes.scale",
                "with": {
                    **workload,
                    "context": "{{ target.kubernetes.context }}",
                    "replicas": "{{ service.vars.replicas }}",
                },
                "needs": ["fence"],
                "timeout": "30s",
            },
            {
                "id": "shift-traffic",
                "run": "azure.traffic_manager.prefer_endpoint",
                "with": {**profile, "endpoint": "{{ target.name }}"},
                "needs": ["scale-up"],
                "timeout": "30s",
            },
        ],
        **more,
    }


def crowded(
    capacities: Mapping[str, int],
    services: Sequence[Mapping[str, Any]],
    policy: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An estate of sites with so much cpu each; nobody is asked before anything."""
    approval = {"unplanned": "none", "planned": "none", "failback": "none"}
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "crowded"},
        "policy": {"approval": approval, **(policy or {})},
        "sites": [
            {
                "name": site,
                "region": f"r{number % 3}",
                "zone": str(number % 2),
                "capacity": {"cpu": cpu},
                "kubernetes": {"context": site},
            }
            for number, (site, cpu) in enumerate(capacities.items())
        ],
        "services": list(services),
    }


def random_estate(chance: random.Random) -> dict[str, Any]:
    """Four to eight sites of one to three services each, with little or much room beside them."""
    sites = [f"site-{letter}" for letter in "abcdefgh"[: chance.randint(4, 8)]]
    services: list[dict[str, Any]] = []
    load = dict.fromkeys(sites, 0)
    for site in sites:
        here: list[str] = []
        for _ in range(chance.randint(1, 3)):
            name = f"s{len(services)}"
            services.append(_random_service(chance, name, site, sites, services, here))
            load[site] += int(services[-1]["demand"]["cpu"])
            here.append(name)
    capacities = {
        site: max(MOST_CPU, load[site] + chance.choice((0, 2, 4, 8, 16))) for site in sites
    }
    policy: dict[str, Any] = {
        "budget": {"sites": chance.randint(1, 3), "window": "1h"},
        "cooldown": "1h",
        "rollback": chance.choice(("service", "site")),
        "shortage": chance.choice(("shed", "shed", "refuse")),
    }
    if chance.random() < 0.4:
        policy["commit"] = {"window": "2s", "on_timeout": "commit"}
    return crowded(capacities, services, policy)


def _random_service(
    chance: random.Random,
    name: str,
    site: str,
    sites: Sequence[str],
    known: Sequence[Mapping[str, Any]],
    here: Sequence[str],
) -> dict[str, Any]:
    others = [each for each in sites if each != site]
    cpu = chance.randint(1, MOST_CPU)
    more: dict[str, Any] = {}
    chosen: Any = chance.sample(others, chance.randint(1, len(others)))
    if chance.random() < 0.25:
        chosen = {"name": chosen}
    depends_on = [each["name"] for each in known if chance.random() < 0.1]
    if depends_on:
        more["depends_on"] = depends_on
    if here and chance.random() < 0.2:
        beside = chance.choice(here)
        more["affinity"] = [beside]
        chosen = next(each["recovery_sites"] for each in known if each["name"] == beside)
    if cpu > 1 and chance.random() < 0.3:
        more["approach"] = "degraded"
        more["degraded"] = {"demand": {"cpu": 1}, "vars": {"replicas": DEGRADED}}
    return crowded_service(name, site, chosen, cpu=cpu, tier=chance.randint(0, 3), **more)
