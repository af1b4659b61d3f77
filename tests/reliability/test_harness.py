"""The harness itself: what it counts, what it keeps of a failure, that a failure comes again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from reliability.checking import sample
from reliability.findings import Cell, Lane, Tally, upper_bound
from reliability.ground import Ground
from reliability.harness import Harness
from reliability.properties import PROPERTIES
from reliability.report import markdown

ROOT = Path(__file__).parent.parent.parent


def test_the_bound_of_no_failure_is_exact() -> None:
    assert upper_bound(0, 180) == pytest.approx(1 - 0.05 ** (1 / 180))


@pytest.mark.parametrize(
    ("failures", "runs", "bound"),
    [(1, 10, 0.394163), (5, 10, 0.777559), (2, 1_000, 0.006282), (10, 10, 1.0)],
)
def test_the_bound_of_some_failures_is_clopper_and_pearson_s(
    failures: int, runs: int, bound: float
) -> None:
    assert upper_bound(failures, runs) == pytest.approx(bound, abs=2e-5)


def test_a_cell_s_id_is_all_that_is_needed_to_make_it_again() -> None:
    for property in PROPERTIES.values():
        for cell in property.cells(Lane.COMMIT, 3):
            assert Cell.of(cell.id) == cell


def test_a_sample_meets_every_point() -> None:
    every = [
        Cell(property_name="R", words=(str(n), p)) for n in range(22) for p in ("before", "after")
    ]

    picked = sample(every, 15)

    assert {cell.words[1] for cell in picked} == {"before", "after"}
    assert len({cell.words for cell in picked}) == 15


def test_a_control_that_is_not_noticed_fails_the_lane() -> None:
    tally = Tally(
        property_name="R", promise="p", runs=3, control="c", control_runs=4, control_bit=0
    )

    assert tally.held
    assert not tally.bites
    assert "NOT NOTICED" in markdown([tally], Lane.COMMIT, 1)


async def test_what_a_cell_raises_is_kept_as_a_failure(tmp_path: Path) -> None:
    with Ground(tmp_path / "ground") as ground:
        harness = Harness(ground, tmp_path / "out", Lane.COMMIT, 5, lambda line: None)
        cell = Cell(property_name="R9", words=("no-such-history.json",))
        tally = await harness.tally(PROPERTIES["R9"], [cell])

    assert (tally.runs, tally.failures, tally.held) == (1, 1, False)
    folder = tmp_path / "out" / "failures" / "R9-1"
    assert "no-such-history.json" in (folder / "replay.txt").read_text()
    assert "FileNotFoundError" in (folder / "traceback.txt").read_text()


def test_a_forced_failure_is_kept_and_its_command_runs_it_again(tmp_path: Path) -> None:
    """A wound that the harness does not expect: the worker leaves no marks, as in the control."""
    arguments = ["--cell", "R1:forward:historian/scale-up:after", "--seed", "5"]
    wounded = {"HOLDFAST_TEST_FORCE_GUARD": "unmarked"}

    broken = _harness([*arguments, "--out", str(tmp_path)], wounded)

    assert broken.returncode == 1, broken.stdout + broken.stderr
    folder = tmp_path / "failures" / "R1-1"
    kept = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"replay.txt", "cell.txt", "broken.txt", "journal.json", "worker-0.log"} <= kept
    assert any(name.startswith("history-") for name in kept)
    journal = next(folder.rglob("journal.json"))
    assert json.loads(journal.read_text())
    command = (folder / "replay.txt").read_text().split("-m reliability ")[1]
    again = [word.strip("'") for word in command.split()]

    assert _harness([*again, "--out", str(tmp_path)], wounded).returncode == 1


def _harness(arguments: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "reliability", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": "tests", **env},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
