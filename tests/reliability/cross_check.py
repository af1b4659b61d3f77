"""R4x: random plans with a fixed script, in the saga alone and on the real server, step by step.

The saga decides in which order what it started ends, by chance; the real actions then end in that
order, each with the same fate. A simulator that disagrees with the real thing would be worthless.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import ClassVar
from uuid import uuid4

from holdfast.activities.action import Call, Probed, Undo
from holdfast.starters import RecoveryClient
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest, RecoveryStatus, StepState
from holdfast.workflows.model.step import Evidence, Observation
from holdfast.workflows.planning import compile_plan
from support.random_plans import random_plan
from support.scripted import ERRORS, SetInputs, SetValue, World

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .scripted_saga import BRIEF, CANCELLED, LONG, Ending, Played, play

SIZES = {Lane.COMMIT: 10, Lane.MERGE: 30, Lane.NIGHTLY: 100, Lane.RELEASE: 200}
CONTROLS = 5
LEAST_STEPS = 12
"""Of a plan whose steps are to share: what is ready at once and what can follow are eight then."""
ENDS_WITHIN_S, CONTROL_ENDS_WITHIN_S = 60.0, 8.0
"""A run that does not follow its script waits for ever."""


class CrossCheck(Property):
    """R4x."""

    name: ClassVar[str] = "R4x"
    promise: ClassVar[str] = "the same script ends alike in the saga alone and on the real server"
    control: ClassVar[str] = "one fate differs between the two"
    side_by_side: ClassVar[int] = 4

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """One random plan and script per seed."""
        first = seed * 1_000
        return [
            *(self.cell(str(first + n)) for n in range(SIZES[lane])),
            *(self.cell(str(first + n), control=True) for n in range(CONTROLS)),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Play it in the saga, then on the server, and compare how every step ended."""
        chance = random.Random(int(cell.words[0]))
        plan = random_plan(chance)
        takes = BRIEF if chance.random() < 0.5 else LONG
        while takes == BRIEF and len(plan.steps) < LEAST_STEPS:
            plan = random_plan(chance)
        estate = estate_of(plan)
        request = RecoveryRequest(estate=estate, site="a")
        compiled = compile_plan(request).plan
        assert compiled is not None
        played = play(compiled, chance, takes)
        endings = _differing(played) if cell.control else played.endings
        within = CONTROL_ENDS_WITHIN_S if cell.control else ENDS_WITHIN_S
        status = await performed(ground, request, endings, played, World(takes=takes), within)
        broken = differences(compiled, played, status)
        if cell.control:
            return Found(bit=int(bool(broken)))
        if not broken:
            shared = {"sharing_steps": (float(played.shared),)} if played.shared else {}
            return Found(measured=shared)
        kept = {
            "script.txt": "\n".join(map(str, played.endings)),
            "status.json": status.model_dump_json(indent=1),
        }
        return Found(failed=(Failed(cell=cell.id, broken=tuple(broken), evidence=kept),))


def estate_of(plan: RecoveryPlan) -> Estate:
    """The estate whose recovery is that plan, with scripted actions."""
    services = [
        {
            "name": service.name,
            "tier": service.tier,
            "site": "a",
            "recovery_sites": ["b"],
            "depends_on": list(service.depends_on),
            "recovery": [
                {
                    "id": step.id.partition("/")[2],
                    "run": SetValue.name,
                    "with": {"resource": step.id},
                    "needs": [
                        n.partition("/")[2] for n in step.needs if n.startswith(f"{service.name}/")
                    ],
                    "timeout": "60s",
                    "on_failure": step.on_failure,
                    "pivot": step.pivot,
                }
                for step in plan.steps
                if step.service == service.name
            ],
        }
        for service in plan.services
    ]
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"x{uuid4().hex[:12]}"},
            "policy": {"rollback": plan.rollback},
            "sites": [{"name": "a", "region": "r"}, {"name": "b", "region": "r"}],
            "services": services,
        }
    )


