"""How a plan is told on the screen: its placement, its steps, and the verdict on each."""

from rich.table import Table
from rich.text import Text

from ...workflows.model.recovery import RecoveryStatus, ServiceReport
from ...workflows.model.step import Qualification
from .console import printable
from .durations import allowed, taken
from .tables import slim_table

_VERDICT_STYLES = {
    Qualification.QUALIFIED: "green",
    Qualification.EXCLUDED: "dim",
    Qualification.NOT_QUALIFIED: "bold red",
    Qualification.UNKNOWN: "bold yellow",
}


def plan_table(status: RecoveryStatus) -> Table:
    """The steps in their order, with the verdict on each; the reason where it is not a good one."""
    table = slim_table()
    table.add_column("#", justify="right")
    table.add_column("step", overflow="fold")
    table.add_column("does", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for number, step in enumerate(status.steps, 1):
        verdict = step.qualification or Qualification.UNKNOWN
        does = Text(printable(step.change or f"at {step.site}"))
        does.append(f"\n{step.run}", style="dim")
        if verdict is not Qualification.QUALIFIED:
            does.append(f"\n{printable(step.sentence)}", style=_VERDICT_STYLES[verdict])
        table.add_row(
            str(number),
            printable(f"{step.service}/{step.id}"),
            does,
            Text(verdict, style=_VERDICT_STYLES[verdict]),
        )
    return table


def placement_table(status: RecoveryStatus) -> Table:
    """The services of a plan: where each would go, why, and how soon."""
    table = slim_table()
    table.add_column("service", overflow="fold")
    table.add_column("tier", justify="right")
    table.add_column("from → to, because", overflow="fold")
    table.add_column("predicted", justify="right", no_wrap=True)
    table.add_column("RTO", justify="right", no_wrap=True)
    for service in status.services:
        predicted = service.predicted_recovery_time_s
        late = None not in (predicted, service.rto_s) and (predicted or 0) > (service.rto_s or 0)
        table.add_row(
            printable(service.name),
            str(service.tier),
            _placement(service),
            Text(taken(predicted), style="bold red" if late else ""),
            allowed(service.rto_s),
        )
    return table


def _placement(service: ServiceReport) -> Text:
    text = Text(printable(f"{service.source} → {service.target}"))
    why = printable(service.placement).removeprefix(f"{service.target}: ")
    return text.append(f"\n{why}", style="dim")
