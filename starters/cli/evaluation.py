"""`holdfast evaluate` and `readiness`: whether every site's plan could be carried out now."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, complain
from .estate import EstateFile, load
from .options import Actor, Json, actor_or_user

if TYPE_CHECKING:
    from ...workflows.model.estate import Estate
    from ...workflows.model.readiness import Begun, EstateReadiness
    from .session import Session

OFF = "off"

Sites = Annotated[
    list[str] | None,
    typer.Option("--site", metavar="SITE", help="Only this site, step by step; repeat it."),
]


def evaluate(
    file: EstateFile,
    sites: Sites = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="30m|off", help="Evaluate again so often from now on, or no more."
        ),
    ] = None,
    stale_after: Annotated[
        str, typer.Option("--stale-after", metavar="30m", help="An older verdict is unknown.")
    ] = "30m",
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Not if this estate was the last evaluated.")
    ] = False,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Look whether the plan of every site's loss could be carried out now; nothing is changed.

    Every step of every plan is looked at in the real systems: that it may be done, that what it
    acts on exists, that there is room, that the data follows. Exits with 0 if all is well, else
    with 1. Ctrl-C ends the waiting, never the evaluation.
    """
    interval = _duration("--every", every) if every not in (None, OFF) else None
    limit = _duration("--stale-after", stale_after)
    estate = load(file)
    known = [site.name for site in estate.sites]
    for name in sites or ():
        if name not in known:
            raise CommandFailed(
                f"{estate.name} has no site {name!r}; its sites are {', '.join(known)}",
                ExitCode.USAGE,
            )
    from .session import converse

    async def work(session: "Session") -> int:
        if every == OFF:
            return await _end(session, estate.name, actor, as_json)
        begun = await _begin(session, estate, sites or [], interval, limit, if_changed)
        if not as_json:
            print(begun.sentence, flush=True)
        found = await _followed(session, estate.name, begun, sites or [], as_json)
        return _told(found, as_json)

    converse(work)


def readiness(
    estate: Annotated[str, typer.Argument(metavar="ESTATE", help="The estate's name.")],
    sites: Sites = None,
    as_json: Json = False,
) -> None:
    """Show what the last evaluation of an estate found, and how old it is; look at nothing.

    Exits as `evaluate` does; a verdict that is too old is unknown, and not well.
    """
    from .session import converse

    async def work(session: "Session") -> int:
        found = await _read(session, estate, sites or [])
        missing = set(sites or ()) - {site.site for site in found.sites}
        if missing:
            raise CommandFailed(f"{estate} has no site {min(missing)!r}", ExitCode.USAGE)
        return _told(found, as_json)

    converse(work)


async def _begin(
    session: "Session",
    estate: "Estate",
    sites: list[str],
    every: timedelta | None,
    stale_after: timedelta,
    if_changed: bool,
) -> "Begun":
    from ...workflows.readiness.packing import EstateTooLarge
    from ..evaluations import EvaluationRefused

    try:
        return await session.recoveries.evaluate(
            estate, sites=sites, every=every, only_if_changed=if_changed, stale_after=stale_after
        )
    except EstateTooLarge as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from None
    except EvaluationRefused as error:
        raise CommandFailed(str(error)) from None


async def _followed(
    session: "Session", estate: str, begun: "Begun", sites: list[str], as_json: bool
) -> "EstateReadiness":
    last: EstateReadiness | None = None
    try:
        async for found in session.recoveries.watch_evaluation(estate, begun, sites=sites):
            if not as_json and found.running and (last is None or found.done != last.done):
                complain(f"{found.done} of {found.total} sites")
            last = found
    except asyncio.CancelledError:
        complain(f"the evaluation goes on; holdfast readiness {estate}")
        raise
    assert last is not None
    return last


async def _read(session: "Session", estate: str, sites: list[str]) -> "EstateReadiness":
    from ..evaluations import NeverEvaluated
    from ..recovery_client import RecoveryNotFound

    try:
        return await session.recoveries.readiness(estate, sites=sites)
    except (NeverEvaluated, RecoveryNotFound):
        raise CommandFailed(
            f"the estate {estate} was never evaluated; run `holdfast evaluate FILE`"
        ) from None


async def _end(session: "Session", estate: str, actor: str | None, as_json: bool) -> int:
    from ..recovery_client import RecoveryNotFound

    try:
        sentence = await session.recoveries.end_evaluations(
            estate, actor=actor_or_user(actor), reason=f"--every {OFF}"
        )
    except RecoveryNotFound:
        sentence = f"{estate} was never evaluated; there is nothing to end"
    if as_json:
        import json

        print(json.dumps({"estate": estate, "every_s": None, "sentence": sentence}))
    else:
        print(sentence)
    return ExitCode.DONE


def _told(found: "EstateReadiness", as_json: bool) -> int:
    from ...workflows.readiness.verdicts import GOOD

    if as_json:
        print(found.model_dump_json())
    else:
        from .evaluation_tables import readiness_lines
        from .tables import show

        show(readiness_lines(found))
    return ExitCode.DONE if found.verdict in GOOD else ExitCode.FAILED


def _duration(option: str, text: str | None) -> timedelta:
    from ...workflows.model.readiness import SHORTEST_INTERVAL
    from ...workflows.model.scalars import parse_duration

    try:
        parsed: timedelta = parse_duration(text)
    except ValueError as error:
        raise CommandFailed(f"{option}: {error}", ExitCode.USAGE) from None
    if option == "--every" and not SHORTEST_INTERVAL <= parsed <= timedelta(days=31):
        raise CommandFailed(f"{option}: name a time from 10s to 31d, or {OFF}", ExitCode.USAGE)
    return parsed
