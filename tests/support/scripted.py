"""An action whose every verb does what the test has written down, on the real Temporal server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import JsonValue
from temporalio.client import Client

from holdfast.activities.action import Action, Call, Probed, Undo
from holdfast.activities.fencing import Admission, Mark, judge
from holdfast.starters import RecoveryClient
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.document import Document
from holdfast.workflows.model.errors import (
    Conflict,
    FencedOut,
    Unauthorized,
    Unavailable,
    VerificationFailed,
)
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Mode, RecoveryRequest, RecoveryStatus
from holdfast.workflows.model.step import (
    Applied,
    Evidence,
    FenceProof,
    FencingToken,
    Observation,
    Qualification,
)

ERRORS: dict[str, type[Exception]] = {
    "conflict": Conflict,
    "fenced": FencedOut,
    "unauthorized": Unauthorized,
    "unproved": VerificationFailed,
    "unavailable": Unavailable,
}


class SetInputs(Document):
    """Which resource is set."""

    resource: str


@dataclass
class World:
    """Resources, the script of what befalls each verb, and what happened in order."""

    script: dict[str, list[str]] = field(default_factory=dict)
    """By `step.verb`: one word per call; without one, it succeeds at once."""
    values: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    takes: timedelta = timedelta(seconds=10)
    """How long every step is expected to take."""
    evidence: str = ""
    """What every apply says besides."""

    def index(self, entry: str) -> int:
        """Where an entry stands among what happened."""
        return self.happened.index(entry)


class SetValue(Action[SetInputs]):
    """Sets a resource in memory, as the script says: late, twice, or not at all."""

    name: ClassVar[str] = "test.set"
    inputs_model = SetInputs

    def __init__(self, world: World) -> None:
        self.world = world

    async def probe(self, steps: Sequence[Probed[SetInputs]]) -> Sequence[Observation]:
        return [seen for step in steps if (seen := self._look(step)) is not None]

    def _look(self, step: Probed[SetInputs]) -> Observation | None:
        word = self._next(step.step, "probe")
        if word == "absent":
            return None
        resource = step.inputs.resource
        mark = self.world.marks.get(resource)
        qualification = (
            Qualification.NOT_QUALIFIED
            if word == "missing"
            else (Qualification.UNKNOWN if word == "unknown" else Qualification.QUALIFIED)
        )
        value = self.world.values.get(resource, "before")
        return Observation(
            step=step.step,
            state=Applied.UNKNOWN
            if word == "unknown"
            else (Applied.APPLIED if value == step.step else Applied.NOT_APPLIED),
            qualification=qualification,
            reason="it does not exist; create it" if word == "missing" else f"is {value}",
            resource=resource,
            before_image=None if word == "unknown" else value,
            epoch=mark.epoch if mark else 0,
            last_key=mark.key if mark else "",
            touched=bool(mark and mark.key == step.key),
            change=f"{resource} {value} → {step.step}",
            undo_command=f"set {resource} {value}",
            expected_duration=self.world.takes,
        )

    async def apply(self, call: Call[SetInputs]) -> Evidence:
        word = self._next(call.step, "apply")
        self.world.happened.append(f"{call.step} apply begins")
        await self._befalls(word, lambda: self._write(call.inputs, call.step, call.token))
        if word == "garbled":
            # An answer that no model of ours would let through.
            return Evidence.model_construct()  # type: ignore[call-arg]
        if word == "blind":
            self.world.happened.append(f"{call.step} apply finds nobody")
            details: dict[str, JsonValue] = {"evidence": FenceProof.NONE.value}
            return Evidence(changed=False, sentence="nobody answers", details=details)
        self._write(call.inputs, call.step, call.token)
        self.world.happened.append(f"{call.step} apply ends")
        said = {"said": self.world.evidence} if self.world.evidence else {}
        sentence = f"{call.inputs.resource} is {call.step}"
        return Evidence(changed=True, sentence=sentence, details=dict(said))

    async def revert(self, undo: Undo[SetInputs]) -> Evidence:
        word = self._next(undo.step, "revert")
        self.world.happened.append(f"{undo.step} revert begins")
        mark = self.world.marks.get(undo.inputs.resource)
        await self._befalls(word, lambda: None)
        if undo.known_applied or (mark is not None and mark.key == undo.apply_key):
            self._write(undo.inputs, str(undo.before_image), undo.token)
        self.world.happened.append(f"{undo.step} revert ends")
        return Evidence(changed=True, sentence=f"{undo.inputs.resource} is as before")

    async def _befalls(self, word: str, write: Callable[[], None]) -> None:
        kind, _, number = word.partition(":")
        if kind == "slow":
            await asyncio.sleep(float(number))
        elif kind == "deaf":
            await _deaf_sleep(float(number))
        elif kind == "landed":
            write()
            raise ERRORS[number]("it landed, but the answer was lost")
        elif kind in ERRORS:
            raise ERRORS[kind](f"scripted {kind}")

    def _write(self, inputs: SetInputs, value: str, token: FencingToken) -> None:
        resource = inputs.resource
        if judge(self.world.marks.get(resource), token, resource) is Admission.DONE:
            return
        self.world.values[resource] = value
        self.world.marks[resource] = Mark(token.epoch, token.sequence, token.run, token.key)

    def _next(self, step: str, verb: str) -> str:
        words = self.world.script.get(f"{step}.{verb}", [])
        return words.pop(0) if words else "ok"


async def _deaf_sleep(seconds: float) -> None:
    """Sleep through every request to stop."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(left)


