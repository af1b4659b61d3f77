"""How a recovery, or the plan of one, is told on the screen when it stands still."""

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import groupby

from rich import box
from rich.console import Console, ConsoleRenderable
from rich.table import Table
from rich.text import Text

from ...workflows.model.consent import ApprovalState
from ...workflows.model.recovery import (
    ConditionType,
    Outcome,
    Phase,
    RecoveryStatus,
    Residue,
    ServiceOutcome,
    StepState,
)
from .console import printable
from .durations import allowed, taken

_OUTCOME_STYLES = {
    Outcome.RECOVERED: "bold green",
    Outcome.ASSESSED: "bold green",
    Outcome.ROLLED_BACK: "bold yellow",
    Outcome.HELD: "bold yellow",
    Outcome.ROLLED_BACK_WITH_RESIDUE: "bold red",
}
_TOLD_STATES = frozenset(
    {StepState.FAILED, StepState.HELD, StepState.RESIDUE, StepState.UNKNOWN, StepState.SKIPPED}
)
_AHEAD = frozenset({Phase.WAITING, Phase.ASSESSING, Phase.APPROVING, Phase.RECOVERING})
"""Phases in which a prediction is of use."""
_LAST_SENTENCES = 5


def terminal() -> Console:
    """Where tables go: stdout, with nothing coloured but what we colour."""
    return Console(highlight=False, markup=False, emoji=False)


def show(lines: Iterable[ConsoleRenderable]) -> None:
    """Print to stdout; what must not be broken into lines is left to the terminal."""
    screen = terminal()
    for line in lines:
        screen.print(line, soft_wrap=isinstance(line, Text) and bool(line.no_wrap))


def headline(status: RecoveryStatus) -> Text:
    """The outcome, or the phase, in one line."""
    if status.phase is Phase.COMMIT_WINDOW:
        return _commit_window(status)
    outcome = status.outcome
    word = (outcome or status.phase).replace("_", " ")
    text = Text()
    if status.test_passed is not None and outcome is Outcome.ROLLED_BACK:
        return _tested(status)
    if untouched(status):
        # To whom nothing was done, nothing was taken back.
        asked = status.approval
        agreed = asked is None or asked.state is ApprovalState.APPROVED
        sentence = status.sentence if asked is None or agreed else asked.sentence
        return text.append(printable(sentence), style="bold yellow")
    text.append(word, style=_OUTCOME_STYLES.get(outcome, "bold cyan") if outcome else "bold cyan")
    if outcome is None:
        return text
    if outcome is Outcome.HELD and status.phase is Phase.WAITING:
        return text.append(f": {printable(status.sentence)}")
    if outcome is Outcome.HELD and status.phase is Phase.APPROVING and status.approval:
        return text.append(f": it waits for {printable(status.approval.sentence)}")
    if outcome is Outcome.HELD:
        return text.append(f": it waits for {printable(status.waits_for)}")
    # The sentence of a good end says the word again.
    sentence = printable(status.sentence)
    said = sentence.startswith(f"{word} ")
    return text.append(sentence.removeprefix(word) if said else f": {sentence}")


def _commit_window(status: RecoveryStatus) -> Text:
    back = sum(service.outcome is ServiceOutcome.RECOVERED for service in status.services)
    count = f"{back} service{'s' * (back != 1)}"
    text = Text().append("recovered", style="bold green").append(f" {count} of {status.site}")
    if status.left_out:
        text.append(
            f", not {', '.join(left.service for left in status.left_out)}", style="bold red"
        )
    if status.commit is not None:
        keeps = status.commit.on_timeout == "commit"
        text.append(
            f"\nthe way back is kept until {status.commit.until.astimezone(UTC):%H:%M:%S} UTC;"
            f" then it is {'given up' if keeps else 'taken'}, unless a person decides before"
        )
    return text


def _tested(status: RecoveryStatus) -> Text:
    good = status.test_passed
    style = "bold green" if good else "bold red"
    text = Text().append(f"the test {'passed' if good else 'failed'}", style=style)
    return text.append(": the isolated copies are gone again, and no traffic was changed")


def untouched(status: RecoveryStatus) -> bool:
    """It was refused, or stopped, before it changed anything."""
    return status.phase is Phase.ROLLED_BACK and not any(step.started_at for step in status.steps)


def services_table(status: RecoveryStatus) -> Table:
    """The services: where from, where to, what became of each, how long it took."""
    table = slim_table()
    table.add_column("service", overflow="fold")
    table.add_column("tier", justify="right")
    table.add_column("from → to", overflow="fold")
    table.add_column("is", overflow="fold")
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("RTO", justify="right", no_wrap=True)
    for service in status.services:
        good = service.outcome is ServiceOutcome.RECOVERED
        late = service.within_rto is False
        table.add_row(
            printable(service.name),
            str(service.tier),
            printable(f"{service.source} → {service.target}"),
            Text(service.outcome.replace("_", " "), style="green" if good else "yellow"),
            Text(taken(service.actual_recovery_time_s), style="bold red" if late else ""),
            allowed(service.rto_s),
        )
    return table


