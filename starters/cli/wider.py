"""`holdfast region recover`, `failback` and `accept-divergence`: what is wider than one site."""

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, complain, printable
from .estate import load
from .interventions import ask
from .options import Actor, Estate, Json, Lost, Reason, RecoveryId, actor_or_user

if TYPE_CHECKING:
    from ...workflows.model.failback import FailbackStatus
    from ...workflows.model.region import RegionStatus
    from .session import Session

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
        raise CommandFailed(
            f"{loaded.name} has no region {region!r}; it has {', '.join(regions)}", ExitCode.USAGE
        )
    inside = [site.name for site in loaded.sites if site.region == region]
    for name in sites or ():
        if name not in inside:
            raise CommandFailed(
                f"{name} is no site of {region}; it has {', '.join(inside)}", ExitCode.USAGE
            )
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
        return await _region(session, id, as_json) if wait else ExitCode.DONE

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
    if site not in {each.name for each in loaded.sites}:
        known = ", ".join(each.name for each in loaded.sites)
        raise CommandFailed(
            f"{loaded.name} has no site {site!r}; its sites are {known}", ExitCode.USAGE
        )
    request = FailbackRequest(estate=loaded, site=site, actor=actor_or_user(actor), reason=reason)

    async def work(session: "Session") -> int:
        started = await session.recoveries.fail_back(request)
        id = started.workflow_id
        _introduce(session, id, started.joined, as_json=as_json, wait=wait)
        return await _failback(session, id, as_json) if wait else ExitCode.DONE

    converse(work)


def accept_divergence(
    failback: RecoveryId, reason: Reason, actor: Actor = None, as_json: Json = False
) -> None:
    """Let a failback go on although the home site holds writes that nobody else has."""
    ask(
        lambda client, by: client.accept_divergence(failback, actor=by, reason=reason),
        actor,
        as_json,
    )


async def follow_wider(session: "Session", id: str, as_json: bool) -> int | None:
    """Watch a region's recovery or a failback; None if the id is neither's."""
    if id.startswith("region-recovery/"):
        return await _region(session, id, as_json)
    return await _failback(session, id, as_json) if id.startswith("failback/") else None


async def say_wider(session: "Session", id: str, as_json: bool) -> int | None:
    """Say where a region's recovery or a failback is; None if the id is neither's."""
    found: RegionStatus | FailbackStatus
    if id.startswith("region-recovery/"):
        found = await session.recoveries.region_status(id)
    elif id.startswith("failback/"):
        found = await session.recoveries.failback_status(id)
    else:
        return None
    if as_json:
        print(found.model_dump_json())
    else:
        _tell(found)
    return ExitCode.DONE


async def _region(session: "Session", id: str, as_json: bool) -> int:
    status = await _followed(session.recoveries.watch_region(id), as_json)
    return _ended(status, "recovered", as_json)


async def _failback(session: "Session", id: str, as_json: bool) -> int:
    status = await _followed(session.recoveries.watch_failback(id), as_json)
    return _ended(status, "recovered", as_json)


async def _followed(
    statuses: AsyncIterator["RegionStatus"] | AsyncIterator["FailbackStatus"], as_json: bool
) -> "RegionStatus | FailbackStatus":
    told = 0
    last: RegionStatus | FailbackStatus | None = None
    async for status in statuses:
        last = status
        for entry in status.log[told:]:
            if not as_json:
                print(f"{entry.at.astimezone():%H:%M:%S} {printable(entry.sentence)}", flush=True)
        told = len(status.log)
        if status.outcome == "held":
            break
    assert last is not None
    return last


def _ended(status: "RegionStatus | FailbackStatus", good: str, as_json: bool) -> int:
    if as_json:
        print(status.model_dump_json())
    else:
        _tell(status)
    if status.outcome == "held":
        return ExitCode.HELD
    return ExitCode.DONE if status.outcome == good else ExitCode.FAILED


def _tell(status: "RegionStatus | FailbackStatus") -> None:
    from .tables import show
    from .wider_tables import failback_lines, region_lines

    from ...workflows.model.failback import FailbackStatus

    if isinstance(status, FailbackStatus):
        show(failback_lines(status))
    else:
        show(region_lines(status))


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
