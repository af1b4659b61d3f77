"""An estate so wide that its recovery is a large plan: all of its simple steps share activities."""

from collections.abc import Iterator
from typing import Any

LOST, SAFE = "north", "south"
WIDTH, LAYERS = 12, 3
"""Services side by side, and how many of them stand one upon the other."""
FENCED_EACH = 3
"""Every third service fences its lost side, so that two active sites would be seen."""


def service_name(number: int) -> str:
    """The name of a service; the first `WIDTH` of them need no other."""
    return f"s{number:02}"


def wide_estate() -> dict[str, Any]:
    """36 services of three steps, some of four: 120 steps by the systems' own protocols."""
    sites = [
        {"name": name, "region": "r", "kubernetes": {"context": name}} for name in (LOST, SAFE)
    ]
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "wide"},
        "policy": {"rollback": "site"},
        "sites": sites,
        "services": [_service(number) for number in range(WIDTH * LAYERS)],
    }


def _service(number: int) -> dict[str, Any]:
    needs: list[str] = []
    steps = []
    for id, run, given in _steps(fenced=number % FENCED_EACH == 0):
        steps.append({"id": id, "run": run, "with": given, "needs": needs, "timeout": "30s"})
        needs = [id]
    return {
        "name": service_name(number),
        "site": LOST,
        "recovery_sites": [SAFE],
        "depends_on": [service_name(number - WIDTH)] if number >= WIDTH else [],
        "recovery": steps,
    }


def _steps(*, fenced: bool) -> Iterator[tuple[str, str, dict[str, Any]]]:
    workload = {"namespace": "{{ service.name }}", "deployment": "api"}
    if fenced:
        yield (
            "fence",
            "kubernetes.fence",
            {"context": "{{ source.kubernetes.context }}", **workload},
        )
    yield (
        "scale-up",
        "kubernetes.scale",
        {"context": "{{ target.kubernetes.context }}", **workload, "replicas": 2},
    )
    yield (
        "verify",
        "http.expect",
        {"url": "http://{{ service.name }}.{{ target.name }}.acme.example/healthz"},
    )
    yield (
        "shift-traffic",
        "azure.traffic_manager.prefer_endpoint",
        {
            "resource_group": "edge",
            "profile": "{{ service.name }}",
            "endpoint": "{{ target.name }}",
        },
    )
