"""Random recovery plans for the simulator."""

import random
from datetime import timedelta

from holdfast.workflows.model.estate import Approach, OnFailure
from holdfast.workflows.model.plan import PlannedService, PlannedStep, RecoveryPlan
from holdfast.workflows.model.policy import RollbackScope


def random_plan(chance: random.Random) -> RecoveryPlan:
    """A plan of up to eight services whose steps form chains; sometimes with a pivot."""
    count = chance.randint(1, 8)
    services, steps = [], []
    last: dict[str, str] = {}
    for index in range(count):
        name = f"s{index}"
        depends_on = tuple(
            f"s{other}" for other in range(index) if chance.random() < 1.5 / (index + 1)
        )
        services.append(
            PlannedService(
                name=name,
                tier=chance.randint(0, 3),
                source="a",
                target="b",
                placement="b",
                approach=Approach.COLD_STANDBY,
                depends_on=depends_on,
            )
        )
        previous = tuple(last[other] for other in depends_on)
        length = chance.randint(1, 4)
        pivot = chance.randrange(length) if chance.random() < 0.15 else None
        for number in range(length):
            id = f"{name}/t{number}"
            steps.append(
                PlannedStep(
                    id=id,
                    service=name,
                    run="sim.set",
                    inputs={},
                    site="b",
                    needs=previous,
                    timeout=timedelta(seconds=20),
                    on_failure=chance.choice(list(OnFailure)),
                    pivot=number == pivot,
                )
            )
            previous = (id,)
        last[name] = previous[0]
    scope = chance.choice(list(RollbackScope))
    return RecoveryPlan(
        estate="sim", site="a", rollback=scope, services=tuple(services), steps=tuple(steps)
    ).sealed()
