"""Everything at once: sites are lost and return, recoveries and ways home cross, workers die.

What is drawn is drawn by seed; how the processes interleave is not, so a seed is a neighbourhood
to search in, no script.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.service import RPCError

from holdfast.starters.recovery_client import NoWorker, Refused
from holdfast.workflows.model.coordination import Verdict
from holdfast.workflows.model.failback import FailbackPhase
from holdfast.workflows.model.recovery import RecoveryStatus, StepState

from .activity_oracle import violations
from .crowded_estate import crowded, crowded_service
from .invariants import (
    claims,
    gone_back,
    misplaced,
    over_budget,
    overbooked,
    overfull,
    repeated,
    unended,
    untrue,
)
from .scene import NotSo, Scene

ENDS_WITHIN_S = 120.0
RETRIED_AT_MOST = 3
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("error", {"status": 503}),
    ("error", {"status": 500}),
    ("error", {"status": 403}),
    ("throttle", {"seconds": 0.3}),
    ("delay", {"seconds": 0.5}),
    ("drop_answer", {}),
)


@dataclass
class Turmoil:
    """What came of one storm."""

    broken: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    deaths: int = 0
    claims: int = 0
    """Sentences that claimed an effect, and were held against the journal."""
    changes: int = 0
    allowed: list[str] = field(default_factory=list)
    """Sites that a person let go on beyond the budget."""


def six_plants() -> dict[str, Any]:
    """Six plants that can take each other's services, with room for some of them."""
    sites = "abcdef"
    havens = {"a": "ef", "b": "fe", "c": "ed", "d": "fc", "e": "ab", "f": "ba"}
    services = []
    for site in sites:
        to = [f"plant-{each}" for each in havens[site]]
        bus = crowded_service(f"bus-{site}", f"plant-{site}", to, cpu=2, tier=0)
        line = crowded_service(
            f"line-{site}", f"plant-{site}", to, cpu=3, tier=1, depends_on=[f"bus-{site}"]
        )
        services += [bus, line]
    capacities = {f"plant-{site}": 22 if site in "ef" else 10 for site in sites}
    return crowded(capacities, services, {"cooldown": "1h", "budget": {"sites": 4, "window": "1h"}})


async def all_at_once(scene: Scene, seed: int) -> Turmoil:
    """Two recoveries, a failback and a returning site at once; two workers are killed."""
    chance, came = random.Random(seed), Turmoil()
    hows = [chance.choice(("refuse", "hang")) for _ in range(4)]
    async with _attended(scene, chance, came):
        for site, how in zip(("plant-a", "plant-d"), hows, strict=False):
            scene.lose(site, how)
        await asyncio.gather(*(_recover(scene, site) for site in ("plant-a", "plant-d")))
        await _settled(scene)
        scene.bring_back("plant-a")
        await scene.until(lambda: not any(scene.replicas("plant-a").values()), "plant-a is fenced")

        async def lost(site: str, how: str) -> None:
            await asyncio.sleep(chance.uniform(0, 2))
            scene.lose(site, how)
            await _recover(scene, site)

        async def returns() -> None:
            await asyncio.sleep(chance.uniform(0, 6))
            scene.bring_back("plant-d")

        async def home() -> None:
            await asyncio.sleep(chance.uniform(0, 2))
            await scene.asked("failback", "--site", "plant-a", code=None)

        await asyncio.gather(
            lost("plant-b", hows[2]), lost("plant-c", hows[3]), returns(), home(),
            _murder(scene, chance, 3),
        )  # fmt: skip
        await _settled(scene)
        await _everybody_back(scene)
    return await judged(scene, came)


async def storm(scene: Scene, seed: int) -> Turmoil:
    """Several sites are lost at once, some return, some fail back; workers die, requests fail."""
    chance, came = random.Random(seed), Turmoil()
    sites = [site.name for site in scene.estate.sites]
    gone = chance.sample(sites, chance.randint(2, max(2, len(sites) - 2)))
    for behaviour, more in chance.choices(FAULTS, k=chance.randint(0, 4)):
        match: dict[str, Any] = {"method": "PATCH"}
        if chance.random() < 0.5:
            match["site"] = chance.choice(sites)
        scene.lab.fault(behaviour, match, times=chance.randint(1, 2), **more)
    told = chance.random() < 0.7
    async with _attended(scene, chance, came):

        async def lost(site: str) -> None:
            await asyncio.sleep(chance.uniform(0, 1.5))
            scene.lose(site, chance.choice(("refuse", "hang")))
            others = [word for other in gone if other != site for word in ("--lost", other)]
            await _recover(scene, site, *(others if told else ()))
            if chance.random() < 0.4:
                await asyncio.sleep(chance.uniform(0, 8))
                scene.bring_back(site)

        await asyncio.gather(*(lost(site) for site in gone), _murder(scene, chance, 4))
        await _settled(scene)
        back = [site for site in gone if chance.random() < 0.6]
        for site in back:
            if site in scene.lost:
                scene.bring_back(site)
        late = [site for site in sites if site not in gone][:1] if chance.random() < 0.5 else []

        async def home(site: str) -> None:
            await scene.asked("failback", "--site", site, code=None)

        await asyncio.gather(
            *(home(site) for site in back), *(lost(site) for site in late),
            _murder(scene, chance, 2),
        )  # fmt: skip
        await _settled(scene, but_homes=True)
        await _everybody_back(scene)
    return await judged(scene, came)


