"""What is left of a run that has ended: with a word, or without one."""

from datetime import datetime

from ..model.coordination import Question, Release
from ..model.recovery import Outcome
from .cool_downs import Recovered
from .memory import Memory
from .records import Applicant, Holder, Sentence


def released(memory: Memory, question: Question, release: Release, at: datetime) -> list[Sentence]:
    """A run gives back what it has, and says where its services are now."""
    run, who = question.run, question.workflow_id
    # A run that was reset ends again, and says then where its services are by now.
    once = f"{run} in {question.run_id}"
    if once in memory.released:
        return []
    memory.released[run] = memory.released[once] = at
    known = memory.applicant(run)
    bookings = known.bookings if isinstance(known, Holder) else ()
    memory.drop(run)
    memory.places.release(release, bookings)
    _forget_arrivals(memory)
    if memory.refused.pop(run, None) is not None and not release.moved:
        return []
    moved = f"; {len(release.moved)} services are elsewhere now" if release.moved else ""
    if known is None:
        return [Sentence(f"{who} has ended, {release.outcome}, and held nothing{moved}")]
    site, cools = known.application.site, ""
    if known.emergency and release.acted and release.outcome == Outcome.RECOVERED:
        cooldown = known.application.cooldown
        recovered = Recovered(at=at, workflow_id=who, incident=known.incident, cooldown=cooldown)
        cools = memory.cool_downs.begin(site, recovered)
    if isinstance(known, Holder) and not release.acted:
        # What was refused and changed nothing is no site that was recovered.
        memory.budget.give_back(site, known.since)
    if not isinstance(known, Holder):
        return [Sentence(f"{who} waits for {site} no more: {release.outcome}")]
    return [Sentence(f"{who} gives {site} back: {release.outcome}{moved}{cools}")]


def ended(memory: Memory, applicant: Applicant) -> Sentence:
    """The workflow of a run has ended without a word: what it has ends with it."""
    who, site = applicant.party.workflow_id, applicant.application.site
    booked = len(applicant.bookings) if isinstance(applicant, Holder) else 0
    memory.drop(applicant.party.run)
    _forget_arrivals(memory)
    if not isinstance(applicant, Holder):
        return Sentence(f"{who} waits for {site} no more: its workflow has ended")
    room = f" and its room for {booked} services are" if booked else " is"
    return Sentence(
        f"{who} has ended without giving {site} back: the site{room} free; what it had moved is"
        " not known, look at its history"
    )


def _forget_arrivals(memory: Memory) -> None:
    oldest = min((each.seen for each in memory.holders.values()), default=memory.places.version)
    memory.places.forget_arrivals(oldest)
