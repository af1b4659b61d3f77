"""What one run gave: one JSON line each."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, JsonValue

from bench.measure import Reading
from bench.plan import BenchPlan
from holdfast.workflows.model.document import Document

NOISY = 0.25
"""Above this share of the machine taken by others, a run's times are upper bounds."""


class Row(Document):
    """One run of one engine: times in seconds of the wall clock, memory in MB (10^6 bytes)."""

    engine: str
    variant: str
    scenario: str
    services: int
    steps: int
    plans: int
    step_ms: float
    spread: float | None
    seed: int
    wall_s: float
    critical_path_s: float
    ratio: float
    cpu_s: float
    cpu_s_per_1000_steps: float
    peak_rss_mb: float
    events: int | None
    noise: float
    at: AwareDatetime
    details: dict[str, JsonValue] = {}

    @classmethod
    def measured(
        cls,
        *,
        engine: str,
        variant: str,
        scenario: str,
        plans: Sequence[BenchPlan],
        wall_s: float,
        reading: Reading,
        events: int | None = None,
        details: dict[str, JsonValue] | None = None,
    ) -> "Row":
        """The row of plans run together: services of one plan, steps of all of them."""
        first = plans[0]
        steps = sum(plan.steps for plan in plans)
        critical_path_s = max(plan.critical_path_s for plan in plans)
        return cls(
            engine=engine,
            variant=variant,
            scenario=scenario,
            services=len(first.services),
            steps=steps,
            plans=len(plans),
            step_ms=first.step_ms,
            spread=first.spread,
            seed=first.seed,
            wall_s=wall_s,
            critical_path_s=critical_path_s,
            ratio=wall_s / critical_path_s if critical_path_s else 0.0,
            cpu_s=reading.cpu_s,
            cpu_s_per_1000_steps=1000 * reading.cpu_s / steps,
            peak_rss_mb=reading.peak_rss_mb,
            events=events,
            noise=reading.noise,
            at=datetime.now(UTC),
            details=details or {},
        )

    @property
    def noisy(self) -> bool:
        """Others took so much of the machine that the times are upper bounds."""
        return self.noise > NOISY


class Note(Document):
    """Why an engine has no row: what could not be measured, and the reason in one line."""

    engine: str
    scenario: str
    why: str

    @property
    def sentence(self) -> str:
        """As the table says it."""
        return f"{self.engine}, {self.scenario}: not measured: {self.why}"


def append_row(path: Path, row: Row | Note) -> None:
    """Add a row, or a note, to a file of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(row.model_dump_json() + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines, in place of what the file held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row.model_dump_json() + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a file of JSON lines. Raises ValidationError for a line that is no row."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Row.model_validate_json(line) for line in lines if line.strip())


def read_notes(path: Path) -> tuple[Note, ...]:
    """The notes of a file of JSON lines; none if there is no file."""
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Note.model_validate_json(line) for line in lines if line.strip())
