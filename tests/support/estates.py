"""Random estates that hold to the estate's rules."""

from typing import Any

from hypothesis import strategies as st

from holdfast.workflows.model.coordination import Facts
from holdfast.workflows.model.estate import Estate


@st.composite
def estates(draw: st.DrawFn, *, run: str = "kubernetes.scale") -> Estate:
    """An estate of two to four sites; every service's dependencies come before it."""
    sites = [f"site-{letter}" for letter in "abcd"[: draw(st.integers(2, 4))]]
    count = draw(st.integers(1, 7))
    services: list[dict[str, Any]] = []
    for index in range(count):
        name = f"svc-{index}"
        home = draw(st.sampled_from(sites))
        others = [site for site in sites if site != home]
        targets = draw(st.lists(st.sampled_from(others), min_size=1, unique=True))
        depends_on = [f"svc-{other}" for other in range(index) if draw(st.integers(0, 2)) == 0]
        services.append(
            {
                "name": name,
                "tier": draw(st.integers(0, 3)),
                "site": home,
                "depends_on": depends_on,
                "recovery_sites": targets,
                "recovery": draw(_steps(run)),
            }
        )
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "random"},
            "policy": {"rollback": draw(st.sampled_from(["service", "site"]))},
            "sites": [
                {"name": site, "region": "r", "kubernetes": {"context": site}} for site in sites
            ],
            "services": services,
        }
    )


@st.composite
def _steps(draw: st.DrawFn, run: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for index in range(draw(st.integers(0, 4))):
        needs = [step["id"] for step in steps if draw(st.booleans())]
        steps.append(
            {
                "id": f"step-{index}",
                "run": run,
                "needs": needs,
                "on_failure": draw(st.sampled_from(["rollback", "continue", "hold"])),
                "with": {
                    "context": "{{ target.kubernetes.context }}",
                    "namespace": "{{ service.name }}",
                    "deployment": f"app-{index}",
                    "replicas": draw(st.integers(1, 3)),
                },
            }
        )
    return steps


@st.composite
def varied_estates(draw: st.DrawFn) -> Estate:
    """Estates that use what a file can say of modes and of shortage; room is often short."""
    sites = [f"site-{letter}" for letter in "abcd"[: draw(st.integers(2, 4))]]
    services: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 6))):
        home = draw(st.sampled_from([sites[0], *sites]))
        others = [site for site in sites if site != home]
        names = [service["name"] for service in services]
        services.append(
            {
                "name": f"svc-{index}",
                "tier": draw(st.integers(0, 3)),
                "site": home,
                "depends_on": [name for name in names if draw(st.integers(0, 5)) == 0],
                "recovery_sites": draw(st.lists(st.sampled_from(others), min_size=1, unique=True)),
                "demand": {"cpu": draw(st.integers(1, 4))},
                "approach": "degraded",
                "degraded": {"demand": {"cpu": 1}, "vars": {"replicas": 1}},
                "vars": {"replicas": 3},
                "recovery": draw(_varied_steps()) if draw(st.integers(0, 5)) else [],
                "give_way": _downs() if draw(st.integers(0, 1)) else [],
            }
        )
        if draw(st.booleans()) and names:
            services[-1]["fallback"] = draw(st.sampled_from(names))
    if draw(st.booleans()):
        resident = {"name": "resident", "tier": 4, "site": sites[1], "demand": {"cpu": 4}}
        services.append({**resident, "give_way": _downs()})
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "varied"},
            "policy": {"shortage": draw(st.sampled_from(["refuse", "shed", "preempt", "preempt"]))},
            "sites": [
                {
                    "name": site,
                    "region": "r",
                    "kubernetes": {"context": f"ctx-{site}"},
                    "capacity": draw(st.sampled_from([{}, {"cpu": 4}, {"cpu": 6}, {"cpu": 9}])),
                    "task_queue": draw(st.sampled_from([None, f"queue-{site}"])),
                }
                for site in sites
            ],
            "services": services,
        }
    )


def _downs() -> list[dict[str, Any]]:
    return [_down("stop"), _down("tell", "stop")]


def _down(id: str, *needs: str) -> dict[str, Any]:
    inputs = {
        "context": "{{ target.kubernetes.context }}",
        "namespace": "{{ service.name }}",
        "deployment": id,
        "replicas": 0,
    }
    return {"id": id, "run": "kubernetes.scale", "needs": list(needs), "with": inputs}


@st.composite
def _varied_steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 5))):
        run, end = draw(
            st.sampled_from(
                [
                    ("kubernetes.scale", "target"),
                    ("kubernetes.scale", "source"),
                    ("kubernetes.fence", "source"),
                    ("azure.traffic_manager.prefer_endpoint", "target"),
                    ("prometheus.expect", "target"),
                ]
            )
        )
        inputs: dict[str, Any] = {"endpoint": f"{{{{ {end}.name }}}}"}
        if run.startswith("kubernetes."):
            inputs = {
                "context": f"{{{{ {end}.kubernetes.context }}}}",
                "namespace": draw(st.sampled_from(["shared", "{{ service.name }}"])),
                "deployment": f"app-{draw(st.integers(0, 2))}",
                "replicas": "{{ service.vars.replicas }}",
            }
        steps.append(
            {
                "id": f"step-{index}",
                "run": run,
                "needs": [step["id"] for step in steps if draw(st.booleans())],
                "on_failure": draw(st.sampled_from(["rollback", "continue", "hold"])),
                "graceful": draw(st.integers(0, 3)) == 0,
                "pivot": draw(st.integers(0, 5)) == 0,
                "with": inputs,
            }
        )
    return steps


@st.composite
def facts_of(draw: st.DrawFn, estate: Estate) -> Facts:
    """What a coordinator may know of the estate: some services moved, a site lost elsewhere."""
    sites = [site.name for site in estate.sites]
    moved = draw(st.lists(st.sampled_from(estate.services), unique_by=lambda each: each.name))
    return Facts(
        version=draw(st.integers(0, 9)),
        locations={service.name: draw(st.sampled_from(sites)) for service in moved},
        lost=tuple(draw(st.lists(st.sampled_from(sites), max_size=1))),
    )
