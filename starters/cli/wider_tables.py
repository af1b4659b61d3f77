"""How a region's recovery and a failback are told on the screen."""

from collections.abc import Iterator

from rich import box
from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from ...workflows.model.failback import FailbackStatus
from ...workflows.model.region import RegionStatus
from .console import printable
from .durations import taken

_STYLES = {"recovered": "green", "held": "bold yellow", "rolled_back_with_residue": "bold red"}


def region_lines(status: RegionStatus) -> Iterator[ConsoleRenderable]:
    """The recovery of a region: its sites, then where it stands as a whole."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
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
            printable(site.sentence),
        )
    yield from (Text(), table, Text())
    yield _headline(status.outcome, status.sentence, status.waits_for)
    for site in status.sites:
        if site.phase == "held":
            yield Text(f"  holdfast status {site.workflow_id}", style="bold", no_wrap=True)


def failback_lines(status: FailbackStatus) -> Iterator[ConsoleRenderable]:
    """A failback: how the data follows, then where it stands."""
    if status.replication:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        table.add_column("service", overflow="fold")
        table.add_column("from → to", overflow="fold")
        table.add_column("in step", no_wrap=True)
        table.add_column("seen", overflow="fold")
        for each in status.replication:
            known = {True: "yes", False: "no", None: "not known"}[each.in_step]
            seen = each.sentence + (f"; diverged: {each.divergence}" if each.diverged else "")
            table.add_row(
                printable(each.service),
                printable(f"{each.source} → {each.target}"),
                Text(known, style="green" if each.in_step else "yellow"),
                printable(seen),
            )
        yield from (Text(), table, Text())
    yield _headline(status.outcome, status.sentence, status.waits_for)


def _headline(outcome: str | None, sentence: str, waits_for: str) -> Text:
    word = str(outcome).replace("_", " ") if outcome else "running"
    text = Text(word, style=_STYLES.get(outcome or "", "bold cyan"))
    text.append(f": {printable(sentence)}")
    if outcome in (None, "held"):
        text.append(f"\nwaits for {printable(waits_for)}")
    return text
