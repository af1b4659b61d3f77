"""The epochs of services: strictly rising, the same for all services of one reservation."""

from collections.abc import Iterable

from .records import Remembered


class Epochs(Remembered):
    """The last epoch of every service that ever had one."""

    last: dict[str, int] = {}
    floor: int = 0
    """The greatest that was given without naming services: every later one is greater."""

    def next(self, services: Iterable[str], at_least: int) -> int:
        """An epoch greater than all that these services had, and not less than `at_least`."""
        named = sorted(set(services))
        known = max((self.last.get(name, 0) for name in named), default=0)
        if not named:
            # It may meet any service's resources.
            known = max(self.last.values(), default=0)
        epoch = max(known + 1, self.floor + 1, at_least)
        for name in named:
            self.last[name] = epoch
        if not named:
            self.floor = epoch
        return epoch
