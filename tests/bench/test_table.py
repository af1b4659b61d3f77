"""The table shows the quiet runs, marks the noisy ones, and says what was not measured and why."""

from pathlib import Path

from bench.measure import Reading
from bench.plan import BenchPlan
from bench.plot import plot
from bench.rows import Note, Row
from bench.table import lines_of, markdown


def row_of(engine: str, ratio: float, noise: float = 0.0, scenario: str = "ratio") -> Row:
    plan = BenchPlan.make(200, 200)
    return Row.measured(
        engine=engine,
        variant="naive",
        scenario=scenario,
        plans=[plan],
        wall_s=ratio * plan.critical_path_s,
        reading=Reading(wall_s=3, cpu_s=0.6, peak_rss_mb=100, noise=noise),
        events=1200,
    )


def test_a_cell_is_the_median_of_the_quiet_runs() -> None:
    rows = [row_of("a", 1.1), row_of("a", 1.2), row_of("a", 1.3), row_of("a", 9.0, noise=0.9)]

    assert lines_of(rows, ())[0][:2] == ["a (naive)", "1.200"]


def test_a_cell_without_a_quiet_run_is_marked() -> None:
    assert lines_of([row_of("a", 1.5, noise=0.5)], ())[0][1] == "~1.500"


def test_an_engine_that_could_not_run_is_in_the_table_with_the_reason() -> None:
    note = Note(engine="restate", scenario="start", why="there is no npm on PATH")
    text = markdown([row_of("a", 1.5)], [note])

    assert "| restate: not measured: there is no npm on PATH | – |" in text
    assert "- restate, start: not measured: there is no npm on PATH" in text


def test_cost_per_step_is_read_from_the_largest_plan() -> None:
    text = markdown([row_of("a", 1.5)], ())
    titles, _, line = [row.split(" | ") for row in text.splitlines()[:3]]
    shown = dict(zip(titles, line, strict=True))

    assert shown["CPU s per 1000 steps"] == "1.00"
    assert shown["events or rows per step"] == "2.00"


def test_what_no_column_shows_has_a_table_of_its_own() -> None:
    text = markdown([row_of("a", 1.5), row_of("a", 1.25, scenario="storm")], ())

    assert "| a, naive | storm | 1 × S=200, d=200 | 3.75 | 1.250 | 1.00 | 2.00 | 100 |" in text


def test_the_plot_is_drawn_in_both_formats(tmp_path: Path) -> None:
    made = plot([row_of("a", 1.5), row_of("b", 12.0)], tmp_path)

    assert sorted(path.name for path in made) == ["ratio.png", "ratio.svg"]
    assert all(path.stat().st_size > 1000 for path in made)
    assert plot([], tmp_path) == ()