def told(status: RecoveryStatus, *, logged: bool = False) -> Iterator[ConsoleRenderable]:
    """A recovery that ended or waits: what became of it, what is left, what to do.

    What its log says is not said again if that is on the screen already.
    """
    if status.services:
        yield from (Text(), services_table(status), Text())
    for step in status.steps:
        if step.state in _TOLD_STATES:
            yield Text(f"{step.state} {step.service}/{step.id}: {printable(step.sentence)}")
    if untouched(status) and not logged:
        for entry in status.log:
            if entry.sentence != status.sentence:
                yield Text(f"- {printable(entry.sentence)}")
    yield from residue_lines(status.residue)
    yield from decided_lines(status)
    yield headline(status)
    yield from what_next(status)


def residue_lines(residue: tuple[Residue, ...]) -> Iterator[ConsoleRenderable]:
    """What could not be undone, with the owner and the command of each."""
    for owner, items in groupby(sorted(residue, key=lambda one: one.owner), lambda one: one.owner):
        yield Text(f"left to {printable(owner)}:", style="bold red")
        for item in items:
            yield Text(f"- {item.step}: {printable(item.reason)}")
            yield _command(printable(item.command))


def what_next(status: RecoveryStatus) -> Iterator[ConsoleRenderable]:
    """What a person can do about a recovery that waits for one, or can still be taken back."""
    if status.phase is Phase.COMMIT_WINDOW:
        yield from (Text("Look, then do one of:"), *_commands(status, "commit", "roll-back"))
        return
    if status.outcome is not Outcome.HELD or status.phase is Phase.WAITING:
        return
    yield Text("Look, then do one of:")
    if status.phase is Phase.APPROVING:
        yield from _commands(status, "approve", "reject")
        return
    if any(condition.type is ConditionType.PAUSED for condition in status.conditions):
        yield _command(f'holdfast resume {status.workflow_id} --reason "…"')
    for step in status.steps:
        if step.state is StepState.HELD:
            for does in ("retry-step", "skip-step"):
                id = f"{status.workflow_id} {step.service}/{step.id}"
                yield _command(f'holdfast {does} {id} --reason "…"')
    if any(step.state is StepState.HELD and step.graceful for step in status.steps):
        yield from _commands(status, "go-ungraceful")
    yield from _commands(status, "roll-back")


def _commands(status: RecoveryStatus, *names: str) -> Iterator[ConsoleRenderable]:
    for name in names:
        yield _command(f'holdfast {name} {status.workflow_id} --reason "…"')


def decided_lines(status: RecoveryStatus) -> Iterator[ConsoleRenderable]:
    """What was decided besides the steps: what is left out, owed, predicted and approved."""
    for left in status.left_out:
        yield Text(
            f"left out: {printable(left.service)} (tier {left.tier}): {printable(left.sentence)}",
            style="yellow",
        )
    if status.unfenced:
        names = ", ".join(step.partition("/")[0] for step in status.unfenced)
        yield Text(
            f"not fenced, for the site does not answer: {names}; the fences follow when it is back",
            style="yellow",
        )
    if status.prediction and status.phase in _AHEAD:
        yield Text(printable(status.prediction), style="dim")
    if status.approval is not None:
        if status.approval.state is ApprovalState.APPROVED:
            yield Text(f"approval: {printable(status.approval.sentence)}", style="dim")
        if (review := status.approval.review) is not None:
            due = f"{review.due.astimezone():%Y-%m-%d %H:%M}"
            yield Text(f"a review is due: {printable(review.owner)}, by {due}", style="bold yellow")
    if status.rto is not None and status.rto.missed:
        yield Text(f"objective missed: {', '.join(status.rto.missed)}", style="bold red")


def status_lines(status: RecoveryStatus) -> Iterator[ConsoleRenderable]:
    """Where a recovery is, for `holdfast status`."""
    yield headline(status)
    if status.outcome is None:
        said = "" if status.sentence in status.waits_for else f"; {printable(status.sentence)}"
        yield Text(f"waits for {printable(status.waits_for)}{said}")
    for condition in status.conditions:
        known = {True: "yes", False: "no", None: "unknown"}[condition.status]
        yield Text(f"{condition.type}: {known} ({printable(condition.message)})", style="dim")
    if status.services:
        yield from (Text(), services_table(status), Text())
    yield from residue_lines(status.residue)
    yield from decided_lines(status)
    # What it waits for is said above, and what can be done about it below.
    log = [entry for entry in status.log if status.waits_for not in entry.sentence]
    for entry in log[-_LAST_SENTENCES:]:
        named = entry.actor is None or entry.sentence.startswith(entry.actor)
        by = "" if named else f" ({printable(entry.actor or '')})"
        yield Text(f"{entry.at.astimezone():%H:%M:%S} {printable(entry.sentence)}{by}", style="dim")
    yield from what_next(status)


def _command(line: str) -> Text:
    # Broken into lines it could not be copied.
    return Text(f"  {line}", style="bold", no_wrap=True)


def slim_table() -> Table:
    """A table with one rule, below its heads."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
