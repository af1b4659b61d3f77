"""The effects file is a system that can be written on condition, by several processes."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.holdfast.effects import APPLIED, CALLED, Effects, Line, tally
from holdfast.activities.mutation import Moved

LINE = Line(APPLIED, "r", "s/prepare", epoch=1, sequence=1, run="run", key="k", pid=1, at=0.0)


def test_what_one_process_wrote_is_read_by_the_next(tmp_path: Path) -> None:
    Effects(tmp_path / "effects").write(LINE, after=None)

    after_a_restart = Effects(tmp_path / "effects")

    assert after_a_restart.read() == [LINE]
    assert after_a_restart.look("r") == LINE


def test_a_write_is_refused_when_another_process_was_first(tmp_path: Path) -> None:
    one, other = Effects(tmp_path / "effects"), Effects(tmp_path / "effects")
    one.write(LINE, after=None)

    with pytest.raises(Moved):
        other.write(replace(LINE, key="late"), after=None)

    assert other.look("r") == LINE


def test_the_tally_tells_a_call_repeated_from_an_effect_repeated(tmp_path: Path) -> None:
    called = replace(LINE, what=CALLED)

    counted = tally([called, called, LINE, called])

    assert (counted.steps, counted.effects, counted.calls) == (1, 1, 3)
    assert (counted.twice, counted.called_again, counted.called_again_when_done) == (0, 2, 1)
    assert tally([LINE, LINE]).twice == 1
