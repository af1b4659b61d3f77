"""What people see of a coordinator: the document, and its page in Temporal's Web UI."""

from collections.abc import Iterator
from datetime import datetime

from ..model.coordination import Verdict
from ..model.estate_state import (
    BudgetState,
    CoolDownState,
    EstateState,
    FrozenState,
    HolderState,
    WaitingState,
)
from .memory import Memory
from .records import Holder, Waiting
from .wording import clock

MOST_SHOWN = 2_000
"""Of holders, of those who wait, of bookings: more would not fit into one answer."""
MOST_ROWS = 40
"""On the page, which is made anew at every turn."""


def state(memory: Memory, at: datetime) -> EstateState:
    """What the coordinator knows now."""
    holders = list(memory.holders.values())
    waiting = sorted(
        memory.waiting.values(), key=lambda each: (each.application.detected_at, each.arrived)
    )
    bookings = sum(len(each.bookings) for each in holders)
    booked = bookings <= MOST_SHOWN
    hidden = max(len(holders) - MOST_SHOWN, 0) + max(len(waiting) - MOST_SHOWN, 0)
    frozen = memory.frozen
    return EstateState(
        estate=memory.estate,
        at=at,
        frozen=FrozenState(**frozen.model_dump()) if frozen else None,
        holders=tuple(_holder(each, booked) for each in holders[:MOST_SHOWN]),
        waiting=tuple(_waiting(each) for each in waiting[:MOST_SHOWN]),
        budget=_budget(memory, at),
        cool_downs=tuple(
            CoolDownState(
                site=site,
                workflow_id=each.workflow_id,
                incident=each.incident,
                until=each.until,
            )
            for site, each in memory.cool_downs.running(at).items()
        ),
        epochs=len(memory.epochs.last),
        locations={service: each.site for service, each in memory.places.locations.items()},
        unfenced=tuple(memory.places.unfenced.values()),
        version=memory.places.version,
        log=tuple(memory.log),
        not_shown=hidden + (0 if booked else bookings),
    )


def _holder(holder: Holder, booked: bool) -> HolderState:
    asked = holder.application
    return HolderState(
        site=asked.site,
        workflow_id=holder.party.workflow_id,
        action=asked.action,
        mode=asked.mode,
        incident=holder.incident,
        since=holder.since,
        actor=asked.actor,
        epoch=holder.epoch,
        sentence=holder.reserved_sentence or holder.sentence,
        bookings=holder.bookings if booked else (),
    )


def _waiting(waiting: Waiting) -> WaitingState:
    asked = waiting.application
    # One that is not decided on yet waits for a look at another: a matter of a moment.
    decided = waiting.verdict is not None
    return WaitingState(
        site=asked.site,
        workflow_id=waiting.party.workflow_id,
        action=asked.action,
        mode=asked.mode,
        incident=waiting.incident,
        verdict=waiting.verdict or Verdict.QUEUED,
        sentence=waiting.sentence if decided else "it is being looked who is in the way",
        detected_at=asked.detected_at,
        until=waiting.until,
    )


def _budget(memory: Memory, at: datetime) -> BudgetState:
    budget, policy = memory.budget, memory.budget.policy
    extra = budget.extra if budget.allowance("", at) else None
    return BudgetState(
        sites=policy.sites if policy else None,
        window_s=policy.window.total_seconds() if policy else None,
        used=tuple(budget.used(policy.window, at)) if policy else (),
        stopped=memory.stopped,
        extra=extra.left if extra else 0,
        allowed_sites=tuple(site for site in budget.sites if budget.named(site, at)),
    )


def page(memory: Memory, at: datetime) -> str:
    """The coordinator as Markdown, for its page in Temporal's Web UI."""
    return "\n".join(_lines(memory, at))


def _lines(memory: Memory, at: datetime) -> Iterator[str]:
    frozen = memory.frozen
    if frozen:
        since = clock(frozen.since, at)
        yield f"**Frozen** since {since} by {frozen.actor}: {frozen.reason}\n"
    if memory.stopped:
        yield "**The budget is spent**: nothing unplanned is granted until a person allows it\n"
    yield f"{len(memory.holders)} run, {len(memory.waiting)} wait\n"
    if memory.holders:
        yield "| site | recovery | since | booked |\n|---|---|---|---|"
        for holder in list(memory.holders.values())[:MOST_ROWS]:
            asked, since = holder.application, clock(holder.since, at)
            booked = f"{len(holder.bookings)} services"
            yield f"| {asked.site} | {holder.party.workflow_id} | {since} | {booked} |"
    if memory.waiting:
        yield "\n| site | recovery | waits |\n|---|---|---|"
        for waiting in list(memory.waiting.values())[:MOST_ROWS]:
            asked = waiting.application
            yield f"| {asked.site} | {waiting.party.workflow_id} | {waiting.sentence} |"
    for entry in memory.log[-5:]:
        yield f"\n{clock(entry.at, at)} {entry.sentence}"
