"""`holdfast plan`, `recover`, `watch` and `status`."""

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, complain, unknown
from .estate import load
from .options import Actor, Estate, HowMoved, Json, Lost, RecoveryId, Site, actor_or_user

if TYPE_CHECKING:
    from ...workflows.model.recovery import Mode, RecoveryRequest, RecoveryStatus
    from .session import Session


def plan(
    site: Site,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="The estate file; - reads stdin.")
    ] = None,
    estate: Annotated[
        str | None, typer.Option("--estate", metavar="FILE", help="The same, as an option.")
    ] = None,
    lost: Lost = None,
    mode: HowMoved = "unplanned",
    as_json: Json = False,
) -> None:
    """Show what a recovery of a site would do now; nothing is changed.

    Every step is looked at in the real systems. Exits with 0 if all could be done, else with 1.
    """
    if (file is None) == (estate is None):
        raise CommandFailed("name one estate file: holdfast plan FILE --site S", ExitCode.USAGE)
    from ...workflows.model.recovery import Mode

    request = _request(file or estate or "", site, Mode.DRY_RUN, lost, None, "dry run")
    request = request.model_copy(update={"dry_run_of": _mode(mode)})
    from .session import converse

    async def work(session: "Session") -> int:
        status = await _followed_through(session, request, as_json=as_json)
        return _show_plan(status, as_json)

    converse(work)


def recover(
    estate: Estate,
    site: Site,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until it has ended or waits for a person.")
    ] = False,
    lost: Lost = None,
    mode: HowMoved = "unplanned",
    actor: Actor = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it is kept with the recovery.")
    ] = "not given",
    as_json: Json = False,
) -> None:
    """Recover the services of a lost site, or join the recovery of it that is running.

    With --mode planned the site lives: it is drained and synced first, and nothing is lost. With
    --mode test all is done on isolated copies, without a change of traffic, and cleaned up.

    With --wait it exits with 0 when all is recovered (or the test passed), 1 when it was rolled
    back, 3 when it waits for a person. Ctrl-C ends the waiting, never the recovery.
    """
    request = _request(estate, site, _mode(mode), lost, actor, reason)
    from .session import converse

    async def work(session: "Session") -> int:
        started = await session.recoveries.recover(request)
        link = session.link(started.workflow_id, started.run_id)
        if started.joined and (as_json or wait):
            complain(f"joined the recovery of {site} that is running: {started.workflow_id}")
        if not wait:
            _show_started(started.workflow_id, started.joined, link, as_json)
            return ExitCode.DONE
        if not as_json:
            _introduce(started.workflow_id, link)
        return await _wait(session, started.workflow_id, as_json)

    converse(work)


def watch(recovery: RecoveryId, as_json: Json = False) -> None:
    """Watch a recovery until it has ended or waits for a person; exits as `recover --wait`."""
    from .session import converse

    async def work(session: "Session") -> int:
        from .wider import watch_wider

        code = await watch_wider(session, recovery, as_json)
        return await _wait(session, recovery, as_json) if code is None else code

    converse(work)


def status(recovery: RecoveryId, as_json: Json = False) -> None:
    """Say where a recovery is, what it waits for, and why."""
    from .session import converse

    async def work(session: "Session") -> int:
        from .tables import show, status_lines
        from .wider import say_wider

        if (code := await say_wider(session, recovery, as_json)) is not None:
            return code
        found = await session.recoveries.status(recovery)
        if as_json:
            print(found.model_dump_json())
        else:
            show(status_lines(found))
        return ExitCode.DONE

    converse(work)


def exit_code(status: "RecoveryStatus") -> ExitCode:
    """What the end of a recovery, or its wait, is to a shell."""
    from ...workflows.model.recovery import Outcome

    match status.outcome:
        case Outcome.RECOVERED:
            return ExitCode.DONE
        case Outcome.HELD:
            return ExitCode.HELD
        case Outcome.ROLLED_BACK if status.test_passed:
            return ExitCode.DONE
        case _:
            return ExitCode.FAILED


async def followed(
    session: "Session", workflow_id: str, *, as_json: bool = False
) -> "RecoveryStatus":
    """Follow a recovery in the way that fits stdout."""
    from .following import View, follow
    from .progress import LiveView, PlainView, SilentView, is_terminal
    from .tables import terminal

    view: View
    with ExitStack() as shown:
        if as_json:
            view = SilentView()
        elif is_terminal():
            view = shown.enter_context(LiveView(terminal()))
        else:
            view = PlainView()
        return await follow(session, workflow_id, view)


