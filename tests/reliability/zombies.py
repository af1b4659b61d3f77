"""R3: a worker is stopped past its timeout, and wakes up when the world has moved on."""

from collections.abc import Sequence
from typing import ClassVar

from support.wounds import Guard

from . import wide
from .crashes import OnRigs
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .matrix import ASLEEP, MOVED, UNDONE, stop

SIZES = {
    Lane.COMMIT: (0, 1, 1),
    Lane.MERGE: (2, 3, 3),
    Lane.NIGHTLY: (len(ASLEEP), len(UNDONE), len(MOVED)),
    Lane.RELEASE: (len(ASLEEP), 2 * len(UNDONE), 2 * len(MOVED)),
}
WIDE_SIZES = {
    Lane.COMMIT: (0, 0, 0, 0),
    Lane.MERGE: (1, 1, 0, 1),
    Lane.NIGHTLY: (len(wide.ASLEEP), len(wide.UNDONE), len(wide.MOVED), len(wide.SKIPPED)),
    Lane.RELEASE: (len(wide.ASLEEP), len(wide.UNDONE), len(wide.MOVED), len(wide.SKIPPED)),
}
CONTROLS = {Lane.COMMIT: 1, Lane.MERGE: 4, Lane.NIGHTLY: 17, Lane.RELEASE: 34}
BETWEEN = tuple(words for words in (*UNDONE, *MOVED) if words[-1] == "between")


class Zombies(OnRigs):
    """R3."""

    name: ClassVar[str] = "R3"
    promise: ClassVar[str] = "a worker that wakes up late changes nothing; never two sites active"
    control: ClassVar[str] = "no keys, no epochs, unconditional writes"
    must_bite: ClassVar[float] = 0.9

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Woken when recovered, when undone, and when a second recovery has moved the service."""
        asleep, undone, moved = SIZES[lane]
        wide_asleep, wide_undone, wide_moved, wide_skipped = WIDE_SIZES[lane]
        return [
            *self.drawn(ASLEEP, asleep),
            *self.drawn(UNDONE, undone),
            *self.drawn(MOVED, moved),
            *self.drawn(wide.turned(wide.ASLEEP, seed), wide_asleep),
            *self.drawn(wide.turned(wide.UNDONE, seed), wide_undone),
            *self.drawn(wide.turned(wide.MOVED, seed), wide_moved),
            *self.drawn(wide.turned(wide.SKIPPED, seed), wide_skipped),
            *self.drawn(BETWEEN, CONTROLS[lane], control=True),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Stop one of two workers at one point; wake it up at the end."""
        terrain, words = wide.ground_of(cell.words)
        guard = Guard.NONE if cell.control else Guard.FULL
        pair = await ground.rig(slot, workers=2, guard=guard, terrain=terrain)
        tried = await stop(pair, words, terrain)
        if cell.control:
            return Found(bit=int(bool(tried.noticed)), noticed=tried.noticed)
        if not tried.broken:
            return Found()
        kept = await self.evidence(ground, slot)
        return Found(failed=(Failed(cell=cell.id, broken=tried.broken, evidence=kept),))
