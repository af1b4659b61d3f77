"""Makes the answer that is due, from what is known at the moment it is sent."""

from collections.abc import Sequence

from ..model.coordination import (
    Admission,
    Application,
    CoordinatorSays,
    Known,
    Released,
    Reserved,
    Verdict,
)
from .memory import Memory
from .records import Due, DueKind

NOT_ADMITTED = "this coordinator knows of no admission of this recovery; it must apply again"
GIVEN_BACK = "this recovery has given its site back; a new one must be started"


def answer(memory: Memory, due: Due) -> CoordinatorSays | None:
    """The answer; None if there is none yet, or another one has taken its place."""
    made: Admission | Reserved | Released | Known | None
    match due.kind:
        case DueKind.ADMISSION:
            made = _admission(memory, due)
        case DueKind.RESERVED:
            made = _reserved(memory, due)
        case DueKind.RELEASED:
            made = Released(number=due.number)
        case DueKind.LOOKED:
            made = Known(number=due.number, facts=memory.facts(due.party.run, due.concerns))
    return CoordinatorSays(answer=made) if made is not None else None


def _admission(memory: Memory, due: Due) -> Admission | None:
    run = due.party.run
    if (holder := memory.holders.get(run)) is not None:
        return Admission(
            number=due.number,
            verdict=Verdict.GRANTED,
            sentence=holder.sentence,
            incident=holder.incident,
            facts=memory.facts(run, _concerns(holder.application)),
        )
    if (waiting := memory.waiting.get(run)) is not None:
        if waiting.verdict is None:
            return None
        return Admission(
            number=due.number,
            verdict=waiting.verdict,
            sentence=waiting.sentence,
            incident=waiting.incident,
            waits_for=waiting.waits_for,
            until=waiting.until,
        )
    if (refused := memory.refused.get(run)) is not None:
        return Admission(
            number=due.number,
            verdict=Verdict.REFUSED,
            sentence=refused.sentence,
            incident=refused.incident,
            waits_for=refused.waits_for,
        )
    if run in memory.released:
        return Admission(number=due.number, verdict=Verdict.REFUSED, sentence=GIVEN_BACK)
    return None


def _reserved(memory: Memory, due: Due) -> Reserved | None:
    holder = memory.holders.get(due.party.run)
    if holder is None:
        return Reserved(number=due.number, granted=False, sentence=NOT_ADMITTED, admitted=False)
    if holder.reserved_number != due.number:
        return None
    if holder.granted:
        return Reserved(
            number=due.number,
            granted=True,
            sentence=holder.reserved_sentence,
            epoch=holder.epoch,
        )
    return Reserved(
        number=due.number,
        granted=False,
        sentence=holder.reserved_sentence,
        facts=memory.facts(due.party.run, _concerns(holder.application)),
    )


def _concerns(application: Application) -> Sequence[str]:
    if not application.concerns:
        return ()
    return (application.site, *application.also, *application.concerns)
