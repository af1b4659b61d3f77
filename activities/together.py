"""One activity for many brief steps, each applied as soon as what it needs is done.

Only what goes well is done here. A permanent failure is told and nothing more begins; whatever else
goes wrong with a step, it is handed back, and the workflow has it go on in an activity of its own,
where attempts, waits and long operations are kept. What has ended is told by signals, at once
where something waits for it; a process that dies loses at most what was not told yet, and those
steps are applied again under their own idempotency keys.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity

from ..workflows.model.errors import ActionError, TemporaryError
from ..workflows.model.step import ApplyInput, Evidence
from ..workflows.model.together import (
    StepEnd,
    StepFailure,
    StepToApply,
    TogetherInput,
    TogetherProgress,
)
from ..workflows.names import APPLY_TOGETHER
from ..workflows.saga.walk import Walk
from .action import Action, Call
from .boundary import HUNG, parse_inputs
from .heart import BEAT_S, OVERRUN_S
from .telling import Teller

MOST_AT_ONCE = 500
"""Steps of one activity that run side by side."""
MOST_ATTEMPTS = 3
"""A step may be what kills its worker: after this many lost workers each goes on by itself."""
ADOPTED_WITHIN_S = 10.0
"""How long work whose attempt the server has given up waits for the next attempt to adopt it."""
ASK_AGAIN_S = 1.0
"""How often a cancelled activity asks which of its running steps are to be stopped."""


def together_activity(actions: Sequence[Action[Any]]) -> Callable[..., Awaitable[Any]]:
    """The activity that brief steps of these actions share, to register with a worker."""
    by_name = {action.name: action for action in actions}
    ongoing: dict[tuple[str | None, str], _Together] = {}

    @activity.defn(name=APPLY_TOGETHER)
    async def apply_together(request: TogetherInput) -> TogetherProgress:
        info = activity.info()
        key = (info.workflow_run_id, info.activity_id)
        together = ongoing.get(key)
        if together is None:
            teller = Teller(request.steps)
            if info.attempt > MOST_ATTEMPTS:
                return await _given_up(teller)
            together = ongoing[key] = _Together(by_name, teller, first_attempt=info.attempt == 1)
        try:
            return await together.carried_on(info)
        finally:
            later = asyncio.get_running_loop().call_later
            later(ADOPTED_WITHIN_S, together.left_by, info.attempt, lambda: ongoing.pop(key, None))

    return apply_together


async def _given_up(teller: Teller) -> TogetherProgress:
    for step in teller.left():
        teller.ends(_lost(step, f"its worker was lost {MOST_ATTEMPTS} times"), urgent=False)
    return await teller.rest()


def _lost(step: StepToApply, reason: str) -> StepEnd:
    sequence = step.apply.token.sequence
    began = datetime.now(UTC)
    return StepEnd(step=step.apply.step, sequence=sequence, began=began, reason=reason, alone=True)


class _Together:
    """The steps of one activity in one process.

    A busy server takes a late heartbeat for a dead worker, and has the activity tried again. If
    that attempt comes to the process where the first one runs, it adopts its work.
    """

    def __init__(
        self, actions: Mapping[str, Action[Any]], teller: Teller, *, first_attempt: bool
    ) -> None:
        self._actions = actions
        self._steps = {step.apply.step: step for step in teller.left()}
        self._teller = teller
        self._attempt = 0
        self._stopping = False
        self._first_attempt = first_attempt
        self._walk = Walk({id: step.needs for id, step in self._steps.items()})
        self._running: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._idle = asyncio.Event()
        self._began: dict[str, datetime] = {}
        self._work = asyncio.create_task(self._run())

    async def carried_on(self, info: activity.Info) -> TogetherProgress:
        """One attempt: see the work to its end. The result holds every end not told before."""
        self._attempt = info.attempt
        self._teller.speaks_for_this_attempt()
        with _beside(self._beat()):
            try:
                await asyncio.shield(self._work)
            except asyncio.CancelledError:
                if _taken_for_dead():
                    raise
                self._stop()
                await asyncio.shield(self._work)
            return await self._teller.rest()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._work.cancel()

    def left_by(self, attempt: int, forget: Callable[[], object]) -> None:
        """An attempt has been over for a while: unless another has come, nobody will."""
        if attempt == self._attempt:
            forget()
            for task in self._running.values():
                task.cancel()

    async def _run(self) -> None:
        with _beside(self._teller.tell()):
            self._start(self._walk.begin())
            try:
                await self._idle.wait()
            except asyncio.CancelledError:
                self._hand_back(self._walk.stop(), "it was asked for")
                await self._wind_down()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._teller.beat()

    async def _wind_down(self) -> None:
        """Start nothing; stop what is to be stopped; what else runs goes on to its end."""
        while not self._idle.is_set():
            leaving = activity.is_worker_shutdown()
            unwanted = list(self._running) if leaving else await self._teller.unwanted()
            for step in unwanted:
                if step in self._running:
                    self._running[step].cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), ASK_AGAIN_S)

    def _start(self, ids: Iterable[str]) -> None:
        for id in ids:
            self._running[id] = asyncio.create_task(self._carry_out(id))
        if not self._running:
            self._idle.set()

    async def _carry_out(self, id: str) -> None:
        step = self._steps[id]
        end = StepEnd(step=id, sequence=step.apply.token.sequence, reason="it was stopped")
        try:
            async with self._slots:
                self._began[id] = datetime.now(UTC)
                self._teller.begins(step, self._began[id])
                end = await _applied(self._actions.get(step.run), step, self._began[id])
        except asyncio.CancelledError:
            end = end.model_copy(update={"began": self._begun(id)})
            raise
        finally:
            del self._running[id]
            self._ended(step, end)

    def _ended(self, step: StepToApply, end: StepEnd) -> None:
        id = step.apply.step
        self._teller.ends(end, urgent=step.awaited or end.evidence is None)
        if end.evidence is not None:
            self._start(self._walk.done(id))
            return
        # A permanent failure may mean that everything is to be undone: that is not decided here.
        never = self._walk.stop() if end.failure else self._walk.abandon(id)
        self._hand_back(never, f"{id} did not go through")
        self._start(())

    def _hand_back(self, ids: Iterable[str], reason: str) -> None:
        for id in ids:
            sequence = self._steps[id].apply.token.sequence
            end = StepEnd(step=id, sequence=sequence, began=self._begun(id), reason=reason)
            self._teller.ends(end, urgent=True)

    def _begun(self, id: str) -> datetime | None:
        """When a step began; an earlier attempt, which may still run, may have begun any."""
        return self._began.get(id) or (None if self._first_attempt else datetime.now(UTC))


def _taken_for_dead() -> bool:
    """The attempt is over for the server, though nobody has asked for a stop."""
    details = activity.cancellation_details()
    return details is not None and (details.not_found or details.timed_out)


async def _applied(action: Action[Any] | None, step: StepToApply, began: datetime) -> StepEnd:
    """Apply one step; what cannot be said of it here has neither evidence nor failure."""
    request = step.apply
    end = StepEnd(step=request.step, sequence=request.token.sequence, began=began)
    if action is None:
        reason = f"this worker does not register {step.run}"
        return end.model_copy(update={"began": None, "reason": reason, "alone": True})
    try:
        async with asyncio.timeout(request.timeout.total_seconds() + OVERRUN_S):
            evidence = await action.apply(_call(action, request))
        evidence = Evidence.model_validate(dict(evidence))
    except TemporaryError as error:
        update: dict[str, Any] = {"reason": f"{type(error).__name__}: {error}", "alone": True}
    except ActionError as error:
        failure = StepFailure(
            kind=type(error).__name__, message=str(error), needs_person=error.needs_person
        )
        update = {"failure": failure}
    except TimeoutError:
        message = "the action overran the step's time and was stopped"
        update = {"failure": StepFailure(kind=HUNG, message=message, outcome_known=False)}
    except Exception as error:
        # Its text stays out of the history: a client's exception may hold a URL with a secret.
        activity.logger.warning("unforeseen %s in %s", type(error).__name__, request.step)
        update = {"reason": f"an unforeseen {type(error).__name__}", "alone": True}
    else:
        update = {"evidence": evidence}
    return end.model_copy(update={**update, "ended": datetime.now(UTC)})


def _call(action: Action[Any], request: ApplyInput) -> Call[Any]:
    deadline = time.monotonic() + request.timeout.total_seconds()
    return Call(
        request.step,
        parse_inputs(action.inputs_model, request.inputs),
        request.before_image,
        request.token,
        lambda: timedelta(seconds=max(deadline - time.monotonic(), 0.0)),
        lambda text: None,
    )


@contextlib.contextmanager
def _beside(*work: Any) -> Any:
    """Run coroutines beside a block of code, until it ends."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
