"""Runs properties: cells side by side where they may, what breaks is kept, what came is counted."""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from .checking import Property
from .findings import Cell, Failed, Found, Lane, Tally, upper_bound
from .ground import Ground
from .wreckage import keep

Say = Callable[[str], None]


class Harness:
    """One call of the harness."""

    def __init__(self, ground: Ground, out: Path, lane: Lane, seed: int, say: Say) -> None:
        self._ground = ground
        self._out = out
        self._lane = lane
        self._seed = seed
        self._say = say

    async def check(self, property: Property) -> Tally:
        """Try a property's cells of the lane."""
        return await self.tally(property, property.cells(self._lane, self._seed))

    async def tally(self, property: Property, cells: Sequence[Cell]) -> Tally:
        """Try these cells of a property, and count."""
        began = time.monotonic()
        found: list[tuple[Cell, Found]] = []
        left = list(reversed(cells))
        number = 0

        async def one_after_another(slot: int) -> None:
            nonlocal number
            while left:
                cell = left.pop()
                came = await self._tried(property, cell, slot)
                found.append((cell, came))
                for failed in came.failed:
                    number += 1
                    folder = keep(self._out, failed, number, self._lane, self._seed)
                    self._say(f"  broken: {failed.cell}: {failed.broken[0]} (kept in {folder})")
                self._say(f"  {property.name} {len(found)}/{len(cells)} {_word(cell, came)}")

        slots = min(property.side_by_side, len(cells))
        await asyncio.gather(*(one_after_another(slot) for slot in range(slots)))
        self._ground.drop_special_rigs()
        property.close()
        return _counted(property, found, time.monotonic() - began)

    async def _tried(self, property: Property, cell: Cell, slot: int) -> Found:
        try:
            return await property.run(cell, self._ground, slot)
        except Exception as error:
            evidence = {"traceback.txt": traceback.format_exc()}
            try:
                evidence |= await property.evidence(self._ground, slot)
            except Exception:
                evidence["evidence-traceback.txt"] = traceback.format_exc()
            self._ground.drop_rigs(slot)
            broken = f"{type(error).__name__}: {error}"
            return Found(failed=(Failed(cell=cell.id, broken=(broken,), evidence=evidence),))


def _word(cell: Cell, found: Found) -> str:
    if found.failed:
        return f"{cell.id} BROKEN"
    if cell.control:
        return f"{cell.id}: the control was noticed in {found.bit} of {found.runs}"
    return f"{cell.id} held"


def _counted(property: Property, found: Sequence[tuple[Cell, Found]], seconds: float) -> Tally:
    tried = [came for cell, came in found if not cell.control]
    controls = [came for cell, came in found if cell.control]
    runs = sum(came.runs for came in tried)
    # A control that raised is no bite, and no broken promise either, but it must be seen.
    failures = sum(len(came.failed) for came in (*tried, *controls))
    broke = sum(len(came.failed) for came in tried)
    return Tally(
        property_name=property.name,
        promise=property.promise,
        runs=runs,
        failures=failures,
        bound=upper_bound(min(broke, runs), runs) if runs else None,
        control=property.control,
        control_runs=sum(came.runs for came in controls),
        control_bit=sum(came.bit for came in controls),
        must_bite=property.must_bite,
        seconds=round(seconds, 1),
        remarks=property.remarks([came for _, came in found]),
    )
