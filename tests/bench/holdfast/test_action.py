"""`test.wait` keeps the step contract, so that what is measured is what is shipped."""

from datetime import timedelta
from pathlib import Path

import pytest

from bench.holdfast.action import Wait, WaitInputs
from bench.holdfast.effects import APPLIED, CALLED, REVERTED, SEALED, Effects
from holdfast.activities.action import Call, Undo
from holdfast.workflows.model.errors import FencedOut
from holdfast.workflows.model.step import FencingToken

INPUTS = WaitInputs(resource="r", ms=1)


def token(sequence: int, key: str) -> FencingToken:
    return FencingToken(epoch=1, sequence=sequence, run="run", key=key)


def call(sequence: int = 1, key: str = "k") -> Call[WaitInputs]:
    def remaining() -> timedelta:
        return timedelta(seconds=9)

    return Call("s/prepare", INPUTS, None, token(sequence, key), remaining, lambda _: None)


def undo(*, known_applied: bool) -> Undo[WaitInputs]:
    asked = call(2, "k/revert")
    return Undo(**vars(asked), apply_key="k", known_applied=known_applied)


@pytest.fixture
def effects(tmp_path: Path) -> Effects:
    return Effects(tmp_path / "effects")


async def test_applied_again_under_the_same_key_it_changes_nothing(
    effects: Effects, tmp_path: Path
) -> None:
    assert (await Wait(effects).apply(call())).changed

    assert not (await Wait(effects).apply(call())).changed
    written = Effects(tmp_path / "effects").read()
    assert [line.what for line in written] == [CALLED, APPLIED, CALLED]


async def test_what_was_applied_is_put_back(effects: Effects) -> None:
    await Wait(effects).apply(call())

    await Wait(effects).revert(undo(known_applied=False))

    last = effects.look("r")
    assert last is not None
    assert last.what == REVERTED


async def test_a_late_apply_is_refused_by_its_own_undo(effects: Effects) -> None:
    await Wait(effects).revert(undo(known_applied=False))

    with pytest.raises(FencedOut):
        await Wait(effects).apply(call())

    last = effects.look("r")
    assert last is not None
    assert last.what == SEALED
