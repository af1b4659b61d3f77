"""Whole estates on real processes: planned moves, returning sites, everything at once.

One of each, without its control; `make reliability` runs as many as its lane says.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability.findings import Cell
from reliability.ground import Ground
from reliability.planned import Planned
from reliability.returning import Returning
from reliability.turmoils import Storms


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Ground of this module's own."""
    folder: Path = tmp_path_factory.mktemp("whole")
    with Ground(folder) as ground:
        yield ground


async def test_a_planned_move_loses_no_acknowledged_record(ground: Ground) -> None:
    found = await Planned().run(Cell.of("R14:behind:1"), ground, 0)

    assert [each.broken for each in found.failed] == []


async def test_a_site_that_returns_after_the_end_stays_standby(ground: Ground) -> None:
    found = await Returning().run(Cell.of("R15:ended:refuse:1"), ground, 0)

    assert [each.broken for each in found.failed] == []


async def test_a_storm_over_an_estate_leaves_everything_in_agreement(ground: Ground) -> None:
    found = await Storms().run(Cell.of("R17:1"), ground, 0)

    assert [each.broken for each in found.failed] == []
