"""The table: for a terminal, for a reader, for a program."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .findings import Lane, Tally

HEADINGS = ("", "property", "runs", "failures", "bound at 95 %", "negative control", "time")


def show(tallies: Sequence[Tally], console: Console) -> None:
    """Print the table."""
    table = Table(*HEADINGS, show_lines=False)
    for tally in tallies:
        style = None if tally.held and tally.bites else "bold red"
        table.add_row(*_row(tally), style=style)
    console.print(table)
    for tally in tallies:
        for remark in tally.remarks:
            console.print(
                f"{tally.property_name}: {remark}", highlight=False, markup=False, soft_wrap=True
            )


def write(tallies: Sequence[Tally], out: Path, lane: Lane, seed: int) -> None:
    """Write the table as Markdown and as JSON."""
    out.mkdir(parents=True, exist_ok=True)
    head = {
        "lane": lane,
        "seed": seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "held": all(tally.held and tally.bites for tally in tallies),
    }
    rows = [tally.model_dump(mode="json") for tally in tallies]
    (out / "reliability.json").write_text(json.dumps({**head, "properties": rows}, indent=1))
    (out / "reliability.md").write_text(markdown(tallies, lane, seed))


def markdown(tallies: Sequence[Tally], lane: Lane, seed: int) -> str:
    """The table as a reader of a repository sees it."""
    lines = [
        f"{lane} lane, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}, seed {seed}",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---|---|--:|--:|--:|---|--:|",
        *("| " + " | ".join(_row(tally)) + " |" for tally in tallies),
        "",
        *(f"- {tally.property_name}: {remark}" for tally in tallies for remark in tally.remarks),
    ]
    return "\n".join(lines) + "\n"


def _row(tally: Tally) -> tuple[str, ...]:
    return (
        tally.property_name,
        tally.promise,
        f"{tally.runs:,}" if tally.runs else "–",
        str(tally.failures),
        f"≤ {_percent(tally.bound)}" if tally.bound is not None else "–",
        _control(tally),
        f"{tally.seconds:.0f} s",
    )


def _percent(rate: float) -> str:
    percent = 100 * rate
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.2g} %"


def _control(tally: Tally) -> str:
    if not tally.control_runs:
        return tally.control or "–"
    missed = "" if tally.bites else " NOT NOTICED"
    return f"{tally.control}: noticed in {tally.control_bit} of {tally.control_runs}{missed}"
