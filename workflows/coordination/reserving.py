"""Room and epochs for those who were admitted."""

from ..model.coordination import EpochClaim, Question, Reservation
from ..model.scalars import quantity_value
from .capacity import Shortage, shortage
from .memory import Memory
from .records import Holder, Sentence
from .wording import listed


def reserve(memory: Memory, question: Question, reservation: Reservation) -> list[Sentence]:
    """Book room and give an epoch, or leave what was booked before and say what is short."""
    holder = memory.holders.get(question.run)
    if holder is None or question.number < holder.reserved_number:
        return []
    lean = reservation.model_copy(update={"room": {}})
    if question.number == holder.reserved_number and holder.granted and lean == holder.asked:
        return []
    holder.reserved_number = question.number
    run, who = question.run, question.workflow_id
    sites = {booking.site: None for booking in reservation.bookings}
    beside = memory.booked.others(run, sites) if sites else ()
    came = memory.places.came_since(reservation.seen)
    if unreadable := _unreadable(reservation):
        holder.granted, holder.reserved_sentence = False, unreadable
        return [Sentence(f"{who} gets no room: {unreadable}")]
    short = shortage(reservation.bookings, (*beside, *came), reservation.room)
    if short is not None:
        holder.granted = False
        holder.reserved_sentence = short.sentence(_takers(memory, run, short, came_too=bool(came)))
        return [Sentence(f"{who} gets no room: {holder.reserved_sentence}")]
    services = [booking.service for booking in reservation.bookings]
    holder.granted, holder.asked = True, lean
    holder.bookings = reservation.bookings
    holder.epoch = memory.epochs.next(services, reservation.epoch_at_least)
    memory.book(holder)
    count, at = len(services), listed(list(sites))
    holder.reserved_sentence = (
        f"room for {count} services at {at} is {who}'s, under epoch {holder.epoch}"
        if count
        else f"{who} acts under epoch {holder.epoch} and needs no room"
    )
    return [Sentence(holder.reserved_sentence)]


def _unreadable(reservation: Reservation) -> str:
    rooms = [*reservation.room.values(), *(each.demand for each in reservation.bookings)]
    for quantities in rooms:
        for resource, quantity in quantities.items():
            try:
                quantity_value(quantity)
            except ValueError as error:
                return f"{resource}: {error}"
    return ""


def _takers(memory: Memory, run: str, short: Shortage, *, came_too: bool) -> str:
    names = [
        memory.holders[other].party.workflow_id
        for other in memory.booked.holders_at(short.site, but=run)
    ]
    if came_too:
        names.append("services that have come since the plan was made")
    return listed(names)


def claim(memory: Memory, question: Question, claimed: EpochClaim) -> list[Sentence]:
    """Give a greater epoch to services whose resources have met one."""
    holder = memory.holders.get(question.run)
    if holder is None or question.number < holder.reserved_number:
        return []
    if question.number == holder.reserved_number and holder.granted:
        return []
    holder.reserved_number, holder.granted = question.number, True
    holder.epoch = memory.epochs.next(claimed.services, claimed.at_least)
    holder.reserved_sentence = _claimed(holder, claimed)
    return [Sentence(holder.reserved_sentence)]


def _claimed(holder: Holder, claimed: EpochClaim) -> str:
    return (
        f"{holder.party.workflow_id} acts under epoch {holder.epoch}: it has met {claimed.at_least}"
        f" on resources of {listed(claimed.services)}"
    )
