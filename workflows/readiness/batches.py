"""Which steps of many plans one probe can look at together."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model.plan import PlannedStep, RecoveryPlan
from ..model.step import StepToProbe

BATCH = 100
"""Steps in one probe: bounds the size of its answer, and its time."""
RUN = "evaluation"
"""Stands in the keys for the run that is not there."""


@dataclass
class Batch:
    """Steps of one action at one site, of whichever plans."""

    first: PlannedStep
    at_lost_site: bool
    """It is the site whose loss the plans are for: nobody counts on workers there."""
    steps: dict[str, StepToProbe] = field(default_factory=dict)
    plans: dict[str, list[str]] = field(default_factory=dict)
    """By step: the sites whose plans have it."""

    def takes(self, asked: StepToProbe) -> bool:
        """Whether there is room for it, or it is the same as one that is there."""
        known = self.steps.get(asked.step)
        if known is None:
            return len(self.steps) < BATCH
        # Two plans may give way to different needs with the same service.
        return known.inputs == asked.inputs

    def add(self, asked: StepToProbe, site: str) -> None:
        """Look at it for the plan of this site."""
        self.steps.setdefault(asked.step, asked)
        self.plans.setdefault(asked.step, []).append(site)


def batches(plans: Iterable[RecoveryPlan]) -> list[Batch]:
    """The probes for all steps of these plans, one for all steps of an action at a site."""
    found: dict[tuple[str, str, bool], list[Batch]] = {}
    for plan in plans:
        for step in plan.steps:
            asked = StepToProbe(step=step.id, inputs=step.inputs, key=plan.key(RUN, step.id))
            lost = step.site == plan.site
            same = found.setdefault((step.run, step.site, lost), [])
            batch = next((each for each in same if each.takes(asked)), None)
            if batch is None:
                batch = Batch(step, lost)
                same.append(batch)
            batch.add(asked, plan.site)
    return [batch for same in found.values() for batch in same]
