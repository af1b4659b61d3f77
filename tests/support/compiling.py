"""Small estates by hand, for tests of what is compiled from them."""

from typing import Any

from holdfast.workflows.model.compiling import CompileResult
from holdfast.workflows.model.coordination import Facts
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.plan import PlannedService, PlannedStep, RecoveryPlan
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.planning import compile_plan

FENCE = {
    "id": "fence",
    "run": "kubernetes.fence",
    "with": {
        "context": "{{ source.kubernetes.context }}",
        "namespace": "shop",
        "deployment": "web",
    },
}
SCALE = {
    "id": "scale",
    "run": "kubernetes.scale",
    "needs": ["fence"],
    "with": {
        "context": "{{ target.kubernetes.context }}",
        "namespace": "shop",
        "deployment": "web",
        "replicas": 3,
    },
}
SHIFT = {
    "id": "shift",
    "run": "azure.traffic_manager.prefer_endpoint",
    "needs": ["scale"],
    "pivot": True,
    "with": {"endpoint": "{{ target.name }}"},
}


def step(id: str, *needs: str, **keys: Any) -> dict[str, Any]:
    """A step that scales at the target."""
    return {**SCALE, "id": id, "needs": list(needs), **keys}


def service(name: str, **keys: Any) -> dict[str, Any]:
    """A service of site `a`, to be recovered at `b` or `c`."""
    recovery = [FENCE, SCALE, SHIFT]
    return {"name": name, "site": "a", "recovery_sites": ["b", "c"], "recovery": recovery, **keys}


def estate(*services: dict[str, Any], sites: dict[str, Any] | None = None, **policy: Any) -> Estate:
    """An estate of the sites `a`, `b` and `c`; `sites` adds keys to them by name."""
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "small"},
            "policy": policy,
            "sites": [
                {"name": name, "region": "r", "kubernetes": {"context": f"ctx-{name}"}}
                | (sites or {}).get(name, {})
                for name in "abc"
            ],
            "services": list(services),
        }
    )


def compiled(
    *services: dict[str, Any],
    facts: Facts | None = None,
    sites: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    **request: Any,
) -> CompileResult:
    """What is compiled for the loss of site `a`, or for what `request` says."""
    asked = {"site": "a", "estate": estate(*services, sites=sites, **(policy or {})), **request}
    return compile_plan(RecoveryRequest(**asked), facts or Facts())


class Plan:
    """A plan by the names of its parts."""

    def __init__(self, plan: RecoveryPlan) -> None:
        self.plan = plan
        self.steps: dict[str, PlannedStep] = {step.id: step for step in plan.steps}
        self.services: dict[str, PlannedService] = {s.name: s for s in plan.services}

    @property
    def needs(self) -> dict[str, set[str]]:
        """By step, in the plan's order: what it needs."""
        return {id: set(step.needs) for id, step in self.steps.items()}


def plan(*services: dict[str, Any], **keys: Any) -> Plan:
    """The same as `compiled`, where there must be a plan."""
    result = compiled(*services, **keys)
    assert result.plan is not None, result.refusals
    return Plan(result.plan)
