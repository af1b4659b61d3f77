"""The saga in ten thousand made-up worlds: whatever happens, a run ends, and ends truthfully."""

from collections import defaultdict

import pytest

from holdfast.workflows.model.recovery import Outcome, StepState
from support.simulator import Simulation

RUNS = 10_000
ENDS = {Outcome.RECOVERED, Outcome.ROLLED_BACK, Outcome.ROLLED_BACK_WITH_RESIDUE}


def broken_promises(simulation: Simulation, outcome: Outcome) -> list[str]:
    """Every promise of the step contract that this run broke."""
    saga, world = simulation.saga, simulation.world
    broken = list(simulation.broken)
    if outcome not in ENDS:
        broken.append(f"ended {outcome}")
    broken += [f"{id} was left unfinished" for id in simulation.unfinished()]
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for change in world.journal:
        counts[change.key, change.sequence] += 1
    broken += [f"{key} changed the world {n} times" for (key, _), n in counts.items() if n > 1]
    for id, run in saga.steps.items():
        name = simulation.resource_of.get(id)
        if name is None or run.state is not StepState.REVERTED:
            continue
        others = [saga.steps[o] for o, r in simulation.resource_of.items() if r == name]
        if all(o.state in (StepState.REVERTED, StepState.NOT_RUN) for o in others):
            value = world.resources[name].value
            if value != "before":
                broken.append(f"{id} was reverted, but its resource is {value}")
    if outcome is Outcome.RECOVERED:
        broken += [
            f"{id} counts as applied, but its resource is untouched"
            for id, run in saga.steps.items()
            if run.state is StepState.APPLIED
            and (name := simulation.resource_of.get(id))
            and world.resources[name].value == "before"
        ]
    return broken


@pytest.mark.timeout(300)
def test_ten_thousand_faulted_runs_keep_every_promise() -> None:
    outcomes: dict[Outcome, int] = defaultdict(int)
    for seed in range(RUNS):
        simulation = Simulation(seed)
        outcome = simulation.run()
        assert not (broken := broken_promises(simulation, outcome)), f"seed {seed}: {broken}"
        outcomes[outcome] += 1
    assert set(outcomes) == ENDS, "the faults must reach every end"


def test_a_run_without_faults_recovers() -> None:
    for seed in range(300):
        simulation = Simulation(seed, faults=0)
        simulation.random.random = lambda: 1.0  # type: ignore[method-assign]
        assert simulation.run() is Outcome.RECOVERED


def test_without_fencing_the_same_promises_are_broken() -> None:
    broken = 0
    for seed in range(1_000):
        simulation = Simulation(seed, fenced=False)
        broken += bool(broken_promises(simulation, simulation.run()))
    assert broken > 10


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = Simulation(7), Simulation(7)
    assert first.run() is second.run()
    assert first.world.journal == second.world.journal
    assert first.started == second.started
