"""What happens in the demo, act by act: the losses, the kills, the measurements."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ...deploy.embedded.lab_client import LabClient
from ...deploy.embedded.supervisor import Supervisor
from ...workflows.model.estate import Estate, OnFailure
from ...workflows.model.policy import Policy, RollbackScope
from ...workflows.model.recovery import (
    Outcome,
    Phase,
    RecoveryRequest,
    RecoveryStatus,
    StepState,
)
from .console import CommandFailed
from .following import View, follow
from .progress import PASSED
from .session import Session

REFUSED = 403
_LOOK_EVERY = timedelta(milliseconds=40)
_STILL_THE_DEAD_S = 0.2
"""What a killed worker had sent may still land; no new worker can act so soon."""
_UNDONE = frozenset({StepState.REVERTED, StepState.NOT_RUN})


@dataclass(frozen=True)
class Stage:
    """What the demo plays with."""

    session: Session
    lab: LabClient
    worker: Supervisor
    estate: Estate
    site: str


@dataclass
class Kill:
    """A worker that was killed, and how long it took until its work went on."""

    pid: int
    step: str
    """In flight at that moment."""
    at: float
    """Seconds since the epoch."""
    gap_s: float | None = None
    """Until the next change of the world; None if none came."""


@dataclass
class Act:
    """What one act showed."""

    status: RecoveryStatus
    kill: Kill | None
    effects: list[dict[str, Any]] = field(default_factory=list)
    before: Any = None
    after: Any = None

    @property
    def repeated(self) -> list[str]:
        """Idempotency keys under which the world was changed more than once."""
        counts = Counter(str(effect["key"]) for effect in self.effects)
        return [key for key, count in counts.items() if count > 1]

    @property
    def restored(self) -> bool:
        """Whether the world is as it was before."""
        return bool(self.before == self.after)


async def recover_with_a_kill(stage: Stage, view: View) -> Act:
    """Lose the site, recover it, and kill the worker when about a third is done."""
    await stage.lab.reset()
    return await _play(stage, at_once(stage.estate, "loss"), view, _a_third_is_applied)


async def roll_back_with_a_kill(stage: Stage, view: View, match: dict[str, str]) -> Act:
    """Lose the site again; one step is refused, and the worker is killed on the way back."""
    await stage.lab.reset()
    await stage.lab.fail_once(match, REFUSED)
    undone = reversible(at_once(stage.estate, "undo"))
    return await _play(stage, undone, view, _a_third_is_reverted)


def last_change(act: Act) -> tuple[str, dict[str, str]]:
    """The last step that changed the world, and a match for exactly its request.

    Raises:
        CommandFailed: no step of the recovery can be told from the others by its request.
    """
    changed = [effect for effect in act.effects if effect["key"]]
    for effect in reversed(changed):
        others = [one for one in changed if one["key"] != effect["key"]]
        if all(one["path"] != effect["path"] for one in others):
            step = "/".join(str(effect["key"]).split("/")[-2:])
            names = ("system", "site", "method", "path")
            return step, {name: effect[name] for name in names if effect[name]}
    raise CommandFailed("no step of this recovery can be made to fail alone; take another site")


def at_once(estate: Estate, act: str) -> Estate:
    """The estate under a name of the act's own, for a world that is reset between them.

    It is recovered without anybody's consent, and final when it is done.
    """
    metadata = estate.metadata.model_copy(update={"name": f"{estate.name}-{act}"})
    policy = Policy(rollback=estate.policy.rollback, shortage=estate.policy.shortage)
    return estate.model_copy(update={"metadata": metadata, "policy": policy})


def reversible(estate: Estate) -> Estate:
    """The estate with a policy by which one failure undoes the whole site."""
    services = tuple(
        service.model_copy(
            update={
                "recovery": tuple(
                    step.model_copy(update={"pivot": False, "on_failure": OnFailure.ROLLBACK})
                    for step in service.recovery
                )
            }
        )
        for service in estate.services
    )
    policy = estate.policy.model_copy(update={"rollback": RollbackScope.SITE})
    return estate.model_copy(update={"policy": policy, "services": services})


async def _play(
    stage: Stage, estate: Estate, view: View, due: Callable[[RecoveryStatus], str | None]
) -> Act:
    await stage.lab.lose(stage.site)
    before = await stage.lab.world()
    request = RecoveryRequest(
        estate=estate, site=stage.site, actor="demo", reason=f"{stage.site} does not answer"
    )
    started = await stage.session.recoveries.recover(request)
    if started.joined:
        raise CommandFailed(f"{started.workflow_id} is running already; the demo stays out of it")
    killing = asyncio.ensure_future(_kill_when(stage, started.workflow_id, view, due))
    try:
        status = await follow(stage.session, started.workflow_id, view)
    finally:
        if not killing.done():
            killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
    kill = None if killing.cancelled() else killing.result()
    return Act(status, kill, await stage.lab.effects(), before, await stage.lab.world())


async def _kill_when(
    stage: Stage, workflow_id: str, view: View, due: Callable[[RecoveryStatus], str | None]
) -> Kill | None:
    async for status in stage.session.recoveries.watch(workflow_id, every=_LOOK_EVERY):
        if (step := due(status)) is not None:
            break
    else:
        return None
    pid = stage.worker.pid
    kill = Kill(pid, step, await stage.worker.kill())
    view.notice(f"kill -9 of worker {pid} while {step} is in flight")
    effect = await _next_effect(stage.lab, kill.at + _STILL_THE_DEAD_S)
    kill.gap_s = _at(effect) - kill.at
    view.notice(f"{kill.gap_s:.1f} s later worker {stage.worker.pid} makes the next change")
    return kill


async def _next_effect(lab: LabClient, since: float) -> dict[str, Any]:
    while True:
        for effect in await lab.effects():
            if _at(effect) >= since:
                return effect
        await asyncio.sleep(_LOOK_EVERY.total_seconds())


def _at(effect: dict[str, Any]) -> float:
    return datetime.fromisoformat(effect["at"]).timestamp()


def _a_third_is_applied(status: RecoveryStatus) -> str | None:
    done = sum(step.state in PASSED for step in status.steps)
    if status.phase is not Phase.RECOVERING or done < len(status.steps) // 3:
        return None
    return _scaling(status, StepState.APPLYING)


def _a_third_is_reverted(status: RecoveryStatus) -> str | None:
    if status.phase is not Phase.ROLLING_BACK:
        return None
    done = sum(step.state in _UNDONE for step in status.steps)
    return _scaling(status, StepState.REVERTING) if done >= len(status.steps) // 3 else None


def _scaling(status: RecoveryStatus, state: StepState) -> str | None:
    """A step in flight of the kind that takes long enough to be killed in the middle."""
    for step in status.steps:
        if step.state is state and step.run == "kubernetes.scale":
            return f"{step.service}/{step.id}"
    return None


def recovered(act: Act) -> bool:
    """Whether all was recovered, each change made once, through a killed worker."""
    return act.status.outcome is Outcome.RECOVERED and act.kill is not None and not act.repeated


def rolled_back(act: Act) -> bool:
    """Whether the world is as it was before, each change made once.

    A rollback of a few steps may be over before a worker can be killed in it.
    """
    return act.status.outcome is Outcome.ROLLED_BACK and act.restored and not act.repeated
