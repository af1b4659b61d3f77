"""How the coordinator of an estate is told on the screen."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from ...workflows.model.estate_state import EstateState
from .console import printable
from .durations import allowed
from .tables import slim_table

_LAST_SENTENCES = 5
_MOST_NAMES = 20


def estate_lines(state: EstateState) -> Iterator[ConsoleRenderable]:
    """Whether the estate is frozen, what runs and waits, what is left alone, where services are."""
    if (frozen := state.frozen) is not None:
        yield Text(
            f"frozen since {_clock(frozen.since)} by {printable(frozen.actor)}:"
            f" {printable(frozen.reason)}",
            style="bold yellow",
        )
    running, waiting = len(state.holders), len(state.waiting)
    yield Text(f"{state.estate}: {running} running, {waiting} waiting", style="bold")
    yield from _budget(state)
    if state.holders or state.waiting:
        yield from (Text(), _asked(state), Text())
    for each in state.waiting:
        yield Text(f"{each.workflow_id}: {printable(each.sentence)}", style="yellow")
    for cool in state.cool_downs:
        until = _clock(cool.until)
        yield Text(f"{cool.site} is left alone until {until}, recovered by {cool.workflow_id}")
    away = ((site, service) for service, site in state.locations.items())
    for site, services in _by_site(away):
        yield Text(f"away from home, at {site}: {services}")
    for site, services in _by_site((fact.site, fact.service) for fact in state.unfenced):
        yield Text(f"not fenced, may still run at {site}: {services}", style="yellow")
    if state.not_shown:
        yield Text(f"and {state.not_shown} more, too many to be shown", style="dim")
    said = tuple(each.sentence for each in state.waiting)
    log = [entry for entry in state.log if not (said and entry.sentence.endswith(said))]
    for entry in log[-_LAST_SENTENCES:]:
        yield Text(f"{entry.at.astimezone():%H:%M:%S} {printable(entry.sentence)}", style="dim")
    if state.frozen is not None:
        thaw = f'  holdfast freeze off --estate {state.estate} --reason "…"'
        yield Text(thaw, style="bold", no_wrap=True)


def _budget(state: EstateState) -> Iterator[ConsoleRenderable]:
    budget = state.budget
    if budget.sites is None:
        return
    used = f"{len(budget.used)} of {budget.sites} lost sites in {allowed(budget.window_s)}"
    spent = "; it is spent: a person must allow the next one" if budget.stopped else ""
    yield Text(f"budget: {used} used{spent}", style="bold yellow" if budget.stopped else "dim")
    if budget.extra or budget.allowed_sites:
        more = [f"{budget.extra} more"] if budget.extra else []
        yield Text(f"allowed beyond it: {', '.join([*more, *budget.allowed_sites])}", style="dim")


def _asked(state: EstateState) -> Table:
    table = slim_table()
    table.add_column("site", overflow="fold")
    table.add_column("is", overflow="fold")
    table.add_column("asked by", overflow="fold")
    table.add_column("since", no_wrap=True)
    for holder in state.holders:
        what = f"{holder.action.replace('_', ' ')}, {holder.mode}"
        table.add_row(
            holder.site, f"running: {what}", printable(holder.actor), _clock(holder.since)
        )
    for each in state.waiting:
        table.add_row(each.site, f"{each.verdict}", "", _clock(each.detected_at))
    return table


def _by_site(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    services: dict[str, list[str]] = {}
    for site, service in pairs:
        services.setdefault(site, []).append(service)
    for site, names in services.items():
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        yield site, printable(", ".join(names[:_MOST_NAMES]) + more)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
