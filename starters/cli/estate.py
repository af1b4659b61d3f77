"""`holdfast estate …`, and `load`, by which every other command reads its estate file."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, printable

if TYPE_CHECKING:
    from ...workflows.model.estate import Estate
    from ...workflows.planning.estate_file import EstateError

EstateFile = Annotated[
    str, typer.Argument(metavar="FILE", help="The estate file, YAML or JSON; - reads stdin.")
]


def load(file: str) -> "Estate":
    """Read an estate file; print its faults to stderr and exit with 2 if it has any."""
    estate, errors = _read(file)
    if estate is None:
        _print_errors(errors, to_stderr=True)
        raise typer.Exit(ExitCode.USAGE)
    return estate


def validate(
    file: EstateFile,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; notices go to stderr.")
    ] = False,
) -> None:
    """Check an estate file and name all its faults at once.

    Each fault is one line, `file:line: path: message`. Exits with 0 if there is none, else with 2.
    """
    estate, errors = _read(file)
    if as_json:
        listed = [error.model_dump(mode="json") for error in errors]
        typer.echo(json.dumps({"valid": estate is not None, "errors": listed}))
    elif errors:
        _print_errors(errors)
    if estate is None:
        raise typer.Exit(ExitCode.USAGE)
    from ...workflows.planning.estate_notices import notices

    if not as_json:
        typer.echo(_summary(file, estate))
    for notice in notices(estate):
        typer.echo(f"note: {printable(notice)}", err=as_json)


def schema() -> None:
    """Print the JSON Schema of estate files, for editors and other checkers."""
    from ...workflows.planning.estate_schema import estate_json_schema

    typer.echo(json.dumps(estate_json_schema(), indent=2))


def graph(
    file: EstateFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here instead: .svg, .png or .mmd (Mermaid)."),
    ] = None,
) -> None:
    """Draw the sites, their services, what depends on what, and where each recovers.

    Without --output it prints Mermaid, which Git hosts and many editors render.
    """
    from ...workflows.planning.estate_graph import DRAWN, DrawingUnavailable, draw, mermaid

    suffix = output.suffix.lower() if output else ".mmd"
    if suffix not in (*DRAWN, ".mmd"):
        raise CommandFailed(
            f"{output}: cannot draw that; end the name in .svg, .png or .mmd", ExitCode.USAGE
        )
    estate = load(file)
    if output is None:
        typer.echo(mermaid(estate))
        return
    try:
        if suffix == ".mmd":
            output.write_text(mermaid(estate) + "\n", encoding="utf-8")
        else:
            draw(estate, output)
    except DrawingUnavailable as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(f"{output}: cannot be written: {error.strerror or error}") from error
    typer.echo(f"wrote {printable(str(output))}")


def _read(file: str) -> "tuple[Estate | None, tuple[EstateError, ...]]":
    from ...workers.registry import input_checks
    from ...workflows.planning.estate_file import EstateError, EstateInvalid, parse_estate
    from ...workflows.planning.estate_text import MAX_BYTES

    name = "<stdin>" if file == "-" else file
    try:
        # One byte too many is enough to be told so; a device may never end.
        if file == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(file, "rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        message = f"cannot be read: {reason}"
        return None, (EstateError(file=_text(name), line=1, path="", message=message),)
    try:
        return parse_estate(data, _text(name), actions=input_checks()), ()
    except EstateInvalid as invalid:
        return None, invalid.errors


def _text(name: str) -> str:
    """A file's name as text, even where the file system gave bytes that are none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _print_errors(errors: "tuple[EstateError, ...]", *, to_stderr: bool = False) -> None:
    for error in errors:
        where = typer.style(f"{printable(error.file)}:{error.line}:", bold=True)
        path = typer.style(f" {printable(error.path)}:", fg="cyan") if error.path else ""
        typer.echo(f"{where}{path} {printable(error.message)}", err=to_stderr)
    count = f"{len(errors)} faults" if len(errors) != 1 else "1 fault"
    typer.echo(typer.style(f"{count}; nothing starts from this file.", fg="red"), err=to_stderr)


def _summary(file: str, estate: "Estate") -> str:
    steps = sum(len(service.recovery) for service in estate.services)
    counts = ((len(estate.sites), "site"), (len(estate.services), "service"), (steps, "step"))
    listed = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts)
    good = typer.style("valid", fg="green", bold=True)
    return f"{printable(_text(file))}: {good}: {listed}"
