"""The words of the harness: a cell is one thing to try, a finding is what came of it."""

import math
from collections.abc import Mapping
from enum import StrEnum

from holdfast.workflows.model.document import Document

CONTROL = "control"
"""The word after a property's name that makes a cell a negative control."""


class Lane(StrEnum):
    """How much is run."""

    COMMIT = "commit"
    MERGE = "merge"
    NIGHTLY = "nightly"
    RELEASE = "release"


class Cell(Document):
    """One thing to try; its id is all that is needed to try it again."""

    property_name: str
    words: tuple[str, ...]
    control: bool = False
    """Something is broken on purpose: the check must notice."""

    @property
    def id(self) -> str:
        """The cell in one word."""
        return ":".join((self.property_name, *((CONTROL,) if self.control else ()), *self.words))

    @classmethod
    def of(cls, id: str) -> "Cell":
        """The cell of an id."""
        name, *words = id.split(":")
        control = words[:1] == [CONTROL]
        return cls(property_name=name, words=tuple(words[control:]), control=control)


class Failed(Document):
    """One run in which a promise was broken."""

    cell: str
    """The id of the cell that tries just this run again."""
    broken: tuple[str, ...]
    evidence: Mapping[str, str] = {}
    """Texts to keep, by file name."""


class Found(Document):
    """What came of one cell."""

    runs: int = 1
    failed: tuple[Failed, ...] = ()
    bit: int = 0
    """Of a control: in how many of its runs the check noticed."""
    noticed: tuple[str, ...] = ()
    """By which signs it did."""
    measured: Mapping[str, tuple[float, ...]] = {}
    """Figures by name; names end with their unit."""
    remarks: tuple[str, ...] = ()


class Tally(Document):
    """A row of the table."""

    property_name: str
    promise: str
    runs: int = 0
    failures: int = 0
    bound: float | None = None
    """The true failure rate lies below this with 95 % confidence; None without runs."""
    control: str = ""
    control_runs: int = 0
    control_bit: int = 0
    must_bite: float = 1.0
    """The share of the control's runs in which the check has to notice."""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """No run broke the promise."""
        return self.failures == 0 and self.runs + self.control_runs > 0

    @property
    def bites(self) -> bool:
        """The check noticed what was broken on purpose, where that is to be shown."""
        if not self.control_runs:
            return True
        return self.control_bit >= self.must_bite * self.control_runs and self.control_bit > 0


def upper_bound(failures: int, runs: int, confidence: float = 0.95) -> float:
    """Clopper and Pearson's upper bound of a rate: 1 - 0.05 ** (1 / runs) if nothing failed."""
    if failures >= runs:
        return 1.0
    if failures == 0:
        return 1 - float((1 - confidence) ** (1 / runs))
    low, high = failures / runs, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        if _at_most(failures, runs, rate) > 1 - confidence:
            low = rate
        else:
            high = rate
    return high


def _at_most(failures: int, runs: int, rate: float) -> float:
    """The probability of no more than `failures` in `runs` at a rate below 1."""
    return math.fsum(
        math.exp(
            math.lgamma(runs + 1)
            - math.lgamma(n + 1)
            - math.lgamma(runs - n + 1)
            + n * math.log(rate)
            + (runs - n) * math.log1p(-rate)
        )
        for n in range(failures + 1)
    )