class Conductor:
    """Lets each call of the real actions end when its turn in the script has come."""

    def __init__(self, endings: Sequence[Ending]) -> None:
        self._left = list(endings)
        self._next = asyncio.Condition()
        self._free = asyncio.get_running_loop().time()
        self._over = False

    async def fate(self, step: str, verb: str) -> str:
        """Wait for the turn of a call; its fate. Calls that the script does not know hang."""
        async with self._next:
            await self._next.wait_for(lambda: self._over or self._is_turn(step, verb))
            if self._over:
                return CANCELLED
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._free - loop.time()))
            ending = self._left.pop(0)
            self._free = loop.time() + ending.settles_s
            self._next.notify_all()
            return ending.fate

    def _is_turn(self, step: str, verb: str) -> bool:
        first = self._left[0] if self._left else None
        return first is not None and (first.step, first.verb) == (step, verb)

    async def end(self) -> None:
        """Let go of whatever still waits for a turn that will not come."""
        async with self._next:
            self._over = True
            self._next.notify_all()


class Conducted(SetValue):
    """The scripted action, whose fates come from a conductor."""

    def __init__(self, conductor: Conductor, world: World) -> None:
        super().__init__(world)
        self._conductor = conductor

    async def probe(self, steps: Sequence[Probed[SetInputs]]) -> Sequence[Observation]:
        """As scripted."""
        return await super().probe(steps)

    async def apply(self, call: Call[SetInputs]) -> Evidence:
        """Set the resource, or meet the script's fate."""
        await self._meet(call.step, "apply")
        return await super().apply(call)

    async def revert(self, undo: Undo[SetInputs]) -> Evidence:
        """Put the resource back, or meet the script's fate."""
        await self._meet(undo.step, "revert")
        return await super().revert(undo)

    async def _meet(self, step: str, verb: str) -> None:
        turn = asyncio.ensure_future(self._conductor.fate(step, verb))
        stopped: asyncio.CancelledError | None = None
        while not turn.done():
            try:
                await asyncio.shield(turn)
            except asyncio.CancelledError as error:
                # It stops only when the script says so: the order of ends is part of it.
                stopped = error
        if stopped is not None:
            raise stopped
        fate = turn.result()
        if fate in ERRORS:
            raise ERRORS[fate](f"scripted {fate}")
        if fate == CANCELLED:
            await asyncio.Event().wait()


async def performed(
    ground: Ground,
    request: RecoveryRequest,
    endings: Sequence[Ending],
    played: Played,
    world: World,
    within_s: float,
) -> RecoveryStatus:
    """The same on the real server."""
    temporal = await ground.temporal()
    queue = request.estate.name
    conductor = Conductor(endings)
    registry = Registry(actions=(Conducted(conductor, world),))
    settings = Settings(task_queue=queue, shutdown_grace_s=0)
    async with build_worker(temporal, registry, settings):
        client = RecoveryClient(temporal, task_queue=queue)
        id = (await client.recover(request)).workflow_id
        try:
            async with asyncio.timeout(within_s):
                status = await client.wait(id)
                for skipped in played.skipped:
                    if status.outcome is not Outcome.HELD:
                        break
                    await client.skip_step(id, skipped, actor="op", reason="script")
                    status = await client.wait(id)
        except TimeoutError:
            status = await client.status(id)
            await temporal.get_workflow_handle(id).terminate("it does not follow the script")
        await conductor.end()
        return status


def differences(plan: RecoveryPlan, played: Played, status: RecoveryStatus) -> list[str]:
    """Where the two ends differ."""
    found = []
    if status.plan_hash != plan.hash:
        found.append("the server compiled another plan")
    if status.outcome is not played.outcome:
        found.append(f"ended {status.outcome} on the server, {played.outcome} in the saga")
    for step in status.steps:
        name = f"{step.service}/{step.id}"
        if step.state is not played.states[name]:
            found.append(f"{name} is {step.state} on the server, {played.states[name]} in the saga")
    return found


def _differing(played: Played) -> list[Ending]:
    """The same script but for one fate that decides how its step ends."""
    endings = list(played.endings)
    for index in reversed(range(len(endings))):
        ending = endings[index]
        match ending.verb, ending.fate, played.states[ending.step]:
            case "apply", "ok", StepState.APPLIED:
                endings[index] = ending.but("conflict")
            case "revert", "ok", StepState.REVERTED:
                endings[index] = ending.but("unauthorized")
            case "apply", _, StepState.FAILED | StepState.SKIPPED:
                endings[index] = ending.but("ok")
            case _:
                continue
        return endings
    raise AssertionError("no fate decides anything")
