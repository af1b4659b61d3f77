"""The real worker with one wound: at a named point of a named step it is struck, once.

Run as `python -m support.faulty_worker`. The wound is read from the file that HOLDFAST_TEST_WOUND
names: `{"step", "verb", "point": before|between|after, "signal": KILL|STOP|WAIT|FAIL}`; the process
that is struck takes the file away first, so that one process is struck once. KILL and STOP are
signals to itself, and an action that was stopped hears of no cancellation when it wakes up, as if
it were cut off from Temporal; WAIT waits, alive and beating, until a file named `go` stands beside
the wound; FAIL raises Conflict, as an action does that must not change what it found.

The wound sits around the actions' own verbs, so it holds however steps are packed into activities.
HOLDFAST_TEST_GUARD takes guards away, for negative controls: with `unmarked` no mutation leaves its
idempotency key and epoch; with `none` writes are unconditional besides, so the last writer wins.
"""

import asyncio
import contextvars
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.activities import fencing, mutation
from holdfast.activities.action import Action, Call
from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.profile import Profile
from holdfast.activities.kubernetes import cluster
from holdfast.workers.registry import ACTION_TYPES
from holdfast.workers.settings import Settings
from holdfast.workers.worker import run_worker
from holdfast.workflows.model.errors import Conflict
from holdfast.workflows.model.step import Evidence, FencingToken

_CURRENT: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("current")
_WOUND = Path(os.environ["HOLDFAST_TEST_WOUND"])
_DEAF: set[asyncio.Task[Evidence]] = set()
"""Work that goes on although it was cancelled."""
_stopped_once = False


def _taken(point: str) -> str | None:
    """The kind of the wound, if this is its point and no process has had it before."""
    step, verb = _CURRENT.get(("", ""))
    try:
        wound = json.loads(_WOUND.read_text())
        if (wound["step"], wound["verb"], wound["point"]) != (step, verb, point):
            return None
        _WOUND.rename(_WOUND.with_suffix(f".{os.getpid()}"))
    except FileNotFoundError:
        return None
    return str(wound["signal"])


def _strike_now(point: str) -> str | None:
    global _stopped_once
    kind = _taken(point)
    if kind in ("KILL", "STOP"):
        _stopped_once = True
        os.kill(os.getpid(), getattr(signal, f"SIG{kind}"))
    return kind


async def _strike(point: str) -> None:
    kind = _strike_now(point)
    if kind == "FAIL":
        raise Conflict("wounded on purpose: it must not be changed")
    elif kind == "WAIT":
        while not _WOUND.with_name("go").exists():
            await asyncio.sleep(0.02)


Acting = Callable[[Action[Any], Call[Any]], Awaitable[Evidence]]


def _wounded(verb: str, acting: Acting) -> Acting:
    async def wounded(action: Action[Any], call: Call[Any]) -> Evidence:
        _CURRENT.set((call.step, verb))
        task = asyncio.ensure_future(struck(action, call))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if _stopped_once:
                _DEAF.add(task)
            else:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            raise

    async def struck(action: Action[Any], call: Call[Any]) -> Evidence:
        await _strike("before")
        evidence = await acting(action, call)
        await _strike("after")
        return evidence

    return wounded


def _wound_actions() -> None:
    for kind in ACTION_TYPES:
        for verb in ("apply", "revert"):
            setattr(kind, verb, _wounded(verb, getattr(kind, verb)))


def _wound_between() -> None:
    def judged(mark: fencing.Mark | None, token: FencingToken, resource: str) -> fencing.Admission:
        admission = fencing.judge(mark, token, resource)
        _strike_now("between")
        return admission

    vars(mutation)["judge"] = judged


def _leave_no_marks() -> None:
    for name, module in list(sys.modules.items()):
        ours = name.startswith("holdfast.activities.") and name != fencing.__name__
        if ours and "to_labels" in vars(module):
            vars(module)["to_labels"] = lambda *_, **__: {}


def _write_unconditionally() -> None:
    prepare, write = vars(cluster)["_apps"], TrafficManagerConnections.write

    def prepared(method: str, **arguments: Any) -> Any:
        if isinstance(body := arguments.get("body"), dict):
            body["metadata"].pop("resourceVersion", None)
        return prepare(method, **arguments)

    async def written(self: TrafficManagerConnections, now: Profile, *rest: Any) -> Profile:
        return await write(self, replace(now, etag=""), *rest)

    vars(cluster)["_apps"] = prepared
    setattr(TrafficManagerConnections, "write", written)  # noqa: B010


def main() -> None:
    """Run the wounded worker until it is told to stop."""
    _wound_actions()
    _wound_between()
    guard = os.environ.get("HOLDFAST_TEST_GUARD", "full")
    if guard in ("unmarked", "none"):
        _leave_no_marks()
    if guard == "none":
        _write_unconditionally()
    settings = Settings.from_environment()
    asyncio.run(run_worker(settings, lambda: print("ready", flush=True)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
