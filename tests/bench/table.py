"""One table of what was measured: to the terminal by rich, as markdown for the README."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.rows import Note, Row

NOTHING = "–"
NOISY_MARK = "~"
CONFIGURED = "configured"
"""The detail of a row that names an option which its other rows do not have."""
SIZES = ((10, 50.0), (10, 200.0), (50, 200.0), (200, 50.0), (200, 200.0))
CAPTION = (
    f"Ratios are wall clock / critical path; {NOISY_MARK} marks cells without a quiet run: "
    "others took more than a quarter of the machine, read them as upper bounds. "
    "Medians where there are several runs."
)


@dataclass(frozen=True)
class Column:
    """A column: which rows it is about, and what of them it shows."""

    title: str
    about: Callable[[Row], bool]
    value: Callable[[Row], float | None]
    digits: int


def _ratio(services: int, step_ms: float) -> Column:
    def about(row: Row) -> bool:
        plan = (row.services, row.step_ms, row.spread)
        return row.scenario == "ratio" and plan == (services, step_ms, None)

    return Column(f"S={services} d={step_ms:g}", about, lambda row: row.ratio, 3)


def _realistic(row: Row) -> bool:
    return row.spread is not None and row.services == 200


def _large(row: Row) -> bool:
    return _ratio(200, 200).about(row)


def _plans(count: int) -> Column:
    def about(row: Row) -> bool:
        return row.scenario == "plans" and row.plans == count

    title = "1 plan, s" if count == 1 else f"{count} plans, s"
    return Column(title, about, lambda row: row.wall_s, 2)


def _kill(row: Row) -> bool:
    return row.scenario == "kill"


def _detail(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found = row.details.get(name)
        return float(found) if isinstance(found, int | float) else None

    return value


def _events_per_step(row: Row) -> float | None:
    return None if row.events is None else row.events / row.steps


COLUMNS = (
    *(_ratio(*size) for size in SIZES),
    Column("S=200 realistic", _realistic, lambda row: row.ratio, 3),
    Column("CPU s per 1000 steps", _large, lambda row: row.cpu_s_per_1000_steps, 2),
    Column("events or rows per step", _large, _events_per_step, 2),
    Column("peak MB", _large, lambda row: row.peak_rss_mb, 0),
    *(_plans(count) for count in (1, 10, 100)),
    Column("kill -9: next effect, s", _kill, _detail("next_effect_after_s"), 1),
    Column("kill -9: overhead, s", _kill, _detail("overhead_s"), 1),
    Column("finished steps done again", _kill, _detail("effects_twice"), 0),
    Column("finished steps asked again", _kill, _detail("called_again_when_done"), 0),
)


def engines_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The engines in the order in which they came."""
    return tuple(dict.fromkeys(row.engine for row in rows))


def cell(rows: Sequence[Row], column: Column) -> str:
    """The median of the quiet runs; of all runs and marked if none was quiet."""
    about = [row for row in rows if column.about(row)]
    measured = [(row, value) for row in about if (value := column.value(row)) is not None]
    if not measured:
        return NOTHING
    calm = [value for row, value in measured if not row.noisy]
    median = statistics.median(calm or [value for _, value in measured])
    return f"{'' if calm else NOISY_MARK}{median:.{column.digits}f}"


def columns_of(rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns that have anything to show."""
    return tuple(column for column in COLUMNS if cell(rows, column) != NOTHING)


def lines_of(rows: Sequence[Row], notes: Sequence[Note]) -> list[list[str]]:
    """A line per engine and variant of it; an engine without any row says so."""
    columns = columns_of(rows)
    lines = []
    for engine in engines_of(rows):
        for variant in _variants(rows, engine):
            mine = [row for row in rows if (row.engine, row.variant) == (engine, variant)]
            if any(column.about(row) for row in mine for column in columns):
                lines.append([f"{engine} ({variant})", *(cell(mine, each) for each in columns)])
    known = engines_of(rows)
    for note in {note.engine: note for note in reversed(notes)}.values():
        if note.engine not in known:
            nothing = [NOTHING] * len(columns)
            lines.append([f"{note.engine}: not measured: {note.why}", *nothing])
    return lines


def own_lines(rows: Sequence[Row]) -> list[list[str]]:
    """What the columns do not show: storms, growth, the lab."""
    return [
        [
            f"{row.engine}, {row.variant}",
            row.scenario,
            f"{row.plans} × S={row.services}, d={row.step_ms:g}",
            f"{NOISY_MARK if row.noisy else ''}{row.wall_s:.2f}",
            f"{row.ratio:.3f}",
            f"{row.cpu_s_per_1000_steps:.2f}",
            NOTHING if row.events is None else f"{row.events / row.steps:.2f}",
            f"{row.peak_rss_mb:.0f}",
        ]
        for row in rows
        if not any(column.about(row) for column in COLUMNS)
    ]


OWN_TITLES = (
    "engine", "scenario", "plans", "wall s", "ratio", "CPU s per 1000 steps",
    "events per step", "peak MB",
)  # fmt: skip


def terminal(rows: Sequence[Row], notes: Sequence[Note]) -> list[Table]:
    """The tables for rich."""
    tables: list[Table] = []
    for titles, lines in _tables(rows, notes):
        table = Table(*titles, caption="\n".join(_below(rows, notes)) if not tables else None)
        for line in lines:
            table.add_row(*line)
        tables.append(table)
    return tables


def markdown(rows: Sequence[Row], notes: Sequence[Note]) -> str:
    """The tables for a README."""
    parts = []
    for titles, lines in _tables(rows, notes):
        ruler = ["---", *["---:"] * (len(titles) - 1)]
        table = [list(titles), ruler, *lines]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in table))
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in _below(rows, notes))]) + "\n"


def _tables(
    rows: Sequence[Row], notes: Sequence[Note]
) -> list[tuple[tuple[str, ...], list[list[str]]]]:
    titles = ("engine", *(column.title for column in columns_of(rows)))
    tables = [(titles, lines_of(rows, notes))]
    if own := own_lines(rows):
        tables.append((OWN_TITLES, own))
    return tables


def _below(rows: Sequence[Row], notes: Sequence[Note]) -> list[str]:
    configured = (
        f"{row.engine}, {row.scenario}: {row.details[CONFIGURED]}"
        for row in rows
        if CONFIGURED in row.details
    )
    return [CAPTION, *dict.fromkeys(configured), *dict.fromkeys(note.sentence for note in notes)]


def _variants(rows: Sequence[Row], engine: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.variant for row in rows if row.engine == engine))
