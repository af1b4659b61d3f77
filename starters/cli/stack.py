"""`holdfast dev`: the embedded stack, up until it is told to stop."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Coroutine
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .console import CommandFailed, ExitCode, complain, printable
from .estate import load
from .options import Json, StateFolder

if TYPE_CHECKING:
    from ...deploy.embedded.child import ChildFailed
    from ...deploy.embedded.stack import Stack, StackOptions

EstateOrExample = Annotated[
    Path | None,
    typer.Option("--estate", metavar="FILE", help="The estate file.", show_default="an example"),
]
ResultT = TypeVar("ResultT")


def dev(
    estate: EstateOrExample = None,
    state: StateFolder = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Temporal's port.", show_default="7233, else a free one"),
    ] = None,
    ui_port: Annotated[
        int | None,
        typer.Option("--ui-port", help="The Web UI's port.", show_default="8233, else a free one"),
    ] = None,
    lab_port: Annotated[
        int | None,
        typer.Option("--lab-port", help="The lab's port.", show_default="a free one"),
    ] = None,
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="Added to every answer of the lab.")
    ] = 0,
    ready_after_ms: Annotated[
        float, typer.Option("--ready-after-ms", min=0, help="How long the lab's pods take.")
    ] = 300,
    as_json: Json = False,
) -> None:
    """Run all of it on this machine: Temporal with its Web UI, a lab of the estate, a worker.

    It stays up until Ctrl-C and leaves no process behind. Its state is in .holdfast of the working
    folder unless --state says otherwise: a recovery that is open when it stops goes on when it is
    up again; the lab's world, though, begins anew. With TEMPORAL_ADDRESS set, that Temporal is used
    instead of one of its own.
    """
    from ...deploy.embedded.stack import StackOptions
    from ...deploy.embedded.state import DEFAULT_STATE
    from .session import complete

    file = estate or example_estate()
    first = _first_site(file)
    options = StackOptions(
        estate=file,
        state=state or DEFAULT_STATE,
        task_queue=task_queue("holdfast-dev"),
        external=os.environ.get("TEMPORAL_ADDRESS") or None,
        temporal_port=port,
        ui_port=ui_port,
        lab_port=lab_port,
        latency_ms=latency_ms,
        ready_after_ms=ready_after_ms,
    )
    code = complete(up(options, lambda stack: _stay(stack, options, first, as_json)))
    # Ctrl-C is the way to end it.
    raise typer.Exit(ExitCode.DONE if code == ExitCode.INTERRUPTED else code)


def example_estate() -> Path:
    """The example estate that is installed with the product."""
    return Path(str(files("holdfast.deploy.examples") / "acme-manufacturing.yaml"))


def task_queue(beside_others: str) -> str:
    """The queue of a stack's worker.

    On a Temporal that others use too, `beside_others`: a worker that acts on the lab must not take
    the work of those that act on the world.
    """
    from ...workers.settings import Settings
    from ...workflows.names import TASK_QUEUE

    asked = Settings.from_environment().task_queue
    if asked == TASK_QUEUE and os.environ.get("TEMPORAL_ADDRESS"):
        return beside_others
    return asked


async def up(options: "StackOptions", work: Any) -> int:
    """Do `work(stack)` while a stack is up; a part of it that fails ends the work."""
    from ...deploy.embedded.child import ChildFailed
    from ...deploy.embedded.stack import Stack
    from ...deploy.embedded.state import PortTaken, StateFolderInUse
    from ...deploy.embedded.temporal_server import NoTemporalServer

    try:
        async with Stack(options) as stack:
            done: int = await _while_up(stack, work(stack))
            return done
    except ChildFailed as error:
        _show(error)
        return ExitCode.FAILED
    except (NoTemporalServer, PortTaken, StateFolderInUse) as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        raise CommandFailed(f"{options.state} cannot hold the state: {error}") from None


async def _while_up(stack: "Stack", work: Coroutine[Any, Any, ResultT]) -> ResultT:
    working = asyncio.ensure_future(work)
    failing = asyncio.ensure_future(stack.failed())
    try:
        await asyncio.wait([working, failing], return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
        return working.result()
    finally:
        for task in (working, failing):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(working, failing, return_exceptions=True)


async def _stay(stack: "Stack", options: "StackOptions", site: str, as_json: bool) -> int:
    ready = {
        "ready": True,
        "temporal_address": stack.temporal_address,
        "ui_url": stack.ui_url,
        "lab_url": stack.lab_url,
        "env_file": str(stack.env_file),
        "state": str(stack.state),
        "worker_pid": stack.worker.pid,
        "task_queue": options.task_queue,
    }
    print(json.dumps(ready) if as_json else _welcome(stack, options, site), flush=True)
    await asyncio.Event().wait()
    return ExitCode.DONE


def _welcome(stack: "Stack", options: "StackOptions", site: str) -> str:
    from ...workflows.names import TASK_QUEUE

    file = shlex.quote(_short(options.estate))
    exports = [f"export TEMPORAL_ADDRESS={stack.temporal_address}"]
    if stack.ui_url:
        exports.append(f"export TEMPORAL_UI={stack.ui_url}")
    if options.task_queue != TASK_QUEUE:
        exports.append(f"export HOLDFAST_TASK_QUEUE={options.task_queue}")
    lines = [
        "Holdfast is up. Ctrl-C stops it; a recovery that is open then goes on the next time.",
        "",
        f"  Web UI    {stack.ui_url or 'of your Temporal'}",
        f"  Temporal  {stack.temporal_address}",
        f"  lab       {stack.lab_url}",
        f"  worker    process {stack.worker.pid}, replaced when it dies",
        f"  state     {_short(stack.state)}",
        "",
        "In another terminal:",
        "",
        *(f"  {line}" for line in exports),
        f"  F={file}",
        f"  holdfast plan $F --site {site}",
        f"  curl -d '{{\"reachable\": false}}' {stack.lab_url}/_lab/sites/{site}",
        f"  holdfast recover --estate $F --site {site} --wait",
        "",
        "A worker of your own on the lab:",
        "",
        f"  set -a; . {shlex.quote(_short(stack.env_file))}; set +a; holdfast worker",
    ]
    return "\n".join(lines)


def _first_site(file: Path) -> str:
    """A site of the estate that has services, to show an example with."""
    estate = load(str(file))
    return estate.services[0].site if estate.services else estate.sites[0].name


def _short(path: Path) -> str:
    path = path.absolute()
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _show(error: "ChildFailed") -> None:
    first, *rest = str(error).splitlines()
    complain(first)
    for line in rest:
        print(printable(line), file=sys.stderr)
