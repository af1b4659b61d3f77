"""One activity for many steps, each applied as soon as what it needs is done.

Only what goes well is done here. A permanent failure is told and nothing more begins; whatever else
goes wrong with a step, it is handed back, and the workflow has it go on in an activity of its own,
where attempts, waits and long operations are kept. What has ended is told by signals.

Only the first attempt applies anything. One that comes after a lost worker hands back every step
whose end the workflow still awaits, as perhaps begun: what it had done is known by the marks on the
resources, and the workflow goes on from there.
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
from .taking_over import take_over_run
from .telling import Teller
from .urgency import asking

MOST_AT_ONCE = 500
"""Steps of one activity that run side by side."""
ASK_AGAIN_S = 1.0
"""How often a cancelled activity asks which of its running steps are to be stopped."""
TAKEN_FOR_DEAD_S = 2.0
"""The heartbeat's timeout: a process that did not run for so long begins nothing any more."""


def together_activity(actions: Sequence[Action[Any]]) -> Callable[..., Awaitable[Any]]:
    """The activity that steps of these actions share, to register with a worker."""
    by_name = {action.name: action for action in actions}

    @activity.defn(name=APPLY_TOGETHER)
    async def apply_together(request: TogetherInput) -> TogetherProgress:
        if activity.info().attempt > 1:
            await take_over_run()
            lost = tuple(_lost(step) for step in request.steps)
            return TogetherProgress(number=request.number, ends=lost)
        return await _Together(by_name, request).run()

    return apply_together


def _lost(step: StepToApply) -> StepEnd:
    reason = "the worker that had it was lost"
    return _end(step.apply).model_copy(update={"began": datetime.now(UTC), "reason": reason})


def _end(request: ApplyInput) -> StepEnd:
    return StepEnd(step=request.step)


class _Together:
    """The steps of one activity while they are applied."""

    def __init__(self, actions: Mapping[str, Action[Any]], request: TogetherInput) -> None:
        self._actions = actions
        self._steps = {step.apply.step: step for step in request.steps}
        self._walk = Walk({id: step.needs for id, step in self._steps.items()})
        self._teller = Teller(request.number)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._began: dict[str, datetime] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._idle = asyncio.Event()
        self._beaten = time.monotonic()

    async def run(self) -> TogetherProgress:
        """Apply what can be applied; the result holds every end that was not told before."""
        with _beside(self._beat(), self._teller.tell()):
            try:
                self._start(self._walk.begin())
                await self._idle.wait()
            except asyncio.CancelledError:
                if _given_up_by_server():
                    self._walk.stop()
                    self._break_off(self._running)
                    raise
                self._hand_back(self._walk.stop(), "it was asked for")
                await self._wind_down()
            return await self._teller.rest()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if not self._is_late():
                self._beaten = time.monotonic()
            activity.heartbeat()

    def _is_late(self) -> bool:
        """The process stood still: by now another attempt may have handed everything back."""
        return time.monotonic() - self._beaten > TAKEN_FOR_DEAD_S

    async def _wind_down(self) -> None:
        """Start nothing; stop what is to be stopped; what else runs goes on to its end."""
        stopped: set[str] = set()
        while not self._idle.is_set():
            leaving = (details := activity.cancellation_details()) and details.worker_shutdown
            unwanted = list(self._running) if leaving else await self._teller.unwanted()
            self._break_off(step for step in unwanted if step not in stopped)
            stopped.update(unwanted)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), ASK_AGAIN_S)

    def _break_off(self, ids: Iterable[str]) -> None:
        for task in [self._running[id] for id in ids if id in self._running]:
            task.cancel()

    def _start(self, ids: Iterable[str]) -> None:
        waiting = list(ids)
        if waiting and self._is_late():
            self._hand_back([*waiting, *self._walk.stop()], "its worker stood still")
            waiting = []
        for id in waiting:
            self._running[id] = asyncio.create_task(self._carry_out(id))
        if not self._running:
            self._idle.set()

    async def _carry_out(self, id: str) -> None:
        step = self._steps[id]
        end = _end(step.apply).model_copy(update={"reason": "it was stopped"})
        try:
            async with self._slots:
                self._began[id] = datetime.now(UTC)
                self._teller.begins(step, self._began[id])
                action = self._actions.get(step.run)
                with asking(tier=step.tier):
                    end = await _applied(action, step.apply) if action else _not_here(step)
        finally:
            del self._running[id]
            self._ended(step, end.model_copy(update={"began": self._began.get(id)}))

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
        """Give back steps that have not begun, and now never will under this token."""
        for id in ids:
            end = _end(self._steps[id].apply).model_copy(update={"reason": reason})
            self._teller.ends(end, urgent=True)


def _given_up_by_server() -> bool:
    """The attempt is over for the server, though nobody has asked for a stop."""
    details = activity.cancellation_details()
    return details is not None and (details.not_found or details.timed_out)


def _not_here(step: StepToApply) -> StepEnd:
    """A step of an action that this worker has not: by itself it meets one that has, or fails."""
    reason = f"the worker that shares it does not register {step.run}"
    return _end(step.apply).model_copy(update={"reason": reason, "alone": True})


async def _applied(action: Action[Any], request: ApplyInput) -> StepEnd:
    """Apply one step; what cannot be said of it here has neither evidence nor failure."""
    update: dict[str, Any]
    try:
        async with asyncio.timeout(request.timeout.total_seconds() + OVERRUN_S):
            call = _call(action, request)
            with asking(remaining=call.remaining):
                evidence = await action.apply(call)
        update = {"evidence": Evidence.model_validate(dict(evidence))}
    except TemporaryError as error:
        update = {"reason": f"{type(error).__name__}: {error}", "alone": True}
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
    return _end(request).model_copy(update={**update, "ended": datetime.now(UTC)})


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
