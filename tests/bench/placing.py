"""How long placement takes: a thousand services lost at once, two hundred sites, loose and tight.

    PYTHONPATH=tests .venv/bin/python -m bench.placing [--services 1000] [--sites 200] [--seed 1]

CPU seconds of one process, from the parsed estate to the explained assignment; the estates are
seeded. One row a case: how full the sites would be with everything placed, who is left out, and
what is not proven.
"""

import argparse
import random
import time
from typing import Any

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.planning.placement import assign
from support.placing import estate_of

CASES = (
    ("loose, four sites each", 0.3, 4),
    ("loose, any site", 0.3, None),
    ("tight, four sites each", 0.9, 4),
    ("tight, any site", 0.9, None),
    ("short, four sites each", 1.1, 4),
)


def estate(services: int, sites: int, fill: float, choices: int | None, seed: int) -> Estate:
    """Services in four tiers, some bound to each other, and sites that hold them to `fill`."""
    chance = random.Random(seed)
    cpu = memory = 0
    moving: list[dict[str, Any]] = []
    for index in range(services):
        service = _service(chance, index, sites, choices)
        cpu += service["cpu"]
        memory += service["memory"]
        moving.append(_stated(chance, service, moving))
    weights = [chance.choice([1, 2, 3]) for _ in range(sites)]
    held: list[dict[str, Any]] = [{"name": "lost", "region": "lost"}]
    for index, weight in enumerate(weights):
        share = weight / sum(weights) / fill
        capacity = {"cpu": round(cpu * share), "memory": f"{round(memory * share)}Gi"}
        held.append({"name": f"p{index}", "region": f"r{index % 20}", "capacity": capacity})
    return estate_of(held, moving)


def _service(chance: random.Random, index: int, sites: int, choices: int | None) -> dict[str, Any]:
    cpu = chance.choice([1, 2, 2, 4, 4, 8, 16])
    wanted: Any = {"region": [f"r{region}" for region in range(20)]}
    if choices is not None:
        wanted = [f"p{site}" for site in chance.sample(range(sites), choices)]
    return {
        "name": f"s{index}",
        "cpu": cpu,
        "memory": cpu * chance.choice([2, 4, 8]),
        "tier": chance.choice([0, 1, 1, 2, 2, 2, 3, 3]),
        "recovery_sites": wanted,
    }


def _stated(
    chance: random.Random, service: dict[str, Any], before: list[dict[str, Any]]
) -> dict[str, Any]:
    """The service as the estate file has it, bound to some that come before it."""
    cpu, memory = service.pop("cpu"), service.pop("memory")
    stated = service | {"site": "lost", "demand": {"cpu": cpu, "memory": f"{memory}Gi"}}
    if chance.random() < 0.1:
        half = {"cpu": max(1, cpu // 2), "memory": f"{memory // 2}Gi"}
        stated |= {"approach": "degraded", "degraded": {"demand": half}}
    if before and chance.random() < 0.3:
        stated["depends_on"] = [chance.choice(before)["name"]]
    if len(before) % 20 == 1:
        stated["affinity"] = [before[-1]["name"]]
        stated["recovery_sites"] = before[-1]["recovery_sites"]
    if len(before) % 20 == 3:
        stated["spread"] = {"across": "region", "services": [before[-1]["name"]]}
    return stated


def main() -> None:
    """Measure each case and print one row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print("| case | CPU s | placed | degraded | left out | not proven |")
    print("|---|---|---|---|---|---|")
    for name, fill, choices in CASES:
        made = estate(asked.services, asked.sites, fill, choices, asked.seed)
        moving = made.services_at("lost")
        start = time.process_time()
        found = assign(made, moving, lost={"lost"})
        took = time.process_time() - start
        degraded = sum(placed.degraded for placed in found.placed.values())
        gap = found.gap.removeprefix("not proven to be the best: ") or "–"
        counts = f"{len(found.placed)} | {degraded} | {len(found.left_out)}"
        print(f"| {name} | {took:.1f} | {counts} | {gap} |", flush=True)


if __name__ == "__main__":
    main()
