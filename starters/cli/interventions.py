"""`holdfast pause`, `resume`, `roll-back`, `retry-step` and `skip-step`: what a person decides."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

from .console import CommandFailed, ExitCode
from .options import Actor, Json, Reason, RecoveryId, StepName, actor_or_user

if TYPE_CHECKING:
    from ..recovery_client import RecoveryClient

Asked = Callable[["RecoveryClient", str], Awaitable[str]]


def pause(recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False) -> None:
    """Start no new step of a recovery; what runs goes on to its end."""
    ask(lambda client, by: client.pause(recovery, actor=by, reason=reason), actor, as_json)


def resume(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Let a paused recovery go on."""
    ask(lambda client, by: client.resume(recovery, actor=by, reason=reason), actor, as_json)


def roll_back(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Undo everything that a recovery did; refused once there is no way back."""
    ask(lambda client, by: client.roll_back(recovery, actor=by, reason=reason), actor, as_json)


def retry_step(
    recovery: RecoveryId,
    step: StepName,
    reason: Reason,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Try a held step again, after a fresh look at its resource."""
    ask(
        lambda client, by: client.retry_step(recovery, step, actor=by, reason=reason),
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
        lambda client, by: client.skip_step(recovery, step, actor=by, reason=reason),
        actor,
        as_json,
    )


def ask(asked: Asked, actor: str | None, as_json: bool) -> NoReturn:
    """Ask a recovery for something in a person's name, and print what it says."""
    from pydantic import ValidationError

    from ..recovery_client import Refused
    from .recovery import in_words
    from .session import Session, converse

    async def work(session: Session) -> int:
        try:
            sentence = await asked(session.recoveries, actor_or_user(actor))
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
