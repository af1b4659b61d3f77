"""The one way to change a resource, on a resource with versions and nothing else."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.activities.action import Call
from holdfast.activities.fencing import Admission, Mark
from holdfast.activities.mutation import Moved, is_own, mutate
from holdfast.workflows.model.document import Document
from holdfast.workflows.model.errors import FencedOut, Unavailable
from support.action_world import token


@dataclass(frozen=True)
class Thing:
    version: int = 1
    value: str = "before"
    mark: Mark | None = None


class Store:
    """Holds one thing; a write needs the version that was read."""

    def __init__(self) -> None:
        self.thing = Thing()
        self.reads = 0
        self.meanwhile: list[Thing] = []
        """What others write between our reading and our writing."""

    async def read(self) -> Thing:
        self.reads += 1
        return self.thing

    async def write(self, now: Thing, value: str) -> Thing:
        if self.meanwhile:
            self.thing = replace(self.meanwhile.pop(0), version=self.thing.version + 1)
        if now.version != self.thing.version:
            raise Moved("it is another")
        by = token()
        mark = Mark(by.epoch, by.sequence, by.run, by.key)
        self.thing = Thing(now.version + 1, value, mark)
        return self.thing


def call(left: timedelta = timedelta(seconds=5)) -> Call[Any]:
    return Call("s/s", Document(), None, token(), lambda: left, lambda _: None)


async def change(store: Store, by: Call[Any]) -> Thing:
    def decide(now: Thing, admission: Admission) -> str | None:
        return None if admission is Admission.DONE else "after"

    return await mutate(
        by, "thing", read=store.read, mark=lambda now: now.mark, decide=decide, write=store.write
    )


async def test_it_writes_once_and_then_no_more() -> None:
    store = Store()
    assert (await change(store, call())).value == "after"
    assert (await change(store, call())).version == 2


async def test_a_crossing_write_is_judged_anew() -> None:
    store = Store()
    store.meanwhile = [Thing(value="theirs"), Thing(value="theirs too")]
    assert (await change(store, call())).value == "after"
    assert store.reads == 3


async def test_a_crossing_write_with_a_newer_token_ends_it() -> None:
    store = Store()
    store.meanwhile = [Thing(value="theirs", mark=Mark(1, 2, "run-1", "revert"))]
    with pytest.raises(FencedOut):
        await change(store, call())
    assert store.thing.value == "theirs"


async def test_nothing_is_sent_after_the_deadline() -> None:
    store = Store()
    with pytest.raises(Unavailable, match="nothing was sent"):
        await change(store, call(timedelta(0)))
    assert store.thing.value == "before"


async def test_a_deadline_that_passes_between_refused_writes_names_the_last_refusal() -> None:
    store = Store()
    store.meanwhile = [Thing(value="theirs")]
    left = iter([timedelta(seconds=5)])
    by = Call("s/s", Document(), None, token(), lambda: next(left, timedelta(0)), lambda _: None)
    with pytest.raises(Unavailable, match="every write was refused, last: it is another"):
        await change(store, by)
    assert store.thing.value == "theirs"


@pytest.mark.parametrize(
    ("mark", "own"),
    [
        (None, False),
        (Mark(1, 1, "run-1", token().key), True),
        (Mark(1, 9, "run-1", token().key), True),
        (Mark(1, 1, "run-1", "another"), False),
        (Mark(1, 1, "run-2", token().key), False),
    ],
)
def test_only_the_same_step_of_the_same_run_is_its_own(mark: Mark | None, own: bool) -> None:
    assert is_own(mark, token()) is own
