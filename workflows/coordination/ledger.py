"""The coordinator of one estate: who may begin, with which room, under which epoch.

Pure: `decide` takes what has happened and the time, changes the memory, and returns which answers
are due and why. An answer is made by `answer` when it is sent.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..model.coordination import (
    Application,
    EpochClaim,
    Look,
    Question,
    Release,
    Reservation,
    StandbyReached,
    Verdict,
)
from ..model.estate_state import Party
from ..model.recovery import LogEntry
from ..model.scalars import LONGEST_DURATION
from .admission import ruling
from .endings import ended, released
from .granting import grant, refuse
from .memory import Memory
from .orders import obey
from .records import (
    Allowed,
    Asked,
    Decision,
    Due,
    DueKind,
    Event,
    Freeze,
    LookedAfter,
    Sentence,
    Thaw,
    Untold,
    Waiting,
)
from .reserving import claim, reserve
from .wording import listed

FRESH = timedelta(seconds=5)
"""How long it counts that a run was seen running: nobody looks again for somebody it hinders."""
MOST_SENTENCES = 200
REMEMBERED = timedelta(hours=1)
"""How long the answer to a run that has ended, or was refused, is kept for its asking again."""


class EstateLedger:
    """Takes events, one after another; what it knows is in its memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._sentences: list[Sentence] = []
        self._dues: dict[tuple[str, DueKind], Due] = {}
        self._looks: dict[str, None] = {}

    def handle(self, event: Event, at: datetime) -> Decision:
        """Take one event."""
        return self.decide((event,), at)

    def decide(self, events: Sequence[Event], at: datetime) -> Decision:
        """Take what came together, then decide anew on everybody who waits.

        They are decided on in the order of their detection, then of their arrival.
        """
        self._sentences, self._dues, self._looks = [], {}, {}
        for event in events:
            self._take(event, at)
        self._forget(at)
        self._settle(at)
        entries = [
            LogEntry(at=at, sentence=each.text, actor=each.actor)
            for each in self._sentences[-MOST_SENTENCES:]
        ]
        self.memory.log = [*self.memory.log, *entries][-MOST_SENTENCES:]
        looks = [each.party for run in self._looks if (each := self.memory.applicant(run))]
        return Decision(tuple(self._sentences), tuple(self._dues.values()), tuple(looks))

    def wakes_at(self) -> datetime | None:
        """When time alone changes something."""
        untils = [each.until for each in self.memory.waiting.values() if each.until]
        return min(untils, default=None)

    # Events

    def _take(self, event: Event, at: datetime) -> None:
        match event:
            case Asked(question):
                self._asked(question, at)
            case Freeze() | Thaw() | Allowed():
                self._say(obey(self.memory, event, at))
            case LookedAfter(runs, closed):
                self._looked_after(runs, closed, at)
            case Untold(run):
                self._look(run)
            case _:
                pass

    def _asked(self, question: Question, at: datetime) -> None:
        known = self.memory.applicant(question.run)
        if known is not None and known.party.run_id != question.run_id:
            # It was reset: it asks from there on anew, and wants to be answered there.
            known.party = known.party.model_copy(update={"run_id": question.run_id})
            if holder := self.memory.holders.get(question.run):
                holder.reserved_number = 0
        match question.ask:
            case Application() as application:
                self._applied(question, application, at)
                self._owe(question, DueKind.ADMISSION)
            case Reservation() as reservation:
                sentences = reserve(self.memory, question, reservation)
                self._say(*sentences)
                self._owe(question, DueKind.RESERVED)
            case EpochClaim() as claimed:
                self._say(*claim(self.memory, question, claimed))
                self._owe(question, DueKind.RESERVED)
            case Release() as release:
                self._say(*released(self.memory, question, release, at))
                self._owe(question, DueKind.RELEASED)
            case StandbyReached() as reached:
                self._say(*self._stood_by(question, reached))
                self._owe(question, DueKind.RELEASED)
            case Look(concerns=concerns):
                self._owe(question, DueKind.LOOKED, concerns)

    def _applied(self, question: Question, application: Application, at: datetime) -> None:
        memory = self.memory
        if (known := memory.applicant(question.run)) is not None:
            known.number = question.number
            return
        if question.run in memory.refused or question.run in memory.released:
            return
        application = _bounded(application)
        memory.applications += 1
        memory.wait(
            Waiting(
                party=_party(question),
                number=question.number,
                application=application,
                incident=application.incident or application.regains,
                arrived=memory.applications,
                arrived_at=at,
                looked_at=at,
            )
        )

    def _stood_by(self, question: Question, reached: StandbyReached) -> list[Sentence]:
        fenced = self.memory.places.fenced(reached.services, reached.site)
        if not fenced:
            return []
        who, names = question.workflow_id, listed(fenced)
        return [Sentence(f"{reached.site} is back and on standby: {who} has fenced {names} there")]

    def _looked_after(self, runs: Sequence[str], closed: Sequence[str], at: datetime) -> None:
        gone = frozenset(closed)
        for run in runs:
            applicant = self.memory.applicant(run)
            if applicant is None:
                continue
            applicant.looking, applicant.looked_at = False, at
            if run in gone:
                self._say(ended(self.memory, applicant))

    # Those who wait

    def _settle(self, at: datetime) -> None:
        waiting = list(self.memory.waiting.values())
        waiting.sort(key=lambda each: (each.application.detected_at, each.arrived))
        for each in waiting:
            self._rule(each, at)

    def _rule(self, me: Waiting, at: datetime) -> None:
        memory, site = self.memory, me.application.site
        numbered = me.incident or me.rehearsal
        if not numbered:
            me.incident = f"{site}-{memory.incidents.get(site, 0) + 1}"
        ruled = ruling(memory, me, at)
        if self._doubts(ruled.blocker, me, ruled.verdict, at):
            me.incident = me.incident if numbered else ""
            return
        if ruled.verdict is Verdict.REFUSED:
            self._say(refuse(memory, me, ruled, at))
        else:
            if not numbered:
                memory.incidents[site] = memory.incidents.get(site, 0) + 1
            if ruled.over_budget:
                memory.stop(me, ruled.over_budget)
            if ruled.verdict is Verdict.GRANTED:
                self._say(grant(memory, me, ruled, at))
            elif (ruled.verdict, ruled.sentence, ruled.until) == (
                me.verdict,
                me.sentence,
                me.until,
            ):
                return
            else:
                me.verdict, me.sentence, me.until = ruled.verdict, ruled.sentence, ruled.until
                me.waits_for = ruled.waits_for
                who = me.party.workflow_id
                self._say(Sentence(f"{who} ({site}): {ruled.sentence}"))
        self._owe_admission(me)

    def _doubts(self, blocker: str, me: Waiting, verdict: Verdict, at: datetime) -> bool:
        """Whether it must first be looked if the run in the way still runs."""
        other = self.memory.applicant(blocker) if blocker else None
        if other is None or other.looked_at + FRESH > at:
            return False
        if verdict is Verdict.QUEUED and me.verdict is not None:
            return False
        self._look(blocker)
        return True

    def _look(self, run: str) -> None:
        applicant = self.memory.applicant(run)
        if applicant is not None and not applicant.looking:
            applicant.looking = True
            self._looks[run] = None

    def look_after(self, at: datetime, every: timedelta, most: int) -> Decision:
        """Those not looked after for so long, at most so many: first the longest."""
        memory = self.memory
        unseen = [
            each
            for each in (*memory.holders.values(), *memory.waiting.values())
            if not each.looking and each.looked_at + every <= at
        ]
        unseen.sort(key=lambda each: (each.looked_at, each.arrived))
        for each in unseen[:most]:
            each.looking = True
        return Decision(looks=tuple(each.party for each in unseen[:most]))

    # What is told

    def _owe(self, question: Question, kind: DueKind, concerns: tuple[str, ...] = ()) -> None:
        self._dues[question.run, kind] = Due(
            party=_party(question), kind=kind, number=question.number, concerns=concerns
        )

    def _owe_admission(self, me: Waiting) -> None:
        due = Due(party=me.party, kind=DueKind.ADMISSION, number=me.number)
        self._dues[me.party.run, DueKind.ADMISSION] = due

    def _say(self, *sentences: Sentence) -> None:
        self._sentences += sentences

    def _forget(self, at: datetime) -> None:
        memory = self.memory
        if memory.forgot_at is not None and at - memory.forgot_at < timedelta(minutes=1):
            return
        memory.forgot_at = at
        past = at - REMEMBERED
        memory.refused = {run: each for run, each in memory.refused.items() if each.at > past}
        memory.released = {run: when for run, when in memory.released.items() if when > past}
        memory.budget.forget(at)
        memory.cool_downs.forget(at)


def _bounded(application: Application) -> Application:
    """An application with which one can calculate, whoever made it."""
    detected = application.detected_at
    return application.model_copy(
        update={
            "detected_at": detected if detected.tzinfo else detected.replace(tzinfo=UTC),
            "cooldown": application.cooldown and min(application.cooldown, LONGEST_DURATION),
            "holddown": application.holddown and min(application.holddown, LONGEST_DURATION),
        }
    )


def _party(question: Question) -> Party:
    return Party(workflow_id=question.workflow_id, run_id=question.run_id, run=question.run)
