"""`python -m reliability`: what is promised, tried over real processes and printed as one table."""

import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig

from .findings import Cell, Lane, Tally
from .ground import Ground
from .harness import Harness
from .properties import PROPERTIES
from .report import show, write

WIDTH = 120
"""Columns of the table where no terminal says how many there are."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def reliability(
    lane: Annotated[Lane, typer.Option(help="How much is run.")] = Lane.MERGE,
    only: Annotated[str, typer.Option(metavar="R1,R3", help="Only these properties.")] = "",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For tables and failures.")] = Path(
        ".reliability"
    ),
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    cell: Annotated[
        str | None, typer.Option(metavar="ID", help="Run one cell (again), as replay.txt says.")
    ] = None,
) -> None:
    """Try what is promised; exit with 0 only if all of it held and every control was noticed."""
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000)
    wanted = [name for name in only.split(",") if name]
    unknown = set(wanted) - set(PROPERTIES)
    if unknown or (cell and Cell.of(cell).property_name not in PROPERTIES):
        raise typer.BadParameter(f"known are {', '.join(PROPERTIES)}")
    # What runs here fails on purpose, again and again: what it logs of that is no news.
    logging.disable(logging.WARNING)
    quiet = TelemetryConfig(logging=LoggingConfig(filter="off"))
    Runtime.set_default(Runtime(telemetry=quiet))
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(f"lane {lane}, seed {seed}, into {out}", highlight=False)
    tallies = asyncio.run(_checked(console, lane, wanted, out, seed, cell))
    show(tallies, console)
    if cell is None:
        write(tallies, out, lane, seed)
    sys.stdout.flush()
    if not all(tally.held and tally.bites for tally in tallies):
        raise typer.Exit(1)


async def _checked(
    console: Console, lane: Lane, wanted: list[str], out: Path, seed: int, cell: str | None
) -> list[Tally]:
    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    folder = Path(tempfile.mkdtemp(prefix="reliability-"))
    try:
        with Ground(folder) as ground:
            harness = Harness(ground, out, lane, seed, say)
            if cell is not None:
                one = Cell.of(cell)
                return [await harness.tally(PROPERTIES[one.property_name], [one])]
            shutil.rmtree(out / "failures", ignore_errors=True)
            tallies = []
            for name, property in PROPERTIES.items():
                if not wanted or name in wanted:
                    say(f"{name}: {property.promise}")
                    tallies.append(await harness.check(property))
            return tallies
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run, and end at once: a Temporal client may abort at interpreter exit."""
    code = 1
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
