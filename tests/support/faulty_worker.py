"""The real worker with one wound: at a named point of a named step it signals itself, once.

Run as `python -m support.faulty_worker`. The point is read from the file that HOLDFAST_TEST_WOUND
names: `{"step", "verb", "point": before|between|after, "signal": KILL|STOP}`; the process that hits
it takes the file away first, so that one process is hit once. With HOLDFAST_TEST_UNFENCED=1 no
mutation leaves its idempotency key and epoch: the negative control of every test that uses this.
"""

import asyncio
import contextvars
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from holdfast.activities import fencing, mutation
from holdfast.activities.azure import routing
from holdfast.activities.kubernetes import fence, scale
from holdfast.workers.settings import Settings
from holdfast.workers.worker import run_worker
from holdfast.workflows.model.step import FencingToken

_CURRENT: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("current")
_WOUND = Path(os.environ["HOLDFAST_TEST_WOUND"])


def strike(point: str) -> None:
    """Signal this process if this is the point."""
    step, verb = _CURRENT.get(("", ""))
    try:
        wound = json.loads(_WOUND.read_text())
    except FileNotFoundError:
        return
    if (wound["step"], wound["verb"], wound["point"]) != (step, verb, point):
        return
    try:
        _WOUND.rename(_WOUND.with_suffix(f".{os.getpid()}"))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), getattr(signal, f"SIG{wound['signal']}"))


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        request = input.args[0] if input.args else None
        verb = activity.info().activity_type.rpartition(".")[2]
        _CURRENT.set((getattr(request, "step", ""), verb))
        strike("before")
        result = await super().execute_activity(input)
        strike("after")
        return result


class _Wounds(Interceptor):
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


def _wound_between() -> None:
    def judged(mark: fencing.Mark | None, token: FencingToken, resource: str) -> fencing.Admission:
        admission = fencing.judge(mark, token, resource)
        strike("between")
        return admission

    vars(mutation)["judge"] = judged


def _unfence() -> None:
    for module in (scale, fence, routing):
        vars(module)["to_labels"] = lambda *_, **__: {}


def main() -> None:
    """Run the wounded worker until it is told to stop."""
    _wound_between()
    if os.environ.get("HOLDFAST_TEST_UNFENCED") == "1":
        _unfence()
    settings = Settings.from_environment()
    asyncio.run(run_worker(settings, lambda: print("ready", flush=True), interceptors=[_Wounds()]))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
