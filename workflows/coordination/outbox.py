"""The answers that are due, each run's last of a kind once, and how much may be on its way."""

from collections.abc import Iterable

from ..model.coordination import CoordinatorSays, Facts
from .answers import answer
from .memory import Memory
from .records import Due, DueKind

MOST_ON_THE_WAY = 250
"""Signals; Temporal refuses more than 2,000 and each is two events of history."""
MOST_BYTES = 1_000_000
"""By estimate, of what is on its way: Temporal takes 4 MB in one go."""


class Outbox:
    """Hands out answers while there is room on the way."""

    def __init__(self, dues: Iterable[Due] = ()) -> None:
        self._dues: dict[tuple[str, DueKind], Due] = {}
        self._sizes: dict[int, int] = {}
        self._number = 0
        self.add(dues)

    def add(self, dues: Iterable[Due]) -> None:
        """These answers are due; they take the place of earlier ones of the same kind."""
        for due in dues:
            self._dues[due.party.run, due.kind] = due

    @property
    def dues(self) -> list[Due]:
        """What has not been handed out."""
        return list(self._dues.values())

    @property
    def ready(self) -> bool:
        """Something is due and there is room for it on the way."""
        return bool(self._dues) and self._has_room

    @property
    def empty_way(self) -> bool:
        """Nothing is on its way."""
        return not self._sizes

    @property
    def _has_room(self) -> bool:
        return len(self._sizes) < MOST_ON_THE_WAY and sum(self._sizes.values()) < MOST_BYTES

    def next(self, memory: Memory) -> tuple[int, Due, CoordinatorSays] | None:
        """The next answer, with a number by which it is said to have arrived; None: not now."""
        while self._dues and self._has_room:
            key = next(iter(self._dues))
            due = self._dues.pop(key)
            says = answer(memory, due)
            if says is not None:
                self._number += 1
                self._sizes[self._number] = _size(says)
                return self._number, due, says
        return None

    def arrived(self, number: int) -> None:
        """An answer is on its way no more."""
        del self._sizes[number]


def _size(says: CoordinatorSays) -> int:
    facts = getattr(says.answer, "facts", None)
    if not isinstance(facts, Facts):
        return 500
    small = len(facts.locations) + len(facts.past_s) + len(facts.lost)
    return 500 + 60 * small + 200 * (len(facts.booked) + len(facts.unfenced))
