"""`python -m bench`: run the engines on the same work, and say what it took."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.environments import HOME
from bench.plot import plot
from bench.rows import Note, Row, append_row, read_notes, read_rows
from bench.scenarios import ENGINES, SCENARIOS, Run, perform
from bench.table import markdown, terminal

ROWS, NOTES, TABLE = "rows.jsonl", "notes.jsonl", "table.md"
ALL = "all"
WIDE = 200


def main(
    only: Annotated[str, typer.Option(help=f"Engines: {', '.join(ENGINES)}.")] = ALL,
    scenario: Annotated[str, typer.Option(help=f"Scenarios: {', '.join(SCENARIOS)}.")] = ALL,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of everything, a seed each.")] = 1,
    quick: Annotated[bool, typer.Option(help="Fewer and smaller plans: three minutes.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the rows, table and plot.")] = None,
    render: Annotated[bool, typer.Option(help="Only make table and plot of --out anew.")] = False,
) -> None:
    """Measure Holdfast and what a user would pick instead, on the same work in the same run."""
    folder = out or HOME / "results" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    folder.mkdir(parents=True, exist_ok=True)
    engines, scenarios = _chosen(only, ENGINES, "engine"), _chosen(scenario, SCENARIOS, "scenario")
    if not render:
        state = HOME / "runs" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%f}"
        for seed in range(1, repeat + 1):
            run = Run(engines, scenarios, seed, quick, state / str(seed))
            asyncio.run(_measure(run, folder))
        _remove_if_empty(state)
    _show(folder)


async def _measure(run: Run, folder: Path) -> None:
    progress = Console(stderr=True, log_path=False)
    async for found in perform(run, progress.log):
        if isinstance(found, Note):
            append_row(folder / NOTES, found)
            progress.log(found.sentence, style="yellow")
        else:
            append_row(folder / ROWS, found)
            progress.log(_in_words(found), style="red" if found.noisy else "green")


def _in_words(row: Row) -> str:
    return (
        f"{row.engine} {row.scenario}: {row.plans} × S={row.services} d={row.step_ms:g}:"
        f" {row.wall_s:.2f} s, ratio {row.ratio:.3f},"
        f" {row.cpu_s_per_1000_steps:.2f} CPU s per 1000 steps, noise {row.noise:.2f}"
    )


def _show(folder: Path) -> None:
    rows = read_rows(folder / ROWS) if (folder / ROWS).exists() else ()
    notes = read_notes(folder / NOTES)
    text = markdown(rows, notes)
    (folder / TABLE).write_text(text, encoding="utf-8")
    console = Console()
    console.width = max(console.width, WIDE)
    for table in terminal(rows, notes):
        console.print(table)
    for path in (folder / ROWS, folder / TABLE, *plot(rows, folder)):
        console.print(path)


def _chosen(text: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    asked = tuple(name.strip() for name in text.split(","))
    if ALL in asked:
        return known
    if unknown := [name for name in asked if name not in known]:
        raise typer.BadParameter(f"no {what} {unknown[0]!r}; there are: {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def _remove_if_empty(folder: Path) -> None:
    if folder.exists() and not any(path.is_file() for path in folder.rglob("*")):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