async def judged(scene: Scene, came: Turmoil) -> Turmoil:
    """Hold all that there is against each other, when nothing runs any more."""
    journal, world, state = scene.journal, scene.lab.world(), await scene.state()
    recoveries, guards = await scene.recoveries(), await scene.guards()
    twice = violations(scene.before, journal, reached=scene.reached, served=True)
    came.broken += [
        *unended(recoveries),
        *(f"#{each.seq}: {each.service} was led to at {', '.join(each.sites)}" for each in twice),
        *misplaced(scene.estate, world, state.locations),
        *overfull(scene.estate, world),
        *overbooked(scene.estate, [*scene.states, state]),
        *over_budget([*scene.states, state], len(came.allowed)),
        *gone_back(journal),
        *repeated(journal),
        *(f"still owed: {fact.service} at {fact.site}" for fact in state.unfenced),
        *(f"{each.workflow_id} still holds {each.site}" for each in state.holders),
    ]
    told = [(each.run_id, each.log) for each in recoveries]
    told += [(run, guard.log) for run, guard in guards]
    for run, log in told:
        came.broken += untrue(run, log, journal)
        came.claims += claims(log)
    came.outcomes = [f"{each.site}: {each.outcome}" for each in recoveries]
    came.deaths, came.changes = scene.deaths, sum(entry["applied"] for entry in journal)
    return came


async def _recover(scene: Scene, site: str, *words: str) -> None:
    await scene.asked("recover", "--site", site, *words, "--reason", "lost")


async def _murder(scene: Scene, chance: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(chance.uniform(0.5, 4))
        scene.kill(chance)


async def _everybody_back(scene: Scene) -> None:
    """All lost sites return; wait until nothing is owed and nothing runs any more."""
    for site in list(scene.lost):
        scene.bring_back(site)
    await _settled(scene, all_kinds=True)


async def _settled(scene: Scene, *, all_kinds: bool = False, but_homes: bool = False) -> None:
    """Wait until every recovery has ended, or waits for what will not come."""
    kinds: Sequence[str] = ("SiteRecovery",) if but_homes else ("SiteRecovery", "Failback")
    if all_kinds:
        kinds = (*kinds, "StandbyGuard")

    async def over() -> bool:
        return not [run for kind in kinds for *_, run in await scene.runs(kind) if run]

    try:
        await scene.until(over, f"every {' and '.join(kinds)} has ended", ENDS_WITHIN_S)
    except NotSo as late:
        running = [id for kind in kinds for id, _, runs in await scene.runs(kind) if runs]
        raise NotSo(f"{late}; still running: {', '.join(running)}") from None


@contextlib.asynccontextmanager
async def _attended(scene: Scene, chance: random.Random, came: Turmoil) -> Any:
    """A person is there, who does what those who wait ask for."""
    person = asyncio.create_task(_person(scene, chance, came))
    try:
        yield
    finally:
        person.cancel()


async def _person(scene: Scene, chance: random.Random, came: Turmoil) -> None:
    tried: dict[tuple[str, str], int] = {}
    while True:
        await asyncio.sleep(1)
        with contextlib.suppress(RPCError, NoWorker, Refused, NotSo):
            for waiting in (await scene.state()).waiting:
                if waiting.verdict is Verdict.HELD and chance.random() < 0.5:
                    came.allowed.append(waiting.site)
                    await scene.allow(waiting.site)
        with contextlib.suppress(RPCError, NoWorker, Refused, NotSo):
            for status in await scene.recoveries():
                if status.ended_at is None:
                    await _help(scene, status, tried)
        with contextlib.suppress(RPCError, NoWorker, Refused, NotSo):
            for each in await scene.failbacks():
                if each.phase is FailbackPhase.DIVERGED:
                    await scene.client.accept_divergence(
                        each.workflow_id, actor="ana", reason="nobody needs them"
                    )


async def _help(scene: Scene, status: RecoveryStatus, tried: dict[tuple[str, str], int]) -> None:
    who = {"actor": "ana", "reason": "it is held"}
    for step in status.steps:
        if step.state is not StepState.HELD:
            continue
        name = f"{step.service}/{step.id}"
        times = tried[status.run_id, name] = tried.get((status.run_id, name), 0) + 1
        if times <= RETRIED_AT_MOST:
            await scene.client.retry_step(status.workflow_id, name, **who)
        else:
            await scene.client.roll_back(status.workflow_id, **who)
            return
