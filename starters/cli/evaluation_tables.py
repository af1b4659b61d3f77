"""How the readiness of an estate is told on the screen."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich import box
from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from ...workflows.model.readiness import EstateReadiness, SiteDetails, SiteReadiness
from ...workflows.model.step import Qualification
from ...workflows.readiness.verdicts import GOOD
from .console import printable
from .durations import allowed, taken

_STYLES = {
    Qualification.QUALIFIED: "green",
    Qualification.EXCLUDED: "dim",
    Qualification.NOT_QUALIFIED: "bold red",
    Qualification.UNKNOWN: "bold yellow",
}
MOST_GOOD = 50
"""Sites without a fault that are listed one by one."""


def readiness_lines(found: EstateReadiness) -> Iterator[ConsoleRenderable]:
    """The sites, the worst first; of one alone, its services and steps; then the whole."""
    shown, hidden = _shown(found.sites)
    table = _table("site", "verdict")
    for name in ("services", "steps", "predicted", "RTO", "data"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verified", no_wrap=True)
    for site in shown:
        table.add_row(
            printable(site.site),
            _verdict(site.verdict),
            f"{site.services_qualified}/{site.services}",
            f"{site.steps_qualified}/{site.steps}",
            Text(taken(site.predicted_s), style="bold yellow" if site.late else ""),
            allowed(site.rto_s),
            f"{site.in_step}/{site.replicated}" if site.replicated else "–",
            verified(site),
        )
    yield from (Text(), table, Text())
    if hidden:
        yield Text(f"{hidden} more sites, all of them well", style="dim")
    for site in shown:
        yield from _because(site)
    if found.details is not None:
        yield from _details(found.details)
    yield from (Text(), _headline(found))


def verified(site: SiteReadiness) -> Text:
    """Whether the plan was ever carried out as it is."""
    if site.verified_at is not None:
        return Text(f"{site.verified_at.astimezone():%d %b %H:%M}", style="green")
    if site.changed_since is not None:
        return Text(f"changed since {site.changed_since.astimezone():%d %b}", style="yellow")
    return Text("–" if site.verdict is Qualification.EXCLUDED else "never", style="dim")


def _shown(sites: tuple[SiteReadiness, ...]) -> tuple[list[SiteReadiness], int]:
    bad = [site for site in sites if site.verdict not in GOOD]
    good = [site for site in sites if site.verdict in GOOD]
    return [*bad, *good[:MOST_GOOD]], len(good[MOST_GOOD:])


def _because(site: SiteReadiness) -> Iterator[Text]:
    for reason in site.reasons:
        yield Text(f"{site.site}: {printable(reason)}", style=_STYLES[site.verdict])
    if site.more_reasons:
        yield Text(f"{site.site}: {site.more_reasons} more; look at them one by one with")
        yield Text(f"  holdfast evaluate FILE --site {site.site}", style="bold", no_wrap=True)
    for remark in site.remarks:
        yield Text(f"{site.site}: {printable(remark)}", style="dim")


def _details(details: SiteDetails) -> Iterator[ConsoleRenderable]:
    services = _table("service", "tier", "to", "verdict")
    services.add_column("predicted", justify="right", no_wrap=True)
    services.add_column("RTO", justify="right", no_wrap=True)
    services.add_column("RPO", justify="right", no_wrap=True)
    services.add_column("data", no_wrap=True)
    for each in details.services:
        late = each.predicted_s is not None and each.predicted_s > (each.rto_s or float("inf"))
        services.add_row(
            printable(each.name),
            str(each.tier),
            printable(each.target or "nowhere"),
            _verdict(each.verdict),
            Text(taken(each.predicted_s), style="bold yellow" if late else ""),
            allowed(each.rto_s),
            allowed(each.rpo_s),
            {True: "within", False: "behind", None: "–"}[each.in_step],
        )
    steps = _table("step", "does", "verdict", "seen")
    for step in details.steps:
        steps.add_row(
            printable(step.step),
            Text(printable(f"{step.run}\nat {step.site}"), style="dim"),
            _verdict(step.verdict),
            printable(step.sentence),
        )
    yield from (services, Text(), steps, Text())


def _headline(found: EstateReadiness) -> Text:
    text = _verdict(found.verdict).append(f": {found.sentence}", style="not bold default")
    if found.running:
        text.append(f"; {found.done} of {found.total} sites are evaluated now")
    elif found.ended_at is not None:
        age = (datetime.now(UTC) - found.ended_at).total_seconds()
        text.append(f"; evaluated {taken(max(age, 0.0))} ago")
    if found.every_s:
        text.append(f"; again every {allowed(found.every_s)}")
    return text


def _verdict(verdict: Qualification) -> Text:
    return Text(verdict, style=_STYLES[verdict])


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
