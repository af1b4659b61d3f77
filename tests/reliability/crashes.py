"""R1 and R2: kill -9 of the only worker, before and after the effect of every step."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from support.wounds import Guard

from . import wide
from .checking import Property, sample
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .matrix import BACK, FORWARD, UNKEYED, Words, kill

SIZES = {
    Lane.COMMIT: (2, 2),
    Lane.MERGE: (-(-len(FORWARD) // 3), -(-len(BACK) // 3)),
    Lane.NIGHTLY: (len(FORWARD), len(BACK)),
    Lane.RELEASE: (3 * len(FORWARD), 3 * len(BACK)),
}
WIDE_SIZES = {
    Lane.COMMIT: (1, 0, 0),
    Lane.MERGE: (1, 1, 1),
    Lane.NIGHTLY: (len(wide.FORWARD), len(wide.REFUSED), len(wide.BACK)),
    Lane.RELEASE: (len(wide.FORWARD), len(wide.REFUSED), len(wide.BACK)),
}
UNKEYED_SIZES = {Lane.COMMIT: 2, Lane.MERGE: 6, Lane.NIGHTLY: 17, Lane.RELEASE: 51}


class OnRigs(Property):
    """Cells that are single recoveries on a rig of their slot."""

    side_by_side: ClassVar[int] = 3

    async def evidence(self, ground: Ground, slot: int) -> Mapping[str, str]:
        """The rigs' histories, journals and logs."""
        kept: dict[str, str] = {}
        for rig in ground.rigs_of(slot):
            kept |= {f"{rig.folder.name}/{k}": text for k, text in (await rig.evidence()).items()}
        return kept

    def drawn(self, every: Sequence[Words], size: int, *, control: bool = False) -> list[Cell]:
        """A sample of cells of a matrix."""
        return sample([self.cell(*words, control=control) for words in every], size)


class Crashes(OnRigs):
    """R1."""

    name: ClassVar[str] = "R1"
    promise: ClassVar[str] = "kill -9 at any step, forward and back: nothing lost, nothing twice"
    control: ClassVar[str] = "keys and epochs off: R2"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Around the effect of each step, while it is applied and while it is reverted."""
        forward, back = SIZES[lane]
        wide_forward, wide_refused, wide_back = WIDE_SIZES[lane]
        return [
            *self.drawn(FORWARD, forward),
            *self.drawn(BACK, back),
            *self.drawn(wide.turned(wide.FORWARD, seed), wide_forward),
            *self.drawn(wide.turned(wide.REFUSED, seed), wide_refused),
            *self.drawn(wide.turned(wide.BACK, seed), wide_back),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Kill the worker at one point of one recovery."""
        terrain, words = wide.ground_of(cell.words)
        tried = await kill(await ground.rig(slot, terrain=terrain), words, terrain)
        measured = {"next_effect_after_s": (tried.run.gap_s,)} if tried.run.gap_s else {}
        if not tried.broken:
            return Found(measured=measured)
        kept = await self.evidence(ground, slot)
        failed = Failed(cell=cell.id, broken=tried.broken, evidence=kept)
        return Found(failed=(failed,), measured=measured)


class Unkeyed(OnRigs):
    """R2: the control of R1, in a row of its own."""

    name: ClassVar[str] = "R2"
    promise: ClassVar[str] = "… and the check of R1 bites"
    control: ClassVar[str] = "no idempotency keys, no epochs"
    must_bite: ClassVar[float] = 0.95

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """After each step's effect, and then everything is undone."""
        return self.drawn(UNKEYED, UNKEYED_SIZES[lane], control=True)

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Kill a worker that leaves no marks; whatever is found counts as a bite."""
        tried = await kill(await ground.rig(slot, guard=Guard.UNMARKED), cell.words)
        return Found(bit=int(bool(tried.noticed)), noticed=tried.noticed)
