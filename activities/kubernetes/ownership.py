"""Whose a namespace of isolated copies is, and which attempts may still touch it.

A namespace that is gone carries no mark, and a creation knows no condition. So the mark that orders
apply and revert is kept on the namespace of the originals, under a prefix of its own for each
namespace of copies; every mutation is claimed there first, by a conditional write, and judged there
once more after it. An attempt that woke up too late takes back what it created, and is refused.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...workflows.model.errors import Conflict, FencedOut, NotFound, VerificationFailed
from ...workflows.model.step import FencingToken
from ..action import Call
from ..fencing import Admission, Mark, judge, to_labels
from ..mutation import Moved, mutate
from .inputs import IsolateInputs
from .objects import Namespace, Objects
from .workload import ANNOTATION_PREFIX

LOOK_EVERY_S = 0.25
PART = "/namespace"
"""What the key of the created namespace adds to its step's."""

Pair = tuple[Namespace, Namespace | None]
"""The namespace of the originals, and that of the copies if there is one."""


@dataclass(frozen=True)
class Claim:
    """What is written on the namespace of the originals besides the token."""

    seals: Mark | None = None
    """The mark that the token seals, where there is nothing to undo."""


def claims_prefix(into: str) -> str:
    """The prefix of the marks about `into` on the namespace of the originals."""
    return f"{into}.isolated.{ANNOTATION_PREFIX}"


def labels_of_copy(token: FencingToken) -> dict[str, str]:
    """The mark of the namespace of copies itself."""
    return to_labels(token.model_copy(update={"key": token.key + PART}), ANNOTATION_PREFIX)


def is_made_by(now: Namespace, run: str, key: str) -> bool:
    """Whether the step of that key, in that run, created the namespace."""
    mark = now.mark(ANNOTATION_PREFIX)
    return mark is not None and (mark.run, mark.key) == (run, key + PART)


async def claim(
    objects: Objects,
    call: Call[IsolateInputs],
    decide: Callable[[Namespace | None, Mark | None, Admission], Claim | None],
) -> None:
    """Write the token on the namespace of the originals.

    Args:
        objects: the clusters.
        call: the apply or revert.
        decide: what to write, by the namespace of copies and the mark there; it may raise.

    Raises:
        FencedOut: a newer token is there.
        NotFound: there is no namespace of originals.
    """
    inputs, prefix = call.inputs, claims_prefix(call.inputs.into)

    async def read() -> Pair:
        source, into = await asyncio.gather(
            objects.namespace(inputs.context, inputs.namespace),
            objects.namespace(inputs.context, inputs.into),
        )
        return _there(source, inputs), into

    async def write(now: Pair, wanted: Claim) -> Pair:
        labels = to_labels(call.token, prefix, sealing=wanted.seals)
        return await objects.annotate(inputs.context, now[0], labels), now[1]

    await mutate(
        call,
        inputs.resource,
        read=read,
        mark=lambda now: now[0].mark(prefix),
        decide=lambda now, admission: decide(now[1], now[0].mark(prefix), admission),
        write=write,
    )


async def check_claim(objects: Objects, call: Call[IsolateInputs]) -> None:
    """Judge once more, after a creation; one that came too late is taken back.

    Raises:
        FencedOut: a newer token is there.
    """
    inputs, token = call.inputs, call.token
    source = _there(await objects.namespace(inputs.context, inputs.namespace), inputs)
    try:
        judge(source.mark(claims_prefix(inputs.into)), token, inputs.resource)
    except FencedOut:
        while (now := await objects.namespace(inputs.context, inputs.into)) is not None:
            mark = now.mark(ANNOTATION_PREFIX)
            own = is_made_by(now, token.run, token.key)
            if now.going or not own or mark is None or mark.sequence != token.sequence:
                break
            try:
                await objects.delete(inputs.context, now)
            except Moved:
                continue
        raise


def foreign(now: Namespace, inputs: IsolateInputs) -> Conflict:
    """The error for a namespace of that name that is not this step's."""
    mark = now.mark(ANNOTATION_PREFIX)
    whose = f"run {mark.run} made it" if mark else "this recovery did not make it"
    return Conflict(
        f"namespace {inputs.into} exists on {inputs.context}, and {whose}; if nothing in it is"
        f" needed, kubectl --context {inputs.context} delete namespace {inputs.into}, then try"
        " again; or copy into another"
    )


async def pause(call: Call[Any], waits_for: str) -> None:
    """Wait a moment before the next look.

    Raises:
        VerificationFailed: the step's time is up.
    """
    if call.remaining() <= timedelta(0):
        raise VerificationFailed(f"{waits_for}, and the step's time is up; look what holds it")
    call.heartbeat(waits_for)
    await asyncio.sleep(LOOK_EVERY_S)


def _there(source: Namespace | None, inputs: IsolateInputs) -> Namespace:
    if source is None:
        raise NotFound(
            f"namespace {inputs.namespace} does not exist on {inputs.context}; correct the step's"
            " namespace"
        )
    return source


__all__ = [
    "Claim",
    "check_claim",
    "claim",
    "claims_prefix",
    "foreign",
    "is_made_by",
    "labels_of_copy",
    "pause",
]
