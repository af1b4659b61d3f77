"""The product against the lab with its real clients: what the systems' own calls cost.

Every service is scaled up, answers, and gets the traffic: three steps through the official
Kubernetes and Azure clients and over HTTP. Nobody knows beforehand how long that takes, so the
critical path is the one of the product's own report.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue

from bench.holdfast.engine import (
    ENGINE,
    SETTLES_WITHIN_S,
    HoldfastBench,
    NotRecovered,
    check_reports,
    told,
)
from bench.holdfast.estate import LOST, RECOVERY
from bench.holdfast.watch import SERVER, WORKER, Watch, with_pid
from bench.measure import quiet
from bench.plan import BenchPlan, BenchService
from bench.rows import Row
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import RecoveryRequest
from support.processes import Lab, lab_server

SCENARIO, LAB = "lab", "lab"
SHIPPED_WORKER = "holdfast.workers"
READY_AFTER_MS = 200
FIRST, AGAIN = "real clients, first recovery", "real clients"


async def lab(folder: Path, quick: bool = False) -> AsyncIterator[Row]:
    """S=10 and S=50, pods ready after 200 ms; of each the first recovery, and later ones."""
    for services in (10,) if quick else (10, 50):
        plan = pods_of(BenchPlan.make(services, READY_AFTER_MS))
        home = folder / f"lab-{services}"
        home.mkdir(parents=True, exist_ok=True)
        file = home / "estate.yaml"
        file.write_text(yaml.safe_dump(estate_of(plan).document(), sort_keys=False))
        options = ("--ready-after-ms", str(READY_AFTER_MS))
        with with_pid(lab_server(file, home, *options)) as (world, pid):
            async with HoldfastBench(home, module=SHIPPED_WORKER, env=world.env) as bench:
                for again in range(2 if quick else 4):
                    yield await recovered(bench, world, pid, plan, AGAIN if again else FIRST)


async def recovered(
    bench: HoldfastBench, world: Lab, lab_pid: int, plan: BenchPlan, variant: str
) -> Row:
    """Lose the site in a new world, and recover it.

    Raises:
        NotRecovered: a step was not applied, or a change was made twice.
    """
    world.reset()
    world.reach(LOST, False)
    await asyncio.to_thread(quiet, SETTLES_WITHIN_S)
    request = RecoveryRequest(estate=estate_of(plan), site=LOST, actor="bench", reason=variant)
    watch, meter = bench.watched((LAB, lab_pid))
    with watch, meter:
        began = time.perf_counter()
        ended = [await bench.recover(request)]
        wall_s = time.perf_counter() - began
    check_reports([plan], ended)
    journal = world.journal()
    changes = [entry["key"] for entry in journal if entry["applied"]]
    if len(changes) != len(set(changes)):
        raise NotRecovered("a change was made twice")
    histories = await bench.histories(ended)
    row = Row.measured(
        engine=ENGINE,
        variant=variant,
        scenario=SCENARIO,
        plans=[plan],
        wall_s=wall_s,
        reading=meter.done(),
        events=histories.events,
        details={
            **told([plan], ended, watch, histories),
            "journal_requests": len(journal),
            "journal_changes": len(changes),
            "pods_ready_path_s": plan.critical_path_s,
        },
    )
    return of_the_product(row, watch, ended[0].report.critical_path_s or 0.0)


def of_the_product(row: Row, watch: Watch, critical_path_s: float) -> Row:
    """The row without what the lab consumed, measured against the critical path reported."""
    cpu_s = watch.cpu_s(SERVER) + watch.cpu_s(WORKER)
    return row.model_copy(
        update={
            "critical_path_s": critical_path_s,
            "ratio": row.wall_s / critical_path_s,
            "cpu_s": cpu_s,
            "cpu_s_per_1000_steps": 1000 * cpu_s / row.steps,
            "peak_rss_mb": watch.peak_mb[SERVER] + watch.peak_mb[WORKER],
        }
    )


def pods_of(plan: BenchPlan) -> BenchPlan:
    """The same services; of the steps only the first has to wait, for pods to become ready."""
    services = tuple(_waiting_for_pods(service) for service in plan.services)
    return plan.model_copy(update={"services": services})


def estate_of(plan: BenchPlan) -> Estate:
    """Two sites with clusters; every service moves from the one to the other."""
    sites = [
        {"name": name, "region": "r", "kubernetes": {"context": name}} for name in (LOST, RECOVERY)
    ]
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"bench-lab-{len(plan.services)}"},
            "sites": sites,
            "services": [
                {
                    "name": service.name,
                    "tier": service.tier,
                    "site": LOST,
                    "depends_on": service.depends_on,
                    "recovery_sites": [RECOVERY],
                    "recovery": list(_steps()),
                }
                for service in plan.services
            ],
        }
    )


def _waiting_for_pods(service: BenchService) -> BenchService:
    return service.model_copy(update={"steps_ms": (float(READY_AFTER_MS), 0.0, 0.0)})


def _steps() -> Iterator[dict[str, Any]]:
    inputs: list[tuple[str, str, dict[str, JsonValue]]] = [
        (
            "scale-up",
            "kubernetes.scale",
            {
                "context": "{{ target.kubernetes.context }}",
                "namespace": "{{ service.name }}",
                "deployment": "api",
                "replicas": 3,
            },
        ),
        (
            "verify",
            "http.expect",
            {"url": "http://{{ service.name }}.{{ target.name }}.acme.example/healthz"},
        ),
        (
            "shift-traffic",
            "azure.traffic_manager.prefer_endpoint",
            {
                "resource_group": "edge",
                "profile": "{{ service.name }}",
                "endpoint": "{{ target.name }}",
            },
        ),
    ]
    needs: tuple[str, ...] = ()
    for id, run, given in inputs:
        yield {"id": id, "run": run, "with": given, "needs": needs}
        needs = (id,)
