"""`holdfast region recover`, `failback` and `accept-divergence`: what is wider than one site."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, complain, unknown
from .estate import load
from .interventions import order
from .options import Actor, Estate, Json, Lost, Reason, RecoveryId, actor_or_user

if TYPE_CHECKING:
    from .session import Session
    from .wider_following import Parts, Wider

Wait = Annotated[
    bool, typer.Option("--wait", help="Stay until it has ended or waits for a person.")
]


def recover_region(
    estate: Estate,
    region: Annotated[str, typer.Option("--region", help="The region that is lost.")],
    sites: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="SITE", help="Only this site of it; repeat it."),
    ] = None,
    wait: Wait = False,
    lost: Lost = None,
    actor: Actor = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it is kept with the recovery.")
    ] = "not given",
    as_json: Json = False,
) -> None:
    """Recover every site of a lost region, the critical tiers of all of them first.

    Each site is a recovery of its own, that can be watched and steered by itself. With --wait it
    exits with 0 when all services are back, 1 when some are not, 3 when it waits for a person.
    """
    from ...workflows.model.region import RegionRequest
    from .session import converse

    loaded = load(estate)
    regions = sorted({site.region for site in loaded.sites})
    if region not in regions:
        raise CommandFailed(unknown(loaded.name, "region", region, regions), ExitCode.USAGE)
    inside = [site.name for site in loaded.sites if site.region == region]
    for name in sites or ():
        if name not in inside:
            raise CommandFailed(unknown(region, "site", name, inside), ExitCode.USAGE)
    request = RegionRequest(
        estate=loaded,
        region=region,
        sites=tuple(sites or ()),
        lost_sites=tuple(lost or ()),
        actor=actor_or_user(actor),
        reason=reason,
    )

    async def work(session: "Session") -> int:
        started = await session.recoveries.recover_region(request)
        id = started.workflow_id
        _introduce(session, id, started.joined, as_json=as_json, wait=wait)
        return (await watch_wider(session, id, as_json) or ExitCode.DONE) if wait else ExitCode.DONE

    converse(work)


def failback(
    estate: Estate,
    site: Annotated[str, typer.Option("--site", help="The site whose services come home.")],
    wait: Wait = False,
    actor: Actor = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it is kept with the failback.")
    ] = "not given",
    as_json: Json = False,
) -> None:
    """Bring the services of a site home: fenced, in step, then one planned move.

    Nothing is changed until the site is back, what still runs there is fenced, and the data there
    is in step. The move itself is a recovery: its approvals and its commit go to that one.
    """
    from ...workflows.model.failback import FailbackRequest
    from .session import converse

    loaded = load(estate)
    known = [each.name for each in loaded.sites]
    if site not in known:
        raise CommandFailed(unknown(loaded.name, "site", site, known), ExitCode.USAGE)
    request = FailbackRequest(estate=loaded, site=site, actor=actor_or_user(actor), reason=reason)

    async def work(session: "Session") -> int:
        await _must_be_final(session, request.estate.name, site)
        started = await session.recoveries.fail_back(request)
        id = started.workflow_id
        _introduce(session, id, started.joined, as_json=as_json, wait=wait)
        return (await watch_wider(session, id, as_json) or ExitCode.DONE) if wait else ExitCode.DONE

    converse(work)


def accept_divergence(
    failback: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Let a failback go on although the home site holds writes that nobody else has."""
    order(
        lambda client, by: client.accept_divergence(failback, actor=by, reason=reason),
        actor,
        as_json,
    )


async def watch_wider(session: "Session", id: str, as_json: bool) -> int | None:
    """Watch a region's recovery or a failback; None if the id is neither's."""
    import asyncio

    from .wider_following import follow_wider, looks
    from .wider_tables import PlainWiderView, SilentWiderView

    if id.startswith("estate/"):
        raise CommandFailed(f"an estate has no end: holdfast status {id}", ExitCode.USAGE)
    look = looks(session.recoveries, id)
    if look is None:
        return None
    try:
        found = await follow_wider(look, SilentWiderView() if as_json else PlainWiderView())
    except asyncio.CancelledError:
        complain(f"it goes on; holdfast watch {id}")
        raise
    _tell(found, as_json)
    if found[0].outcome == "held":
        return ExitCode.HELD
    return ExitCode.DONE if found[0].outcome == "recovered" else ExitCode.FAILED


async def say_wider(session: "Session", id: str, as_json: bool) -> int | None:
    """Say where a region's recovery, a failback or an estate is; None if the id is of none."""
    from .coordinator_tables import estate_lines
    from .tables import show
    from .wider_following import looks

    if id.startswith("estate/"):
        state = await session.recoveries.estate_state(id.removeprefix("estate/"))
        if as_json:
            print(state.model_dump_json())
        else:
            show(estate_lines(state))
        return ExitCode.DONE
    look = looks(session.recoveries, id)
    if look is None:
        return None
    _tell(await look(), as_json)
    return ExitCode.DONE


async def _must_be_final(session: "Session", estate: str, site: str) -> None:
    """Refuse a way home while the way back is open: it is the shorter one."""
    from ...workflows.model.recovery import Action, Phase
    from ...workflows.names import site_recovery_id
    from ..recovery_client import RecoveryNotFound

    id = site_recovery_id(estate, site)
    try:
        status = await session.recoveries.status(id)
    except RecoveryNotFound:
        return
    if status.phase is Phase.COMMIT_WINDOW and status.action is Action.RECOVER:
        raise CommandFailed(
            f"the recovery of {site} can still be taken back: holdfast roll-back {id}"
            f' --reason "…"; or make it final and ask again: holdfast commit {id} --reason "…"'
        )


def _tell(found: "tuple[Wider, Parts]", as_json: bool) -> None:
    from .tables import show
    from .wider_tables import wider_lines

    if as_json:
        print(found[0].model_dump_json())
    else:
        show(wider_lines(*found))


def _introduce(session: "Session", id: str, joined: bool, *, as_json: bool, wait: bool) -> None:
    link = session.link(id)
    if as_json:
        if not wait:
            print(json.dumps({"workflow_id": id, "joined": joined, "web_ui": link}))
        elif joined:
            complain(f"joined {id}, which is running")
        return
    print(f"{'joined the running' if joined else 'started'} {id}" + (f"\n{link}" if link else ""))
    if not wait:
        print(f"follow it: holdfast watch {id}")
