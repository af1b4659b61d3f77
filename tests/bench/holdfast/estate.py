"""A benchmark's plan as an estate file would say it: what the product compiles is all its own."""

from uuid import uuid4

from bench.plan import BenchPlan, BenchService
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import RecoveryRequest

LOST, RECOVERY = "lost", "recovery"
STEP_IDS = ("prepare", "start", "prove")


def request_of(plan: BenchPlan) -> RecoveryRequest:
    """The recovery of the one site that all services of the plan run at.

    Each request has an estate of its own, so that runs of the same plan are apart.
    """
    estate = Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"bench-{uuid4().hex}"},
            "sites": [{"name": LOST, "region": "r"}, {"name": RECOVERY, "region": "r"}],
            "services": [_service(service) for service in plan.services],
        }
    )
    return RecoveryRequest(estate=estate, site=LOST, actor="bench", reason=plan.name)


def step_of(step: str) -> tuple[str, int]:
    """The service and the number, from 0, of a step that is named `service/step`."""
    service, _, id = step.partition("/")
    return service, STEP_IDS.index(id)


def _service(service: BenchService) -> dict[str, object]:
    return {
        "name": service.name,
        "tier": service.tier,
        "site": LOST,
        "depends_on": service.depends_on,
        "recovery_sites": [RECOVERY],
        "recovery": [
            {
                "id": id,
                "run": "test.wait",
                "with": {
                    "resource": "{{ estate.name }}/{{ service.name }}/" + id,
                    "ms": duration_ms,
                },
                "needs": STEP_IDS[index - 1 : index],
            }
            for index, (id, duration_ms) in enumerate(zip(STEP_IDS, service.steps_ms, strict=True))
        ],
    }
