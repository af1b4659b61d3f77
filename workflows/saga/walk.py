"""A walk over steps that share an activity: what may begin now, given what has ended."""

from collections.abc import Iterable, Mapping


class Walk:
    """Hands out steps in the order of their needs, until it is told to stop."""

    def __init__(self, needs: Mapping[str, Iterable[str]]) -> None:
        """`needs` holds every step of the walk; needs outside of it are met already."""
        self._left = {
            step: {need for need in each if need in needs} for step, each in needs.items()
        }
        self._followers: dict[str, list[str]] = {step: [] for step in needs}
        for step, each in self._left.items():
            for need in each:
                self._followers[need].append(step)
        self._waiting = dict.fromkeys(needs)

    def begin(self) -> list[str]:
        """The steps that need nothing."""
        return self._taken(step for step, needs in self._left.items() if not needs)

    def done(self, step: str) -> list[str]:
        """A step was applied: those whose turn has come by that."""
        for follower in self._followers[step]:
            self._left[follower].discard(step)
        return self._taken(each for each in self._followers[step] if not self._left[each])

    def abandon(self, step: str) -> list[str]:
        """A step will not be applied here: the steps that never begin because of it."""
        never: list[str] = []
        frontier = [step]
        while frontier:
            for follower in self._followers[frontier.pop()]:
                if follower in self._waiting:
                    del self._waiting[follower]
                    never.append(follower)
                    frontier.append(follower)
        return never

    def stop(self) -> list[str]:
        """Nothing more is to begin: the steps that never will."""
        never = list(self._waiting)
        self._waiting.clear()
        return never

    def _taken(self, steps: Iterable[str]) -> list[str]:
        taken = [step for step in steps if step in self._waiting]
        for step in taken:
            del self._waiting[step]
        return taken
