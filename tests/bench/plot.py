"""One plot of what was measured: wall clock over critical path, by engine and size of plan."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Row
from bench.table import COLUMNS, Column, engines_of

IDEAL = 1.0
HIGHEST = 3.0
"""Bars end here; their labels say how far they would go."""
WIDTH = 0.8
COLOURS = {"holdfast": "black", "asyncio": "lightgrey"}
"""The product and the floor stand out; peers take matplotlib's own."""
FORMATS = ("svg", "png")


def plot(rows: Sequence[Row], folder: Path) -> tuple[Path, ...]:
    """Draw `ratio.svg` and `ratio.png`; nothing if no row has a ratio to show."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    engines = engines_of(rows)
    columns = [each for each in COLUMNS if each.title.startswith("S=") and _shown(rows, each)]
    if not columns:
        return ()
    figure, axes = pyplot.subplots(figsize=(1.6 + 1.7 * len(columns), 4.6), layout="constrained")
    width = WIDTH / len(engines)
    for place, engine in enumerate(engines):
        for group, column in enumerate(columns):
            value = _median([row for row in rows if row.engine == engine], column)
            if value is None:
                continue
            at = group - WIDTH / 2 + width * (place + 0.5)
            height = min(value, HIGHEST) - IDEAL
            label = engine if _first_group(rows, columns, engine) == group else None
            axes.bar(
                at, height, width, bottom=IDEAL, color=COLOURS.get(engine, f"C{place}"), label=label
            )
            axes.annotate(
                f"{value:.2f}", (at, IDEAL + height), ha="center", va="bottom",
                fontsize=6, rotation=90, xytext=(0, 2), textcoords="offset points",
            )  # fmt: skip
    axes.set_xticks(range(len(columns)), [column.title.replace(" ", "\n", 1) for column in columns])
    axes.set_ylabel("wall clock / critical path")
    axes.set_ylim(IDEAL, None)
    axes.margins(y=0.15)
    axes.set_title("What the engine adds to a plan (1.00 is the physical limit)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    made = tuple(folder / f"ratio.{form}" for form in FORMATS)
    for path in made:
        figure.savefig(path, dpi=150)
    pyplot.close(figure)
    return made


def _shown(rows: Sequence[Row], column: Column) -> bool:
    return _median(rows, column) is not None


def _first_group(rows: Sequence[Row], columns: Sequence[Column], engine: str) -> int:
    mine = [row for row in rows if row.engine == engine]
    return next(group for group, column in enumerate(columns) if _shown(mine, column))


def _median(rows: Sequence[Row], column: Column) -> float | None:
    about = [row for row in rows if column.about(row)]
    values = [row.ratio for row in about if not row.noisy] or [row.ratio for row in about]
    return statistics.median(values) if values else None
