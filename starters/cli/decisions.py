"""`holdfast approve`, `reject`, `commit` and `go-ungraceful`: what waits for a person's consent."""

from typing import TYPE_CHECKING, Annotated

import typer

from .interventions import ask
from .options import Actor, Json, Reason, RecoveryId

if TYPE_CHECKING:
    from ...workflows.model.consent import ApprovalStatus
    from ...workflows.model.recovery import RecoveryStatus
    from ..recovery_client import RecoveryClient

LEAST_OF_A_HASH = 12
"""Characters by which a plan can be named: as many as sentences show."""


def approve(
    recovery: RecoveryId,
    reason: Reason,
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="HASH",
            help=f"Approve this plan and no other; its first {LEAST_OF_A_HASH} characters do.",
            show_default="the one that waits, which is shown",
        ),
    ] = None,
    break_glass: Annotated[
        bool,
        typer.Option(
            "--break-glass",
            help="In an emergency: approve alone, whoever you are; it must be reviewed afterwards.",
        ),
    ] = False,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Agree to the plan of a recovery that waits for approval.

    Who asked for the recovery cannot approve it; where two must, they are two people.
    """

    async def approval(client: "RecoveryClient", id: str, by: str) -> str:
        status = await client.status(id)
        asked = _waiting(status)
        if not as_json:
            _show(status, asked)
        return await client.approve(
            id,
            actor=by,
            reason=reason,
            plan_hash=_meant(plan, asked.plan_hash),
            request=asked.request,
            break_glass=break_glass,
        )

    ask(recovery, approval, actor, as_json)


def reject(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Refuse the plan of a recovery that waits for approval; it ends with nothing changed."""
    ask(recovery, lambda client, id, by: client.reject(id, actor=by, reason=reason), actor, as_json)


def commit(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Give up the way back of a recovery that is done, and end it."""
    ask(recovery, lambda client, id, by: client.commit(id, actor=by, reason=reason), actor, as_json)


def go_ungraceful(
    recovery: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Give up what only a living site can do, its drain and final sync; the rest goes on."""
    ask(
        recovery,
        lambda client, id, by: client.go_ungraceful(id, actor=by, reason=reason),
        actor,
        as_json,
    )


def _waiting(status: "RecoveryStatus") -> "ApprovalStatus":
    from ...workflows.model.consent import ApprovalState
    from ..recovery_client import Refused

    asked = status.approval
    if asked is None:
        raise Refused(f"nothing waits for approval: {status.sentence}")
    if asked.state is not ApprovalState.PENDING:
        raise Refused(f"nothing waits for approval, it is {asked.state}: {asked.sentence}")
    return asked


def _meant(named: str | None, waiting: str) -> str:
    """The plan that is approved: the one that waits, or what was named, should it be another."""
    if named is None or (len(named) >= LEAST_OF_A_HASH and waiting.startswith(named)):
        return waiting
    return named


def _show(status: "RecoveryStatus", asked: "ApprovalStatus") -> None:
    from rich.text import Text

    from .console import printable
    from .durations import taken
    from .plan_tables import placement_table
    from .tables import show

    plan = asked.plan_hash[:LEAST_OF_A_HASH]
    of = f"plan {plan} for {status.site}, asked for by {asked.requester}"
    predicted = f"predicted recovery time in all: {taken(status.predicted_recovery_time_s)}"
    show([Text(printable(of)), Text(), placement_table(status), Text(), Text(predicted)])
