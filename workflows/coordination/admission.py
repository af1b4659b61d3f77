"""Whether a recovery may begin: the rules, in the order in which they are asked.

What is final comes first: whoever would be refused need not wait to hear it.
"""

from dataclasses import dataclass
from datetime import datetime

from ..model.coordination import Verdict
from ..model.policy import BudgetPolicy
from ..model.recovery import Action, Mode
from ..model.scalars import format_duration
from .memory import Memory
from .records import Applicant, Holder, Waiting
from .wording import clock, listed

_DOES = {
    Action.RECOVER: "recovered",
    Action.FAIL_BACK: "failed back",
    Action.DRILL: "drilled",
}


@dataclass(frozen=True)
class Ruling:
    """What becomes of one application now, and why."""

    verdict: Verdict
    sentence: str
    waits_for: str = ""
    until: datetime | None = None
    blocker: str = ""
    """The run that is in the way."""
    over_budget: str = ""
    beyond_budget: bool = False
    """Granted by a person's allowance."""
    incident: str = ""
    """That of the recovery which does the work, where this one is not needed."""


def ruling(memory: Memory, me: Waiting, at: datetime) -> Ruling:
    """Decide on an application as things are now."""
    if me.application.mode is Mode.DRY_RUN:
        return Ruling(Verdict.REFUSED, "a dry run changes nothing and needs no admission")
    return (
        _joined(memory, me)
        or _left_alone(memory, me, at)
        or _behind(memory, me)
        or _regained(me)
        or _frozen(memory)
        or _held_down(me, at)
        or _budgeted(memory, me, at)
        or Ruling(Verdict.GRANTED, _granted(me))
    )


def _joined(memory: Memory, me: Waiting) -> Ruling | None:
    """One recovery for each site and incident."""
    site = me.application.site
    for other in memory.applicants_at(site):
        if other.party.run == me.party.run or not _same_work(me, other):
            continue
        who = other.party.workflow_id
        of = f" (incident {other.incident})" if other.incident else ""
        if isinstance(other, Holder):
            does = "rehearsed" if other.rehearsal else _DOES[other.application.action]
            sentence = f"{site} is already being {does} by {who}{of}: that one does the work"
        elif isinstance(other, Waiting) and other.verdict is not None:
            sentence = f"{who} already waits to begin at {site}{of}: that one does the work"
        else:
            continue
        return Ruling(
            Verdict.REFUSED, sentence, who, blocker=other.party.run, incident=other.incident
        )
    return None


def _same_work(me: Applicant, other: Applicant) -> bool:
    mine, theirs = me.application, other.application
    if me.rehearsal != other.rehearsal or mine.action is not theirs.action:
        return False
    known = mine.incident and other.incident
    return mine.action is Action.RECOVER or not known or mine.incident == other.incident


def _left_alone(memory: Memory, me: Waiting, at: datetime) -> Ruling | None:
    asked = me.application
    if not me.emergency or asked.regains or memory.budget.named(asked.site, at):
        return None
    objection = memory.cool_downs.objection(memory.estate, asked.site, asked.incident, at)
    return Ruling(Verdict.REFUSED, objection, "the cool-down") if objection else None


def _behind(memory: Memory, me: Waiting) -> Ruling | None:
    """Who holds the site, or a site that both touch."""
    asked = me.application
    for other in memory.applicants_at(asked.site):
        if isinstance(other, Holder) and other.rehearsal == me.rehearsal:
            does = "rehearsed" if other.rehearsal else _DOES[other.application.action]
            who = other.party.workflow_id
            return _queued(other, f"waits until {who} ends: {asked.site} is being {does}")
    if me.rehearsal:
        return None
    if asked.action is Action.FAIL_BACK:
        return _away_is_lost(memory, me)
    for other in memory.holders_touching(asked.site):
        who, home = other.party.workflow_id, other.application.site
        return _queued(
            other,
            f"waits until {who} ends: services are on their way home from {asked.site} to {home};"
            f" `holdfast roll-back {who} --reason ...` stops it",
        )
    return None


def _away_is_lost(memory: Memory, me: Waiting) -> Ruling | None:
    """A way home waits while a site from which it comes is being recovered."""
    recovering = [
        other
        for site in me.application.also
        for other in memory.applicants_at(site)
        if isinstance(other, Holder)
        and not other.rehearsal
        and other.application.action is Action.RECOVER
    ]
    touched = memory.touched(me) if recovering else ()
    for other in recovering:
        if (site := other.application.site) in touched:
            home, who = me.application.site, other.party.workflow_id
            return _queued(
                other,
                f"waits until {who} ends: {site}, from where services may come home to {home},"
                " is being recovered",
            )
    return None


def _queued(other: Holder, sentence: str) -> Ruling:
    who = other.party.workflow_id
    return Ruling(Verdict.QUEUED, sentence, who, blocker=other.party.run)


def _regained(me: Waiting) -> Ruling | None:
    if not me.application.regains:
        return None
    site, who = me.application.site, me.party.workflow_id
    return Ruling(
        Verdict.GRANTED,
        f"{who} has had {site} before its coordinator lost its memory, and keeps it",
    )


def _frozen(memory: Memory) -> Ruling | None:
    frozen = memory.frozen
    if frozen is None:
        return None
    return Ruling(
        Verdict.HELD,
        f"{memory.estate} is frozen since {frozen.since:%Y-%m-%d %H:%M:%S} UTC by {frozen.actor}:"
        f" {frozen.reason}; `holdfast freeze off --estate {memory.estate} --reason ...` lifts it",
        frozen.actor,
    )


def _held_down(me: Waiting, at: datetime) -> Ruling | None:
    asked = me.application
    if not me.emergency or not asked.holddown:
        return None
    begins = min(asked.detected_at, me.arrived_at) + asked.holddown
    if begins <= at:
        return None
    return Ruling(
        Verdict.QUEUED,
        f"waits until {clock(begins, at)}: a loss of {asked.site} must last for"
        f" {format_duration(asked.holddown)} (hold-down)",
        "the hold-down",
        until=begins,
    )


def _budgeted(memory: Memory, me: Waiting, at: datetime) -> Ruling | None:
    policy, site, budget = me.application.budget, me.application.site, memory.budget
    if not me.emergency or policy is None:
        return None
    if not (me.over_budget or memory.stopped) and budget.leaves(policy, site, at):
        return None
    allowance = budget.allowance(site, at)
    if allowance is None:
        sentence = me.over_budget or _over(memory, site, policy, at)
        return Ruling(Verdict.HELD, sentence, "a person", over_budget=sentence)
    return Ruling(
        Verdict.GRANTED,
        f"{_granted(me)}: beyond the budget, allowed by {allowance.actor}: {allowance.reason}",
        beyond_budget=True,
    )


def _over(memory: Memory, site: str, policy: BudgetPolicy, at: datetime) -> str:
    used = memory.budget.used(policy.window, at, but=site)
    window = format_duration(policy.window)
    because = (
        f"the budget is {policy.sites} lost sites in {window} and {listed(used)} were granted"
        if len(used) >= policy.sites
        else f"the budget of {policy.sites} lost sites in {window} was spent and others wait for it"
    )
    return (
        f"{because}; only a person lets {site} go on:"
        f" `holdfast allow --estate {memory.estate} --site {site} --reason ...`"
    )


def _granted(me: Waiting) -> str:
    asked = me.application
    of = f" (incident {me.incident})" if me.incident else ""
    how = "rehearse" if me.rehearsal else asked.action.replace("_", " ")
    return f"{me.party.workflow_id} may {how} {asked.site}{of}"
