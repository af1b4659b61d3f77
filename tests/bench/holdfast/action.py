"""`test.wait`: a step that takes so many milliseconds and then leaves one durable effect.

The same work that every peer's step does, held to the step contract of the real actions: it probes
in batches, its change and its mark are one conditional write, and called again under a key whose
effect is there it says so at once.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from bench.holdfast.effects import APPLIED, CALLED, REVERTED, SEALED, Effects, Line, now
from holdfast.activities.action import Action, Call, Probed, Undo
from holdfast.activities.fencing import Admission, Mark, judge
from holdfast.activities.mutation import is_own, mutate, was_applied
from holdfast.workflows.model.document import Document
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification


class WaitInputs(Document):
    """Inputs of `test.wait`."""

    resource: str
    """What it changes."""
    ms: float = Field(ge=0)
    """How long that takes, milliseconds."""


class Wait(Action[WaitInputs]):
    """Waits, then changes a resource of the effects file."""

    name: ClassVar[str] = "test.wait"
    inputs_model = WaitInputs

    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    async def probe(self, steps: Sequence[Probed[WaitInputs]]) -> Sequence[Observation]:
        """Read every resource's mark."""
        self._effects.read()
        return [self._observed(step) for step in steps]

    async def apply(self, call: Call[WaitInputs]) -> Evidence:
        """Wait, and make the effect, unless an earlier attempt has made it."""
        wanted = call.inputs
        self._effects.call(_line(CALLED, call))
        seen = self._effects.look(wanted.resource)
        judge(_mark(seen), call.token, wanted.resource)
        if is_own(_mark(seen), call.token):
            return Evidence(changed=False, sentence=f"{wanted.resource} is applied already")
        await asyncio.sleep(wanted.ms / 1000)
        await self._mutate(call, lambda _: APPLIED)
        return Evidence(changed=True, sentence=f"{wanted.resource} applied after {wanted.ms:g} ms")

    async def revert(self, undo: Undo[WaitInputs]) -> Evidence:
        """Wait, and take the effect back; without one, only shut late attempts out."""
        await asyncio.sleep(undo.inputs.ms / 1000)
        self._effects.read()
        made = await self._mutate(
            undo, lambda seen: REVERTED if was_applied(undo, _mark(seen)) else SEALED
        )
        return Evidence(
            changed=made.what == REVERTED, sentence=f"{undo.inputs.resource} is {made.what}"
        )

    async def _mutate(self, call: Call[WaitInputs], change: Callable[[Line | None], str]) -> Line:
        resource = call.inputs.resource

        async def read() -> Line | None:
            return self._effects.look(resource)

        async def write(seen: Line | None, line: Line) -> Line | None:
            return self._effects.write(line, after=seen)

        def decide(seen: Line | None, admission: Admission) -> Line | None:
            if admission is Admission.DONE:
                return None
            over = _mark(seen)
            sealing = over is not None and over.run == call.token.run
            what = change(seen)
            kept = over.last_change if over is not None and sealing and what == SEALED else ""
            return _line(what, call, sealed_over=kept)

        made = await mutate(call, resource, read=read, mark=_mark, decide=decide, write=write)
        assert made is not None, "a resource that admits no change carries one"
        return made

    def _observed(self, step: Probed[WaitInputs]) -> Observation:
        resource = step.inputs.resource
        last = self._effects.look(resource)
        applied = last is not None and last.what == APPLIED
        value = "applied" if applied else "untouched"
        return Observation(
            step=step.step,
            state=Applied.APPLIED if applied else Applied.NOT_APPLIED,
            qualification=Qualification.QUALIFIED,
            reason=f"{resource} is {value}",
            resource=resource,
            before_image=value,
            epoch=last.epoch if last else 0,
            last_key=last.key if last else "",
            touched=last is not None and last.key == step.key,
            change=f"{resource} {value} → applied",
            undo_command=f"put {resource} back to {value}",
            expected_duration=timedelta(milliseconds=step.inputs.ms),
        )


def _mark(line: Line | None) -> Mark | None:
    return line.mark if line else None


def _line(what: str, call: Call[WaitInputs], *, sealed_over: str = "") -> Line:
    token = call.token
    return Line(
        what=what,
        resource=call.inputs.resource,
        step=call.step,
        epoch=token.epoch,
        sequence=token.sequence,
        run=token.run,
        key=token.key,
        pid=os.getpid(),
        at=now(),
        sealed_over=sealed_over,
    )
