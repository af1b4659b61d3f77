"""Options that several commands share."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Estate = Annotated[
    str, typer.Option("--estate", metavar="FILE", help="The estate file; - reads stdin.")
]
Site = Annotated[str, typer.Option("--site", help="The site that is lost.")]
Lost = Annotated[
    list[str] | None,
    typer.Option("--lost", metavar="SITE", help="Another site that is lost too; repeat it."),
]
HowMoved = Annotated[
    str,
    typer.Option(
        "--mode",
        metavar="unplanned|planned|test",
        help="The site is lost, is moved on purpose, or the recovery is rehearsed.",
    ),
]
Actor = Annotated[
    str | None,
    typer.Option("--actor", help="Who asks.", show_default="the user of the operating system"),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
RecoveryId = Annotated[
    str, typer.Argument(metavar="ID", help="The recovery's workflow id, as `recover` printed it.")
]
StepName = Annotated[str, typer.Argument(metavar="STEP", help="The step, as SERVICE/STEP.")]
StateFolder = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="Where the stack keeps its state.")
]


def actor_or_user(actor: str | None) -> str:
    """The actor that was named, else the user of the operating system."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under an id without a name.
        return f"uid {os.getuid()}"