def estate_of(services: dict[str, list[str]], **more: Any) -> Estate:
    """An estate of chains: service → its steps in order; `more` adds keys to a service.

    A service named `x<y` depends on service y. Policy keys come under `policy`.
    """
    described = []
    policy = more.pop("policy", {})
    for title, ids in services.items():
        name, _, dependency = title.partition("<")
        extra = dict(more.get(name, {}))
        per_step = extra.pop("steps", {})
        assert isinstance(per_step, dict)
        steps = [
            {
                "id": id,
                "run": "test.set",
                "with": {"resource": f"{name}-{id}"},
                "needs": ids[index - 1 : index],
                "timeout": "3s",
            }
            | per_step.get(id, {})
            for index, id in enumerate(ids)
        ]
        described.append(
            {
                "name": name,
                "site": "a",
                "recovery_sites": ["b"],
                "depends_on": [dependency] if dependency else [],
                "recovery": steps,
            }
            | extra
        )
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"e{uuid4().hex[:12]}"},
            "policy": policy,
            "sites": [{"name": "a", "region": "r"}, {"name": "b", "region": "r"}],
            "services": described,
        }
    )


def states(status: RecoveryStatus) -> dict[str, str]:
    """`service/step` → state."""
    return {f"{step.service}/{step.id}": step.state.value for step in status.steps}


class Stage:
    """A worker in this process that plays one scripted world."""

    def __init__(self, temporal: Client, queue: str, world: World) -> None:
        self.temporal = temporal
        self.queue = queue
        self.world = world
        self.client = RecoveryClient(temporal, task_queue=queue)
        self.workflow_id = ""

    async def start(self, estate: Estate, mode: Mode = Mode.UNPLANNED) -> str:
        """Start the recovery of site `a`."""
        request = RecoveryRequest(estate=estate, site="a", mode=mode, actor="test", reason="test")
        self.workflow_id = (await self.client.recover(request)).workflow_id
        return self.workflow_id

    async def ends(self) -> RecoveryStatus:
        """Wait until it has ended or is held."""
        async with asyncio.timeout(60):
            return await self.client.wait(self.workflow_id)

    async def until(self, entry: str) -> None:
        """Wait until something has happened in the world."""
        async with asyncio.timeout(30):
            while entry not in self.world.happened:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def stage(
    temporal: Client,
    script: dict[str, list[str]] | None = None,
    *,
    cached: int = 1000,
    brief: bool = False,
) -> AsyncIterator[Stage]:
    """A worker whose only action is scripted; `brief` steps are expected to take no time."""
    world = World(script=dict(script or {}))
    if brief:
        world.takes = timedelta(milliseconds=10)
    queue = f"stage-{uuid4().hex}"
    settings = Settings(task_queue=queue, shutdown_grace_s=0, sandbox=True)
    registry = Registry(actions=(SetValue(world),))
    async with build_worker(temporal, registry, settings, max_cached_workflows=cached):
        yield Stage(temporal, queue, world)
