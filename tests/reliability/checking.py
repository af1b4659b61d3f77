"""What the harness asks of a property: its cells for a lane, and what came of one of them."""

import statistics
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from .findings import Cell, Found, Lane
from .ground import Ground


class Property(ABC):
    """One promise, the way it is tried, and the control that shows that the trial can fail."""

    name: ClassVar[str]
    promise: ClassVar[str]
    control: ClassVar[str] = ""
    """What is broken on purpose."""
    must_bite: ClassVar[float] = 1.0
    """The share of the control's runs in which the check has to notice."""
    side_by_side: ClassVar[int] = 1
    """Cells that are tried at once, each in a slot of its own."""

    @abstractmethod
    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """What to try, the controls included."""

    @abstractmethod
    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Try one cell; what is raised counts as a failure of it."""

    async def evidence(self, ground: Ground, slot: int) -> Mapping[str, str]:
        """What to keep of a cell that raised."""
        return {}

    def close(self) -> None:
        """Put away what the cells left open."""
        return

    def remarks(self, found: Sequence[Found]) -> tuple[str, ...]:
        """What the table says below itself."""
        measured: dict[str, list[float]] = {}
        for each in found:
            for figure, values in each.measured.items():
                measured.setdefault(figure, []).extend(values)
        figures = tuple(
            f"{figure.rpartition('_')[0].replace('_', ' ')}: median {statistics.median(values):.2f}"
            f" {figure.rpartition('_')[2]}, longest {max(values):.2f} ({len(values)} measured)"
            for figure, values in measured.items()
            if values
        )
        signs = Counter(sign for each in found for sign in each.noticed)
        if signs:
            told = ", ".join(f"{sign} {count}×" for sign, count in signs.most_common())
            figures = (*figures, f"the control was noticed by: {told}")
        said = dict.fromkeys(remark for each in found for remark in each.remarks)
        return (*figures, *said)

    def cell(self, *words: str, control: bool = False) -> Cell:
        """A cell of this property."""
        return Cell(property_name=self.name, words=words, control=control)


def sample(every: Sequence[Cell], size: int) -> list[Cell]:
    """A sample of that size spread evenly over the cells; all of them, again, if it is larger."""
    if size >= len(every):
        return [every[number % len(every)] for number in range(size)]
    picked = []
    for number in range(size):
        index = number * len(every) // size
        # Points alternate (before, after, before, …): so does what is picked of them.
        picked.append(every[min(index + (index + number) % 2, len(every) - 1)])
    return picked
