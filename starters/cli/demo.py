"""`holdfast demo`: a site is lost and recovered, a worker is killed, a failure is undone."""

import asyncio
import json
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode
from .estate import load
from .options import Json
from .stack import EstateOrExample, example_estate, task_queue, up

if TYPE_CHECKING:
    from ...deploy.embedded.stack import Stack
    from ...workflows.model.estate import Estate
    from .demo_acts import Stage
    from .demo_story import Story

_LATENCY_MS = 15.0
_READY_AFTER_MS = 700.0
"""Slow enough to be watched, and to be killed in the middle."""
_LONGEST_NAME = 40


def demo(
    estate: EstateOrExample = None,
    site: Annotated[
        str | None,
        typer.Option("--site", help="The site to lose.", show_default="that of the first service"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Lose a site of a local world and watch it recover, and roll back, through killed workers.

    Everything runs on this machine and leaves nothing behind. On a terminal it stays up at the end,
    so that you can look at it in Temporal's Web UI.
    """
    from .session import complete

    file = estate or example_estate()
    loaded = load(str(file))
    lost = _site(loaded, site)
    state = Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
    code: int = ExitCode.FAILED
    played: list[int] = []
    try:
        code = complete(_perform(file, loaded, lost, state, played, as_json))
        if code == ExitCode.INTERRUPTED and played:
            # Ctrl-C after the last act is the way to end it.
            code = played[0]
    finally:
        # What failed is worth a look at its logs.
        if code in (ExitCode.DONE, ExitCode.INTERRUPTED):
            shutil.rmtree(state, ignore_errors=True)
    raise typer.Exit(code)


async def _perform(
    file: Path, estate: "Estate", site: str, state: Path, played: list[int], as_json: bool
) -> int:
    from rich.console import Console

    from ...deploy.embedded.stack import StackOptions
    from .demo_story import Story

    mark = uuid.uuid4().hex[:6]
    external = os.environ.get("TEMPORAL_ADDRESS") or None
    if external:
        # Others may have an estate of that name there, and a recovery of that site.
        name = f"{estate.name[:_LONGEST_NAME]}-demo-{mark}"
        metadata = estate.metadata.model_copy(update={"name": name})
        estate = estate.model_copy(update={"metadata": metadata})
    queue = task_queue(f"holdfast-demo-{mark}")
    options = StackOptions(
        estate=file,
        state=state,
        task_queue=queue,
        external=external,
        latency_ms=_LATENCY_MS,
        ready_after_ms=_READY_AFTER_MS,
    )
    console = Console(highlight=False, markup=False, emoji=False, quiet=as_json)
    story = Story(console)
    story.opens(estate)

    async def play(stack: "Stack") -> int:
        from ...deploy.embedded.lab_client import LabClient
        from .demo_acts import Stage
        from .session import Session

        web_ui = stack.ui_url or os.environ.get("TEMPORAL_UI")
        session = Session(stack.client, queue, web_ui)
        lab = LabClient(stack.lab_url)
        try:
            played.append(
                await _play(Stage(session, lab, stack.worker, estate, site), story, as_json)
            )
        finally:
            await lab.close()
        if console.is_terminal and not as_json:
            story.stays_up()
            await asyncio.Event().wait()
        return played[0]

    return await up(options, play)


async def _play(stage: "Stage", story: "Story", as_json: bool) -> int:
    from . import demo_acts
    from .demo_story import summary

    story.loses(stage.estate, stage.site)
    with story.view() as view:
        first = await demo_acts.recover_with_a_kill(stage, view)
    if not demo_acts.recovered(first):
        story.failed(first)
        raise CommandFailed("the first act did not end as it should; the second is not played")
    story.recovered(first)
    step, match = demo_acts.last_change(first)
    story.fails(step, demo_acts.REFUSED)
    with story.view() as view:
        second = await demo_acts.roll_back_with_a_kill(stage, view, match)
    story.rolled_back(second)
    good = demo_acts.recovered(first) and demo_acts.rolled_back(second)
    links = {
        name: stage.session.link(act.status.workflow_id, act.status.run_id)
        for name, act in (("the recovery", first), ("the rollback", second))
    }
    story.ends(links, good=good)
    if as_json:
        print(json.dumps(summary(first, second, stage.worker.kills)), flush=True)
    return ExitCode.DONE if good else ExitCode.FAILED


def _site(estate: "Estate", site: str | None) -> str:
    with_services = list(dict.fromkeys(service.site for service in estate.services))
    if site is None and with_services:
        return with_services[0]
    if site not in with_services:
        raise CommandFailed(
            f"no service of {estate.name} runs at {site!r};"
            f" services run at {', '.join(with_services) or 'no site'}",
            ExitCode.USAGE,
        )
    assert site is not None
    return site
