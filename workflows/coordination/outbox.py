"""The answers that are due, each run's last of a kind once, delivered many at a time."""

from collections.abc import Iterable

from ..model.coordination import CoordinatorSays, Facts
from ..model.estate_state import Letter
from .answers import answer
from .memory import Memory
from .records import Due, DueKind

MOST_TOGETHER = 250
"""Answers in one delivery."""
MOST_BYTES = 500_000
"""Of one delivery, by estimate: Temporal takes 2 MB and warns from 512 KB."""
MOST_DELIVERIES = 3
"""On their way: the busier the estate, the more each of them carries."""


class Outbox:
    """Hands out answers in deliveries, while not too many are on their way."""

    def __init__(self, dues: Iterable[Due] = ()) -> None:
        self._dues: dict[tuple[str, DueKind], Due] = {}
        self._on_the_way = 0
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
        """Something is due and may be delivered now."""
        return bool(self._dues) and self._on_the_way < MOST_DELIVERIES

    @property
    def empty_way(self) -> bool:
        """Nothing is on its way."""
        return not self._on_the_way

    def next(self, memory: Memory) -> tuple[Letter, ...]:
        """The next delivery; empty if there is none now."""
        letters: list[Letter] = []
        size = 0
        while self.ready and len(letters) < MOST_TOGETHER and size < MOST_BYTES:
            due = self._dues.pop(next(iter(self._dues)))
            says = answer(memory, due)
            if says is not None:
                letters.append(Letter(party=due.party, says=says))
                size += _size(says)
        if letters:
            self._on_the_way += 1
        return tuple(letters)

    def delivered(self) -> None:
        """A delivery is on its way no more."""
        self._on_the_way -= 1


def _size(says: CoordinatorSays) -> int:
    facts = getattr(says.answer, "facts", None)
    if not isinstance(facts, Facts):
        return 600
    small = len(facts.locations) + len(facts.past_s) + len(facts.lost)
    return 800 + 60 * small + 200 * (len(facts.booked) + len(facts.unfenced))
