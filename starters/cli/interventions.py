"""`holdfast pause`, `resume`, `roll-back`, `retry-step` and `skip-step`: what a person decides."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

from .console import CommandFailed, ExitCode
from .options import Actor, Json, Reason, RecoveryId, StepName, actor_or_user

if TYPE_CHECKING:
    from ..recovery_client import RecoveryClient

Asked = Callable[["RecoveryClient", str, str], Awaitable[str]]
"""What is asked of the recovery with an id, in somebody's name; it returns what is said to it."""
Ordered = Callable[["RecoveryClient", str], Awaitable[str]]
"""The same, of whatever it knows itself."""


def pause(recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False) -> None:
    """Start no new step of a recovery; what runs goes on to its end."""
    ask(recovery, lambda client, id, by: client.pause(id, actor=by, reason=reason), actor, as_json)


def resume(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Let a paused recovery go on."""
    ask(recovery, lambda client, id, by: client.resume(id, actor=by, reason=reason), actor, as_json)


def roll_back(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Undo everything that a recovery did; refused once there is no way back."""
    ask(
        recovery,
        lambda client, id, by: client.roll_back(id, actor=by, reason=reason),
        actor,
        as_json,
    )


def retry_step(
    recovery: RecoveryId,
    step: StepName,
    reason: Reason,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Try a held step again, after a fresh look at its resource."""
    ask(
        recovery,
        lambda client, id, by: client.retry_step(id, step, actor=by, reason=reason),
        actor,
        as_json,
    )


def skip_step(
    recovery: RecoveryId,
    step: StepName,
    reason: Reason,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Pass a step over, as if it were done; say why, for it is kept."""
    ask(
        recovery,
        lambda client, id, by: client.skip_step(id, step, actor=by, reason=reason),
        actor,
        as_json,
    )


def ask(recovery: str, asked: Asked, actor: str | None, as_json: bool) -> NoReturn:
    """Ask a recovery for something in a person's name, and print what it says."""

    async def of_the_recovery(client: "RecoveryClient", by: str) -> str:
        return await asked(client, await _meant(client, recovery), by)

    order(of_the_recovery, actor, as_json)


def order(ordered: Ordered, actor: str | None, as_json: bool) -> NoReturn:
    """Order something in a person's name, and print what is said to it."""
    from pydantic import ValidationError

    from ..recovery_client import Refused
    from .recovery import in_words
    from .session import Session, converse

    async def work(session: Session) -> int:
        try:
            sentence = await ordered(session.recoveries, actor_or_user(actor))
        except ValidationError as error:
            raise CommandFailed(in_words(error), ExitCode.USAGE) from None
        except Refused as refusal:
            if not as_json:
                raise
            print(json.dumps({"accepted": False, "sentence": str(refusal)}))
            return ExitCode.FAILED
        print(json.dumps({"accepted": True, "sentence": sentence}) if as_json else sentence)
        return ExitCode.DONE

    converse(work)


async def _meant(client: "RecoveryClient", id: str) -> str:
    """The recovery that takes what is asked: of a failback its move, which is one of its own."""
    from ..recovery_client import Refused

    if id.startswith("failback/"):
        failback = await client.failback_status(id)
        if failback.recovery is None:
            raise Refused(f"the move home has not begun: {failback.sentence}")
        return failback.recovery
    if id.startswith("region-recovery/"):
        sites = ", ".join(each.workflow_id for each in (await client.region_status(id)).sites)
        raise Refused(f"a region is steered site by site; name one of {sites}")
    return id
