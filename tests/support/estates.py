"""Random estates that hold to the estate's rules."""

from typing import Any

from hypothesis import strategies as st

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
