"""A running recovery on the screen: bars on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...workflows.model.recovery import (
    Phase,
    RecoveryStatus,
    ServiceOutcome,
    ServiceReport,
    StepReport,
    StepState,
)
from .console import complain, printable
from .durations import allowed, taken
from .following import NewSentences

PASSED = frozenset({StepState.APPLIED, StepState.SKIPPED})
_BAR_WIDTH = 18
_FRAMES_PER_SECOND = 8
_MARGIN_ROWS = 6
"""Rows of a small terminal that are not services."""
_STYLES = {
    ServiceOutcome.RECOVERED: "green",
    ServiceOutcome.RECOVERING: "cyan",
    ServiceOutcome.HELD: "bold yellow",
    ServiceOutcome.ROLLING_BACK: "yellow",
    ServiceOutcome.ROLLED_BACK: "yellow",
    ServiceOutcome.RESIDUE: "bold red",
}
_SETTLED = frozenset({ServiceOutcome.RECOVERED, ServiceOutcome.ROLLED_BACK, ServiceOutcome.WAITING})


class SilentView:
    """Shows nothing but notices, on stderr: stdout is for one JSON object."""

    def show(self, status: RecoveryStatus) -> None:
        """Show nothing."""

    def notice(self, sentence: str) -> None:
        """Say it on stderr."""
        complain(sentence)


class PlainView(SilentView):
    """One line per sentence of the recovery's log."""

    def __init__(self) -> None:
        self._new = NewSentences()

    def show(self, status: RecoveryStatus) -> None:
        """Print the sentences that are new."""
        for entry in self._new.of(status):
            print(f"{entry.at.astimezone():%H:%M:%S} {printable(entry.sentence)}", flush=True)


class LiveView:
    """A bar per service, redrawn in place; gone when left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: RecoveryStatus | None = None
        self._live = Live(
            get_renderable=self._picture,
            console=console,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, status: RecoveryStatus) -> None:
        """Draw this from now on."""
        self._status = status

    def notice(self, sentence: str) -> None:
        """Print it above the bars."""
        self._console.print(Text(f"! {printable(sentence)}", style="yellow"))

    def _picture(self) -> ConsoleRenderable:
        if self._status is None:
            return Text("waiting for a worker to take it", style="dim")
        return picture(self._status, rows=max(3, self._console.height - _MARGIN_ROWS))


def picture(status: RecoveryStatus, *, rows: int) -> ConsoleRenderable:
    """The recovery as it stands, with a bar for each of at most `rows` services."""
    done = sum(step.state in PASSED for step in status.steps)
    heading = Text()
    heading.append(status.site, style="bold")
    heading.append(f" · {status.phase.replace('_', ' ')} · {taken(_elapsed(status))}")
    if status.steps:
        heading.append(f" · {done} of {len(status.steps)} steps", style="dim")
    shown = _most_telling(status.services, rows)
    parts: list[ConsoleRenderable] = [heading, _bars(status, shown)]
    if hidden := len(status.services) - len(shown):
        parts.append(Text(f"and {hidden} more services", style="dim"))
    sentence = Text(printable(status.sentence), style="dim", no_wrap=True, overflow="ellipsis")
    return Group(*parts, sentence)


def is_terminal() -> bool:
    """Whether stdout is a terminal on which something can be redrawn."""
    return sys.stdout.isatty() and not Console().is_dumb_terminal


def _bars(status: RecoveryStatus, services: Iterable[ServiceReport]) -> Table:
    steps: dict[str, list[StepReport]] = {}
    for step in status.steps:
        steps.setdefault(step.service, []).append(step)
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column(width=_BAR_WIDTH)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    undoing = status.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    for service in services:
        of = steps.get(service.name, [])
        done = sum(step.state in PASSED for step in of)
        style = _STYLES.get(service.outcome, "dim")
        table.add_row(
            printable(service.name),
            ProgressBar(
                total=max(1, len(of)),
                completed=done,
                width=_BAR_WIDTH,
                complete_style="yellow" if undoing else "cyan",
                finished_style="yellow" if undoing else "green",
            ),
            f"{done}/{len(of)}",
            Text(service.outcome.replace("_", " "), style=style),
            Text(_against_objective(status, service), style="dim"),
        )
    return table


def _against_objective(status: RecoveryStatus, service: ServiceReport) -> str:
    spent = service.actual_recovery_time_s
    if spent is None:
        spent = _elapsed(status)
    return taken(spent) + (f" of {allowed(service.rto_s)}" if service.rto_s is not None else "")


def _elapsed(status: RecoveryStatus) -> float:
    until = status.ended_at or datetime.now(UTC)
    # The clocks of this machine and of the worker may differ a little.
    return max(0.0, (until - status.started_at).total_seconds())


def _most_telling(services: tuple[ServiceReport, ...], rows: int) -> list[ServiceReport]:
    if len(services) <= rows:
        return list(services)
    moving = [service for service in services if service.outcome not in _SETTLED]
    return (moving + [service for service in services if service not in moving])[:rows]
