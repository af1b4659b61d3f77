"""`holdfast worker` and `holdfast lab`: one process each, here."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .console import CommandFailed, ExitCode
from .estate import load
from .options import Json


def worker(
    as_json: Json = False,
    task_queue: Annotated[
        str | None,
        typer.Option("--task-queue", metavar="QUEUE", help="The queue to poll, such as a site's."),
    ] = None,
    actions: Annotated[
        str | None,
        typer.Option(
            "--actions", metavar="PATTERNS", help="Only these actions: kubernetes.*,http.expect"
        ),
    ] = None,
    activities_only: Annotated[
        bool,
        typer.Option("--activities-only", help="Carry out steps for recoveries run elsewhere."),
    ] = False,
) -> None:
    """Run a worker until Ctrl-C or SIGTERM; run as many as you like, and kill them at will.

    It connects to Temporal as TEMPORAL_ADDRESS and Temporal's profiles say, and to everything else
    as HOLDFAST_* variables, KUBECONFIG and Azure's standard credentials say. At a site, run one
    with the site's task_queue and --activities-only: the site's steps run there.
    """
    from ...workers.__main__ import work

    given = {
        "HOLDFAST_TASK_QUEUE": task_queue,
        "HOLDFAST_ACTIONS": actions,
        "HOLDFAST_WORKFLOWS": "false" if activities_only else None,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(work(as_json=as_json, settings_given=settings))


def lab(
    estate: Annotated[
        str, typer.Option("--estate", metavar="FILE", help="The estate file to seed from.")
    ],
    env_file: Annotated[
        Path, typer.Option("--env-file", metavar="FILE", help="Where to write the env file.")
    ],
    port: Annotated[int, typer.Option("--port", help="The lab's port; 0 takes any.")] = 0,
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="Added to every answer.")
    ] = 0,
    ready_after_ms: Annotated[
        float, typer.Option("--ready-after-ms", min=0, help="How long pods take to get ready.")
    ] = 300,
) -> None:
    """Serve a local world of an estate: its sites' Kubernetes, Azure, Prometheus, its services.

    Load the env file into a worker's environment, and the worker acts on the lab.
    """
    import asyncio

    from ...deploy.lab.__main__ import serve
    from ...deploy.lab.server import Lab

    try:
        asyncio.run(serve(Lab(load(estate), latency_ms, ready_after_ms), port, env_file))
    except OSError as error:
        raise CommandFailed(f"the lab cannot be served: {error}", ExitCode.FAILED) from None
    except KeyboardInterrupt:
        sys.stdout.flush()
