"""R16 and R17: everything at once, in an estate that is short of room and in random ones."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import yaml

from support.crowded_estate import random_estate
from support.processes import lab_server
from support.scene import REAL, Scene
from support.turmoil import Turmoil, all_at_once, six_plants, storm

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .returning import FORGETFUL

AT_ONCE_SIZES = {Lane.COMMIT: 1, Lane.MERGE: 2, Lane.NIGHTLY: 20, Lane.RELEASE: 40}
STORM_SIZES = {Lane.COMMIT: 1, Lane.MERGE: 3, Lane.NIGHTLY: 60, Lane.RELEASE: 120}
WORKERS = 2
RUNS_ON = ("is fenced: not so", "StandbyGuard", "still owed", " is active at ")
"""Signs that a site which came back was left alone."""


class _Turmoil(Property):
    """A cell is a seed."""

    side_by_side: ClassVar[int] = 1
    sizes: ClassVar[Mapping[Lane, int]]

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """One seed after another."""
        return [self.cell(str(seed + number)) for number in range(self.sizes[lane])]

    def document(self, seed: int) -> dict[str, Any]:
        """The estate of a seed."""
        raise NotImplementedError

    async def play(self, scene: Scene, seed: int) -> Turmoil:
        """What is done to it."""
        raise NotImplementedError

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Play one seed on a lab of its own, and judge what is left."""
        seed = int(cell.words[0])
        room = ground.room(self.name)
        document = self.document(seed)
        file = room / "lab.yaml"
        file.write_text(yaml.safe_dump(document))
        module = FORGETFUL if cell.control else REAL
        with lab_server(file, room, "--ready-after-ms", "200") as lab:
            scene = Scene(ground.address, lab, room, document, module=module)
            async with scene.playing(WORKERS):
                try:
                    came = await self.play(scene, seed)
                except Exception as error:
                    came = Turmoil(broken=[f"{type(error).__name__}: {error}"])
                if cell.control:
                    bit = any(sign in line for line in came.broken for sign in RUNS_ON)
                    return Found(bit=int(bit), noticed=("a returned site runs on",) * bit)
                failed: tuple[Failed, ...] = ()
                if came.broken:
                    kept = await scene.evidence()
                    failed = (Failed(cell=cell.id, broken=tuple(came.broken), evidence=kept),)
        figures = {
            "sentences_held_against_the_journal_each": (float(came.claims),),
            "workers_killed_each": (float(came.deaths),),
        }
        return Found(failed=failed, measured=figures)


class AllAtOnce(_Turmoil):
    """R16."""

    name: ClassVar[str] = "R16"
    promise: ClassVar[str] = (
        "two recoveries, a failback and a returning site at once, workers killed: all agree"
    )
    control: ClassVar[str] = "nobody notices that a site is back"
    sizes: ClassVar[Mapping[Lane, int]] = AT_ONCE_SIZES

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """And one that has to be noticed."""
        return [*super().cells(lane, seed), self.cell(str(seed), control=True)]

    def document(self, seed: int) -> dict[str, Any]:
        """Six plants."""
        return six_plants()

    async def play(self, scene: Scene, seed: int) -> Turmoil:
        """See `all_at_once`."""
        return await all_at_once(scene, seed)


class Storms(_Turmoil):
    """R17; its check is R16's, whose control shows that it bites."""

    name: ClassVar[str] = "R17"
    promise: ClassVar[str] = (
        "random estates in storms: never two sites active, no room and no budget exceeded"
    )
    sizes: ClassVar[Mapping[Lane, int]] = STORM_SIZES

    def document(self, seed: int) -> dict[str, Any]:
        """An estate drawn by the seed."""
        return random_estate(random.Random(seed))

    async def play(self, scene: Scene, seed: int) -> Turmoil:
        """See `storm`."""
        return await storm(scene, seed)
