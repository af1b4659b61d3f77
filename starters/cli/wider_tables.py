"""How a region's recovery and a failback are told on the screen."""

import re
from collections.abc import Iterator

from rich.console import ConsoleRenderable
from rich.text import Text

from ...workflows.model.failback import FailbackStatus
from ...workflows.model.recovery import LogEntry, Phase, RecoveryStatus
from ...workflows.model.region import RegionStatus, SiteOutcome
from .console import complain, printable
from .durations import taken
from .following import NewSentences
from .tables import headline, services_table, slim_table, what_next
from .wider_following import Parts, Wider

_STYLES = {"recovered": "green", "held": "bold yellow", "rolled_back_with_residue": "bold red"}
_MOST_COMMANDS = 8


class SilentWiderView:
    """Shows nothing but notices, on stderr: stdout is for one JSON object."""

    def show(self, log: tuple[LogEntry, ...], parts: Parts) -> None:
        """Show nothing."""

    def notice(self, sentence: str) -> None:
        """Say it on stderr."""
        complain(sentence)


class PlainWiderView(SilentWiderView):
    """One line per sentence, its own and those of the recoveries that it consists of."""

    def __init__(self) -> None:
        self._told = 0
        self._new: dict[str, NewSentences] = {}

    def show(self, log: tuple[LogEntry, ...], parts: Parts) -> None:
        """Print the sentences that are new."""
        new = [(entry, "") for entry in log[self._told :]]
        self._told = len(log)
        for part in parts:
            # Of many sites at once, whose sentence it is must be said.
            whose = f"{part.site}: " if len(self._new.keys() | {part.run_id}) > 1 else ""
            seen = self._new.setdefault(part.run_id, NewSentences())
            new += [(entry, whose) for entry in seen.of(part)]
        for entry, whose in sorted(new, key=lambda each: each[0].at):
            at = f"{entry.at.astimezone():%H:%M:%S}"
            print(f"{at} {whose}{printable(entry.sentence)}", flush=True)


def wider_lines(status: Wider, parts: Parts) -> Iterator[ConsoleRenderable]:
    """Where it stands, and what a person can do about it."""
    if isinstance(status, FailbackStatus):
        yield from failback_lines(status, parts)
    else:
        yield from region_lines(status, parts)


def region_lines(status: RegionStatus, parts: Parts) -> Iterator[ConsoleRenderable]:
    """The recovery of a region: its sites, then where it stands as a whole."""
    table = slim_table()
    table.add_column("site", overflow="fold")
    table.add_column("is", overflow="fold")
    table.add_column("services", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("says", overflow="fold")
    for site in status.sites:
        word = str(site.outcome or site.phase)
        table.add_row(
            printable(site.site),
            Text(word.replace("_", " "), style=_STYLES.get(word, "yellow")),
            f"{site.recovered}/{site.services}" if site.services else "",
            taken(site.actual_recovery_time_s),
            printable(_says(site)),
        )
    yield from (Text(), table, Text())
    waits_for = "" if status.outcome == "held" else status.waits_for
    yield _headline(status.outcome, status.sentence, waits_for)
    yield from _todo([p for p in parts if p.outcome == "held"], "Look at what waits:", "status {}")
    kept = [part for part in parts if part.phase is Phase.COMMIT_WINDOW]
    yield from _todo(kept, "Each keeps its way back; make it final:", 'commit {} --reason "…"')


def _says(site: SiteOutcome) -> str:
    if site.phase == Phase.COMMIT_WINDOW:
        return "its way back is kept until it is committed"
    # Before it begins, the coordinator's sentence says what to type.
    waits = site.outcome == "held" and site.phase != Phase.WAITING
    return f"waits for {site.waits_for}" if waits else site.sentence


def _todo(parts: list[RecoveryStatus], title: str, command: str) -> Iterator[Text]:
    if parts:
        yield Text(title)
    for part in parts[:_MOST_COMMANDS]:
        line = f"  holdfast {command.format(part.workflow_id)}"
        yield Text(line, style="bold", no_wrap=True)
    if len(parts) > _MOST_COMMANDS:
        yield Text(f"  and {len(parts) - _MOST_COMMANDS} more", style="dim")


def failback_lines(status: FailbackStatus, parts: Parts) -> Iterator[ConsoleRenderable]:
    """A failback: how the data follows, then where it stands."""
    if status.replication:
        table = slim_table()
        table.add_column("service", overflow="fold")
        table.add_column("from → to", overflow="fold")
        table.add_column("in step", no_wrap=True)
        table.add_column("seen", overflow="fold")
        for each in status.replication:
            known = {True: "yes", False: "no", None: "not known"}[each.in_step]
            # Between its braces a query says what the row says already.
            seen = re.sub(r"\{[^}]*\}", "", each.sentence)
            seen += f"; diverged: {each.divergence}" if each.diverged else ""
            table.add_row(
                printable(each.service),
                printable(f"{each.source} → {each.target}"),
                Text(known, style="green" if each.in_step else "yellow"),
                printable(seen),
            )
        yield from (Text(), table, Text())
    for move in parts:
        if move.outcome is not None:
            yield from (services_table(move), Text())
        if move.phase in (Phase.COMMIT_WINDOW, Phase.APPROVING):
            yield headline(move)
        else:
            yield _headline(status.outcome, status.sentence, status.waits_for)
        yield from what_next(move)
    if not parts and status.outcome == "rolled_back" and status.recovery is None:
        yield Text(printable(status.sentence), style="bold yellow")
    elif not parts:
        yield _headline(status.outcome, status.sentence, status.waits_for)


def _headline(outcome: str | None, sentence: str, waits_for: str) -> Text:
    word = str(outcome).replace("_", " ") if outcome else "running"
    text = Text().append(word, style=_STYLES.get(outcome or "", "bold cyan"))
    text.append(f": {printable(sentence)}")
    if outcome in (None, "held") and waits_for:
        text.append(f"\nwaits for {printable(waits_for)}")
    return text
