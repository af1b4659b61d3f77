"""kill -9 and SIGSTOP at steps of a recovery, forward and back: nothing lost, nothing twice.

These are a sample of the cells; `make reliability` runs as many as its lane says.
"""

from collections.abc import Sequence

import pytest
from reliability.crashes import Crashes, Unkeyed
from reliability.findings import Cell, Lane
from reliability.matrix import ASLEEP, MOVED, UNDONE, Words, kill, stop
from reliability.terrain import WIDE
from reliability.zombies import Zombies

from support.rig import Rig


def sampled(words: Sequence[Words], size: int) -> list[Words]:
    return [cell.words for cell in Zombies().drawn(words, size)]


def lane(cells: Sequence[Cell]) -> list[Words]:
    return [cell.words for cell in cells if cell.words[0] != WIDE.name]


@pytest.mark.parametrize("words", lane(Crashes().cells(Lane.COMMIT, 0)), ids=":".join)
async def test_a_worker_killed_at_a_step_loses_and_repeats_nothing(rig: Rig, words: Words) -> None:
    assert (await kill(rig, words)).broken == ()


@pytest.mark.parametrize(
    "words", [*sampled(ASLEEP, 1), *sampled(UNDONE, 1), *sampled(MOVED, 1)], ids=":".join
)
async def test_a_worker_that_wakes_up_late_changes_nothing(pair: Rig, words: Words) -> None:
    assert (await stop(pair, words)).broken == ()


async def test_a_worker_killed_with_a_hundred_steps_in_its_hands_loses_and_repeats_nothing(
    wide_pair: Rig,
) -> None:
    assert (await kill(wide_pair, ("refused", "s17/scale-up", "after"), WIDE)).broken == ()


async def test_a_worker_that_wakes_up_with_a_hundred_steps_in_its_hands_changes_nothing(
    wide_pair: Rig,
) -> None:
    assert (await stop(wide_pair, ("undone", "s05/scale-up", "between"), WIDE)).broken == ()


@pytest.mark.parametrize("words", lane(Unkeyed().cells(Lane.COMMIT, 0)), ids=":".join)
async def test_without_key_and_epoch_a_killed_worker_is_noticed(
    unmarked: Rig, words: Words
) -> None:
    assert (await kill(unmarked, words)).noticed != ()


async def test_without_any_guard_a_worker_that_wakes_up_late_is_noticed(
    unguarded_pair: Rig,
) -> None:
    tried = await stop(unguarded_pair, ("moved", "historian/fence", "between"))

    assert {"two sites active", "a late change"} <= set(tried.noticed)