async def _followed_through(
    session: "Session", request: "RecoveryRequest", *, as_json: bool
) -> "RecoveryStatus":
    from .following import follow
    from .progress import SilentView

    started = await session.recoveries.recover(request)
    return await follow(session, started.workflow_id, SilentView())


async def _wait(session: "Session", workflow_id: str, as_json: bool) -> int:
    import asyncio

    try:
        status = await followed(session, workflow_id, as_json=as_json)
    except asyncio.CancelledError:
        complain(f"the recovery goes on; holdfast watch {workflow_id}")
        raise
    from ...workflows.model.recovery import Outcome
    from .progress import is_terminal
    from .tables import headline, show, told, untouched

    if as_json:
        print(json.dumps(_summary(status)))
        if status.outcome is Outcome.HELD:
            complain(headline(status).plain)
        for left in status.left_out:
            complain(f"left out: {left.service} (tier {left.tier}): {left.sentence}")
        if untouched(status):
            complain("; ".join(entry.sentence for entry in status.log))
    else:
        show(told(status, logged=not is_terminal()))
    return exit_code(status)


def _mode(name: str) -> "Mode":
    from ...workflows.model.recovery import Mode

    modes = [mode.value for mode in Mode if mode is not Mode.DRY_RUN]
    if name not in modes:
        raise CommandFailed(unknown("a recovery", "mode", name, modes), ExitCode.USAGE)
    return Mode(name)


def _request(
    file: str, site: str, mode: "Mode", lost: list[str] | None, actor: str | None, reason: str
) -> "RecoveryRequest":
    from pydantic import ValidationError

    from ...workflows.model.recovery import RecoveryRequest

    estate = load(file)
    sites = [each.name for each in estate.sites]
    for name in (site, *(lost or ())):
        if name not in sites:
            raise CommandFailed(unknown(estate.name, "site", name, sites), ExitCode.USAGE)
    try:
        return RecoveryRequest(
            estate=estate,
            site=site,
            mode=mode,
            lost_sites=tuple(lost or ()),
            actor=actor_or_user(actor),
            reason=reason,
        )
    except ValidationError as error:
        raise CommandFailed(in_words(error), ExitCode.USAGE) from None


def in_words(error: Exception) -> str:
    """What a validation error of an option says."""
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"--{fault['loc'][-1]}: {fault['msg']}" for fault in faults)


def _summary(status: "RecoveryStatus") -> dict[str, object]:
    # Programs rely on exactly these keys; `status --json` has everything.
    return {
        "outcome": status.outcome,
        "workflow_id": status.workflow_id,
        "steps": [
            {"service": step.service, "id": step.id, "state": step.state} for step in status.steps
        ],
        "residue": [one.model_dump(mode="json") for one in status.residue],
    }


def _show_started(workflow_id: str, joined: bool, link: str | None, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"workflow_id": workflow_id, "joined": joined, "web_ui": link}))
        return
    print(f"{'joined the running' if joined else 'started'} recovery {workflow_id}")
    if link:
        print(link)
    print(f"follow it: holdfast watch {workflow_id}")


def _introduce(workflow_id: str, link: str | None) -> None:
    print(f"recovery {workflow_id}" + (f"\n{link}" if link else ""), flush=True)


def _show_plan(status: "RecoveryStatus", as_json: bool) -> int:
    from ...workflows.model.recovery import Outcome
    from ...workflows.model.step import Qualification
    from .durations import taken
    from .plan_tables import placement_table, plan_table
    from .tables import terminal

    good = (Qualification.QUALIFIED, Qualification.EXCLUDED)
    all_good = all(step.qualification in good for step in status.steps)
    refusals = [entry.sentence for entry in status.log]
    assessed = status.outcome is Outcome.ASSESSED
    code = ExitCode.DONE if assessed and all_good else ExitCode.FAILED
    if as_json:
        print(status.model_dump_json())
        return code
    screen = terminal()
    if status.services:
        screen.print(placement_table(status))
        screen.print()
        screen.print(plan_table(status))
        screen.print()
    for refusal in refusals:
        screen.print(refusal)
    if status.services:
        screen.print(f"predicted recovery time in all: {taken(status.predicted_recovery_time_s)}")
    return code
