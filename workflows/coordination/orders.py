"""What people may ask of a coordinator: refused with a reason, or obeyed with a sentence."""

from datetime import datetime

from ..model.recovery import Intervention
from ..model.scalars import format_duration
from .budget import ALLOWED_FOR
from .memory import Memory
from .records import Allowed, Freeze, Frozen, Order, Sentence, Thaw
from .wording import clock


def refusal(memory: Memory, order: Order) -> str | None:
    """Why an order cannot be met now, if that is so."""
    frozen = memory.frozen
    if isinstance(order, Freeze) and frozen is not None:
        return (
            f"{memory.estate} is frozen already, since {frozen.since:%Y-%m-%d %H:%M:%S} UTC by"
            f" {frozen.actor}: {frozen.reason}"
        )
    if isinstance(order, Thaw) and frozen is None:
        return f"{memory.estate} is not frozen"
    return None


def obey(memory: Memory, order: Order, at: datetime) -> Sentence:
    """Do what a person asks, even if it is so already; who waits is decided on afterwards."""
    match order:
        case Freeze(asked):
            return _freeze(memory, asked, at)
        case Thaw(asked):
            memory.frozen = None
            return Sentence(f"{asked.actor} lifts the freeze: {asked.reason}", asked.actor)
        case Allowed(asked):
            memory.budget.allow(asked, at)
            until = clock(at + ALLOWED_FOR, at)
            what = (
                f"{asked.site} past the budget and its cool-down"
                if asked.site is not None
                else f"{asked.sites} more lost sites than the budget"
            )
            return Sentence(
                f"{asked.actor} allows {what}, for {format_duration(ALLOWED_FOR)} (until {until}):"
                f" {asked.reason}",
                asked.actor,
            )


def _freeze(memory: Memory, asked: Intervention, at: datetime) -> Sentence:
    memory.frozen = Frozen(actor=asked.actor, reason=asked.reason, since=at)
    run = len(memory.holders)
    goes_on = f"{run} recoveries that run go on" if run != 1 else "1 recovery that runs goes on"
    return Sentence(
        f"{asked.actor} freezes {memory.estate}: {asked.reason}; nothing new is granted, {goes_on}",
        asked.actor,
    )
