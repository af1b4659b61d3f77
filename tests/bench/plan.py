"""The work that every engine gets: a seeded plan of services in tiers, three steps each."""

import random
from collections.abc import Collection

from holdfast.workflows.model.document import Document

TIERS = 5
STEPS = 3
EDGES = (1, 3)
SIGMA = 0.8
"""Spread of realistic durations: a step of median 2 s takes 0.4-9.6 s in 19 of 20 cases."""


class BenchService(Document):
    """A service: what it waits for, and how long each of its steps waits, in milliseconds."""

    name: str
    tier: int
    depends_on: tuple[str, ...]
    steps_ms: tuple[float, float, float]


class BenchPlan(Document):
    """A plan of services; dependencies come before those who need them."""

    name: str
    services: tuple[BenchService, ...]
    step_ms: float
    spread: float | None = None
    seed: int = 1

    @classmethod
    def make(
        cls,
        services: int = 200,
        step_ms: float = 200,
        seed: int = 1,
        spread: float | None = None,
        name: str | None = None,
    ) -> "BenchPlan":
        """Draw a plan of `services` in five tiers, each with 1-3 edges to the tier before.

        Every step waits `step_ms` milliseconds; with a `spread` (a sigma) the durations are
        log-normal and `step_ms` is their median. The same arguments give the same plan.
        """
        draw = random.Random(f"{seed}/{services}")
        tiers: list[list[str]] = []
        made: list[BenchService] = []
        for tier in range(TIERS):
            here = [f"service-{index:04d}" for index in range(tier, services, TIERS)]
            before = tiers[-1] if tiers else []
            for service in here:
                edges = min(len(before), draw.randint(*EDGES))
                made.append(
                    BenchService(
                        name=service,
                        tier=tier,
                        depends_on=tuple(sorted(draw.sample(before, edges))),
                        steps_ms=(
                            _duration_ms(draw, step_ms, spread),
                            _duration_ms(draw, step_ms, spread),
                            _duration_ms(draw, step_ms, spread),
                        ),
                    )
                )
            if here:
                tiers.append(here)
        return cls(
            name=name or f"plan-{services}-{step_ms:g}-{seed}",
            services=tuple(made),
            step_ms=step_ms,
            spread=spread,
            seed=seed,
        )

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return STEPS * len(self.services)

    @property
    def critical_path_s(self) -> float:
        """The longest chain of step durations, in seconds: what an ideal engine takes."""
        return self.remaining_path_s(())

    def remaining_path_s(self, finished: Collection[tuple[str, int]]) -> float:
        """The longest chain, in seconds, of the steps not in `finished` (service, step from 0)."""
        done = frozenset(finished)
        ends: dict[str, float] = {}
        for service in self.services:
            own = sum(
                duration
                for step, duration in enumerate(service.steps_ms)
                if (service.name, step) not in done
            )
            ends[service.name] = own + max((ends[name] for name in service.depends_on), default=0.0)
        return max(ends.values(), default=0.0) / 1000


def _duration_ms(draw: random.Random, median_ms: float, sigma: float | None) -> float:
    return median_ms if sigma is None else round(median_ms * draw.lognormvariate(0, sigma), 1)
