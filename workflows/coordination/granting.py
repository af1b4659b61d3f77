"""What changes when an application is granted or refused."""

from datetime import datetime

from .admission import Ruling
from .memory import Memory
from .records import Holder, Refused, Sentence, Waiting


def grant(memory: Memory, me: Waiting, ruled: Ruling, at: datetime) -> Sentence:
    """The site belongs to this run from now on."""
    holder = Holder(
        party=me.party,
        number=me.number,
        application=me.application,
        incident=me.incident,
        arrived=me.arrived,
        arrived_at=me.arrived_at,
        looked_at=at,
        since=at,
        sentence=ruled.sentence,
        touches=memory.touched(me),
    )
    memory.hold(holder)
    holder.seen = memory.places.version
    if me.emergency:
        memory.budget.policy = me.application.budget or memory.budget.policy
        memory.budget.grant(me.application.site, at, beyond=ruled.beyond_budget)
    asked = me.application
    return Sentence(f"{ruled.sentence}; asked for by {asked.actor}: {asked.reason}", asked.actor)


def refuse(memory: Memory, me: Waiting, ruled: Ruling, at: datetime) -> Sentence:
    """This run must not begin. It hears the same if it asks again."""
    memory.drop(me.party.run)
    memory.refused[me.party.run] = Refused(
        at=at, sentence=ruled.sentence, incident=ruled.incident, waits_for=ruled.waits_for
    )
    return Sentence(f"{me.party.workflow_id} is refused: {ruled.sentence}", me.application.actor)
