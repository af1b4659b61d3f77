"""What an evaluation remembers: the estate, what is still to be evaluated, and the verdicts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from ..model.readiness import (
    STALE_AFTER,
    Begun,
    EstateReadiness,
    Evaluate,
    PackedEstate,
    Proved,
    SiteDetails,
    SiteReadiness,
)
from ..model.step import Qualification
from .judging import Judged
from .packing import squeeze, unsqueeze
from .verdicts import WORST_FIRST, summary, worst

MOST_DETAILS = 5
"""Sites whose steps are remembered one by one: those asked for by name last."""
MOST_PROOFS = 3
"""Of a service: a recovery from where it went to must not hide that of its way there."""
NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Proof(BaseModel):
    """When a service's part of a plan was last carried out."""

    model_config = ConfigDict(frozen=True)

    definition: str
    at: datetime
    how: str


class Memory(BaseModel):
    """The state of one estate's evaluation; what is changed here is decided by nobody else."""

    estate: PackedEstate | None = None
    number: int = 0
    todo: list[str] = []
    in_work: list[str] = []
    total: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    every_s: float | None = None
    due_at: datetime | None = None
    stale_after_s: float = STALE_AFTER.total_seconds()
    sites: dict[str, SiteReadiness] = {}
    made_from: dict[str, dict[str, str]] = {}
    """By site and service: what its plan was made from."""
    named: list[str] = []
    details: dict[str, SiteDetails] = {}
    proofs: dict[str, list[Proof]] = {}
    """By service, the newest last."""

    @property
    def running(self) -> bool:
        """Something is still to be evaluated."""
        return bool(self.todo or self.in_work)

    # What is asked

    def ask(self, asked: Evaluate, now: datetime) -> Begun:
        """Take up what is asked; what runs already is joined."""
        changed = self.estate is None or self.estate.hash != asked.estate.hash
        self.stale_after_s = asked.stale_after_s
        if asked.every_s is not None:
            self.every_s = asked.every_s
            self.due_at = now + timedelta(seconds=asked.every_s)
        known = set(asked.estate.sites)
        named = [name for name in dict.fromkeys(asked.sites) if name in known]
        for name in named:
            self._keep_details_of(name)
        if changed:
            return self._take_up(asked.estate, named, now)
        if asked.only_if_changed:
            return self._begun(now, "the estate is as it was evaluated last")
        joined = self.running
        self._begin(named or asked.estate.sites, now, first=bool(named))
        word = "joined the evaluation that runs" if joined else "begun"
        return self._begun(now, f"{word}: {len(self.todo) + len(self.in_work)} sites to evaluate")

    def proved(self, told: Proved, now: datetime) -> None:
        """A recovery has shown that plans work, and may have changed others."""
        for service, definition in told.services.items():
            others = [p for p in self.proofs.get(service, ()) if p.definition != definition]
            proof = Proof(definition=definition, at=told.at, how=told.how)
            self.proofs[service] = [*others, proof][-MOST_PROOFS:]
        known = self.estate.sites if self.estate else ()
        moved = [site for site in dict.fromkeys(told.moved) if site in known]
        if moved:
            self._begin(moved, now, first=True)

    def tick(self, now: datetime) -> bool:
        """Begin the evaluation that is due; whether one was."""
        if self.estate is None or self.due_at is None or now < self.due_at:
            return False
        assert self.every_s is not None
        self.due_at = now + timedelta(seconds=self.every_s)
        self._begin(self.estate.sites, now, first=False)
        return True

    def unschedule(self) -> None:
        """Evaluate only when somebody asks."""
        self.every_s = self.due_at = None

    # The work

    def take(self, most: int) -> list[str]:
        """The sites to evaluate next; they are in work from now on."""
        taken, self.todo = self.todo[:most], self.todo[most:]
        self.in_work += taken
        return taken

    def give_back(self, number: int, sites: Sequence[str]) -> None:
        """Sites that were taken, but not evaluated yet."""
        if number == self.number:
            self._left(sites)
            self.todo = [*sites, *(each for each in self.todo if each not in sites)]

    def judged(self, number: int, judged: Judged, made_from: dict[str, str], now: datetime) -> None:
        """A site's verdict; one of an evaluation that another has replaced is left aside."""
        site = judged.site.site
        if number != self.number:
            return
        self._left([site])
        self.sites[site] = judged.site
        self.made_from[site] = made_from
        if site in self.named:
            self.details[site] = judged.details
        if not self.running:
            self.ended_at = now

    # What is told

    def readiness(self, sites: Iterable[str] = (), *, brief: bool = False) -> EstateReadiness:
        """The verdicts on these sites, or on all; if brief, without telling the sites."""
        assert self.estate is not None
        asked = tuple(sites)
        wanted = asked or self.estate.sites
        found = [self._site(name) for name in wanted]
        found.sort(key=lambda site: WORST_FIRST.index(site.verdict))
        return EstateReadiness(
            estate=self.estate.name,
            estate_hash=self.estate.hash,
            verdict=worst(site.verdict for site in found),
            sentence=summary(found),
            sites=() if brief else tuple(found),
            details=self.details.get(asked[0]) if len(asked) == 1 else None,
            number=self.number,
            running=self.running,
            done=self.total - len(self.todo) - len(self.in_work),
            total=self.total,
            started_at=self.started_at,
            ended_at=self.ended_at,
            every_s=self.every_s,
            due_at=self.due_at,
            stale_after_s=self.stale_after_s,
        )

    def pack(self) -> str:
        """As text."""
        return squeeze(self.model_dump_json(exclude_defaults=True))

    @classmethod
    def unpack(cls, text: str) -> "Memory":
        """What `pack` made.

        Raises:
            ValueError: it was not.
        """
        return cls.model_validate_json(unsqueeze(text)) if text else cls()

    def _take_up(self, estate: PackedEstate, named: Sequence[str], now: datetime) -> Begun:
        replaced = self.estate is not None
        self.estate = estate
        known = set(estate.sites)
        self.sites = {name: each for name, each in self.sites.items() if name in known}
        self.made_from = {name: each for name, each in self.made_from.items() if name in known}
        self.todo, self.in_work = [], []
        self._begin(estate.sites, now, first=False)
        self.todo = [*named, *(each for each in self.todo if each not in named)]
        what = "the estate has changed" if replaced else "begun"
        return self._begun(now, f"{what}: all its {len(estate.sites)} sites are evaluated")

    def _begin(self, sites: Sequence[str], now: datetime, *, first: bool) -> None:
        if not self.running:
            self.number += 1
            self.total, self.started_at, self.ended_at = 0, now, None
        before = {*self.todo, *self.in_work}
        again = [name for name in sites if name not in self.in_work]
        self.total += sum(name not in before for name in sites)
        if first:
            self.todo = [*again, *(each for each in self.todo if each not in again)]
        else:
            self.todo += [name for name in again if name not in before]

    def _begun(self, now: datetime, sentence: str) -> Begun:
        return Begun(number=self.number, at=now, sentence=sentence)

    def _left(self, sites: Sequence[str]) -> None:
        self.in_work = [each for each in self.in_work if each not in sites]

    def _keep_details_of(self, site: str) -> None:
        self.named = [*(each for each in self.named if each != site), site][-MOST_DETAILS:]
        self.details = {name: each for name, each in self.details.items() if name in self.named}

    def _site(self, name: str) -> SiteReadiness:
        known = self.sites.get(name)
        if known is None:
            return SiteReadiness(
                site=name,
                verdict=Qualification.UNKNOWN,
                observed_at=NEVER,
                reasons=("it was not evaluated yet",),
            )
        return known.model_copy(update=self._verified(name))

    def _verified(self, site: str) -> dict[str, datetime]:
        made_from = self.made_from.get(site, {})
        known = [self.proofs.get(service, []) for service in made_from]
        if not all(known) or not known:
            return {}
        holding = [
            proof.at
            for proofs, definition in zip(known, made_from.values(), strict=True)
            for proof in proofs
            if proof.definition == definition
        ]
        if len(holding) == len(known):
            return {"verified_at": min(holding)}
        return {"changed_since": min(proofs[-1].at for proofs in known)}
