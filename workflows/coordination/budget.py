"""How many lost sites may be recovered in a window before a person is asked.

It is a brake: once somebody had to be stopped, it stays pulled for every site that comes after,
until a person has let go on whoever waits for it. Time alone does not lift it.
"""

from datetime import datetime, timedelta

from ..model.estate_state import Allow
from ..model.policy import BudgetPolicy
from .records import Remembered

ALLOWED_FOR = timedelta(hours=1)
"""How long an allowance counts that nobody has used."""
MOST_WINDOW = timedelta(days=366)


class Allowance(Remembered):
    """What a person has allowed."""

    actor: str
    reason: str
    at: datetime
    left: int = 1


class Budget(Remembered):
    """What was granted to lost sites, and what people have allowed beyond the policy."""

    granted: dict[str, datetime] = {}
    """By lost site: when its recovery was granted last."""
    sites: dict[str, Allowance] = {}
    """By name of an allowed site."""
    extra: Allowance | None = None
    policy: BudgetPolicy | None = None
    """The last that was heard of."""

    def used(self, window: timedelta, at: datetime, but: str = "") -> list[str]:
        """Sites other than `but` whose recovery was granted within the window."""
        return [site for site, when in self.granted.items() if when > at - window and site != but]

    def leaves(self, policy: BudgetPolicy, site: str, at: datetime) -> bool:
        """Whether the policy has room for one site more."""
        return len(self.used(policy.window, at, but=site)) < policy.sites

    def allowance(self, site: str, at: datetime) -> Allowance | None:
        """What lets this site go on beyond the budget, if a person has allowed it."""
        named = self.named(site, at)
        if named is not None:
            return named
        extra = self.extra
        return extra if extra and extra.left and extra.at + ALLOWED_FOR > at else None

    def named(self, site: str, at: datetime) -> Allowance | None:
        """What a person has allowed for this very site."""
        named = self.sites.get(site)
        return named if named and named.at + ALLOWED_FOR > at else None

    def allow(self, asked: Allow, at: datetime) -> None:
        """Keep what a person allows."""
        allowance = Allowance(actor=asked.actor, reason=asked.reason, at=at, left=asked.sites or 1)
        if asked.site is not None:
            self.sites[asked.site] = allowance
        else:
            self.extra = allowance

    def give_back(self, site: str, at: datetime) -> None:
        """What was granted then was not used."""
        if self.granted.get(site) == at:
            del self.granted[site]

    def grant(self, site: str, at: datetime, *, beyond: bool) -> None:
        """A lost site's recovery is granted; `beyond` the budget an allowance is used up."""
        self.granted[site] = at
        if self.sites.pop(site, None) is None and beyond and self.extra is not None:
            left = self.extra.left - 1
            self.extra = self.extra.model_copy(update={"left": left}) if left else None

    def forget(self, at: datetime) -> None:
        """Forget what cannot matter any more."""
        for site in [site for site, when in self.granted.items() if when < at - MOST_WINDOW]:
            del self.granted[site]
        for site in [site for site, each in self.sites.items() if each.at + ALLOWED_FOR <= at]:
            del self.sites[site]
        if self.extra and self.extra.at + ALLOWED_FOR <= at:
            self.extra = None
