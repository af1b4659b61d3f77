"""Rows survive their file, and say when others made them untrue."""

from pathlib import Path

from bench.measure import Reading
from bench.plan import BenchPlan
from bench.rows import Note, Row, append_row, read_notes, read_rows, write_rows

READING = Reading(wall_s=1.5, cpu_s=0.3, peak_rss_mb=120.5, noise=0.1)


def row_of(**changes: object) -> Row:
    row = Row.measured(
        engine="asyncio",
        variant="the floor",
        scenario="ratio",
        plans=[BenchPlan.make(10, 100), BenchPlan.make(10, 100, seed=2)],
        wall_s=3.0,
        reading=READING,
        events=120,
        details={"python": "3.13.0", "walls_s": [1.5, 1.6]},
    )
    return row.model_copy(update=changes)


def test_rows_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "out" / "rows.jsonl"
    write_rows(path, [row_of()])
    append_row(path, row_of(engine="restate", events=None))

    assert read_rows(path) == (row_of(at=read_rows(path)[0].at), read_rows(path)[1])
    assert [row.engine for row in read_rows(path)] == ["asyncio", "restate"]


def test_notes_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    note = Note(engine="restate", scenario="start", why="there is no npm on PATH")
    append_row(tmp_path / "notes.jsonl", note)

    assert read_notes(tmp_path / "notes.jsonl") == (note,)
    assert read_notes(tmp_path / "none.jsonl") == ()


def test_a_ratio_is_wall_clock_over_the_longest_critical_path() -> None:
    row = row_of()

    assert (row.plans, row.services, row.steps) == (2, 10, 60)
    assert row.critical_path_s == 1.5
    assert row.ratio == 2.0
    assert row.cpu_s_per_1000_steps == 5.0


def test_a_run_is_noisy_when_others_took_more_than_a_quarter_of_the_machine() -> None:
    assert not row_of(noise=0.25).noisy
    assert row_of(noise=0.26).noisy
