"""The plan as a graph: who waits for whom, between steps and between services."""

from collections.abc import Iterable

from ..model.plan import PlannedService, PlannedStep, RecoveryPlan


class PlanGraph:
    """Look-ups over a plan, made once; all orders are the plan's own."""

    def __init__(self, plan: RecoveryPlan) -> None:
        self.plan = plan
        self.steps: dict[str, PlannedStep] = {step.id: step for step in plan.steps}
        self.services: dict[str, PlannedService] = {s.name: s for s in plan.services}
        self.dependents: dict[str, list[str]] = {step.id: [] for step in plan.steps}
        """Steps that need a step."""
        self.steps_of: dict[str, list[str]] = {service.name: [] for service in plan.services}
        for step in plan.steps:
            self.steps_of[step.service].append(step.id)
            for need in step.needs:
                self.dependents[need].append(step.id)
        self._dependent_services: dict[str, list[str]] = {name: [] for name in self.services}
        for service in plan.services:
            for name in service.depends_on:
                self._dependent_services[name].append(service.name)

    def with_dependents(self, services: Iterable[str]) -> list[str]:
        """The services given and all that depend on them, in the plan's order."""
        reached = set(services)
        frontier = list(reached)
        while frontier:
            for name in self._dependent_services[frontier.pop()]:
                if name not in reached:
                    reached.add(name)
                    frontier.append(name)
        return [name for name in self.services if name in reached]

    def follows(self, later: str, earlier: str) -> bool:
        """Whether `later` can only start when `earlier` is done."""
        seen: set[str] = set()
        frontier = [later]
        while frontier:
            for need in self.steps[frontier.pop()].needs:
                if need == earlier:
                    return True
                if need not in seen:
                    seen.add(need)
                    frontier.append(need)
        return False
