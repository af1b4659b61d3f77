"""The words of the demo: what is about to happen, and what was shown."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ...workflows.model.estate import Estate
from ...workflows.model.recovery import Outcome, StepState
from .console import printable
from .durations import taken
from .following import View
from .progress import LiveView, PlainView, SilentView
from .tables import headline, services_table

if TYPE_CHECKING:
    from .demo_acts import Act


class Story:
    """Tells the demo on a console; tells nothing if the console is quiet."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def opens(self, estate: Estate) -> None:
        """Before the stack is up."""
        sites, services = len(estate.sites), len(estate.services)
        self._say(f"Holdfast demo · {estate.name}: {sites} sites, {_services(services)}", "bold")
        self._say("Starting Temporal, a lab with the sites in it, and a worker.", "dim")

    def loses(self, estate: Estate, site: str) -> None:
        """Before the first act."""
        self._act(f"Act 1 · {site} is lost")
        count = len(estate.services_at(site))
        self._say(
            f"Nothing at {site} answers any more. {_services(count)} must move to other sites, in"
            " dependency order; in the middle, the worker that does it is killed.\n"
        )

    def recovered(self, act: "Act") -> None:
        """After the first act."""
        self._console.print(services_table(act.status))
        self._console.print()
        self._console.print(headline(act.status))
        self._fact(
            f"took {taken(act.status.actual_recovery_time_s)}; the longest chain of its steps took"
            f" {taken(act.status.critical_path_s)}"
        )
        self._killed(act)

    def fails(self, step: str, status: int) -> None:
        """Before the second act."""
        self._act("Act 2 · the same loss, but one step fails")
        self._say(
            f"The world is new again. This time {step} is answered with {status}. The estate"
            " says `rollback: site`: everything is to be undone, and the worker is killed again"
            " on the way.\n"
        )

    def rolled_back(self, act: "Act") -> None:
        """After the second act."""
        for entry in act.status.log:
            _, because, why = entry.sentence.partition("rolled back, because ")
            if because:
                self._fact(printable(why))
        undone = sum(step.state is StepState.REVERTED for step in act.status.steps)
        self._console.print(headline(act.status))
        self._fact(f"{undone} steps were taken back, each before those it had needed")
        self._killed(act)
        if act.restored:
            self._fact("every workload and every endpoint is as it was before the recovery")
        else:
            self._say("The world is NOT as it was before.", "bold red")

    def ends(self, links: dict[str, str | None], *, good: bool) -> None:
        """At the end."""
        self._console.print()
        known = {what: link for what, link in links.items() if link}
        if known and self._console.is_terminal:
            self._say("Both runs in Temporal's Web UI:")
            for what, link in known.items():
                # A link that is wrapped cannot be clicked.
                self._console.print(Text(f"  {what}\n  {link}", style="cyan"), soft_wrap=True)
        if not good:
            self._say("The demo did not show what it should.", "bold red")

    def failed(self, act: "Act") -> None:
        """A recovery that should have ended well did not."""
        outcome = act.status.outcome or Outcome.HELD
        self._say(f"{outcome.replace('_', ' ')}: {printable(act.status.sentence)}", "bold red")
        self._say(f"It waits for {printable(act.status.waits_for)}.")

    def stays_up(self) -> None:
        """Before it waits for Ctrl-C."""
        self._say("\nIt stays up for you to look around; Ctrl-C stops it.", "dim")

    def view(self) -> AbstractContextManager[View]:
        """How a recovery is shown while it runs."""
        if self._console.quiet:
            return nullcontext(_Unseen())
        if self._console.is_terminal:
            return LiveView(self._console)
        return nullcontext(_Told())

    def _killed(self, act: "Act") -> None:
        changes = len(act.effects)
        if act.kill is None or act.kill.gap_s is None:
            return
        self._fact(
            f"worker {act.kill.pid} was killed with {act.kill.step} in flight; the next change of"
            f" the world came {act.kill.gap_s:.1f} s later, from a new one"
        )
        if act.repeated:
            self._say(f"Done twice: {', '.join(act.repeated)}", "bold red")
        else:
            self._fact(f"{changes} changes in the lab's journal, none made twice")

    def _act(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def _fact(self, sentence: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_row("·", Text(sentence))
        self._console.print(line)

    def _say(self, sentence: str, style: str = "") -> None:
        self._console.print(Text(sentence, style=style))


class _Unseen(SilentView):
    def notice(self, sentence: str) -> None:
        """Say nothing: a program reads the summary."""


class _Told(PlainView):
    def notice(self, sentence: str) -> None:
        """A kill is part of the story, and stands in its order."""
        print(f"! {sentence}", flush=True)


def summary(first: "Act", second: "Act", worker_kills: int) -> dict[str, Any]:
    """What was shown, for a program."""
    status = first.status
    return {
        "outcome": status.outcome,
        "workflow_id": status.workflow_id,
        "services": [
            {
                "name": service.name,
                "tier": service.tier,
                "from": service.source,
                "to": service.target,
                "outcome": service.outcome,
                "actual_recovery_time_s": service.actual_recovery_time_s,
                "rto_s": service.rto_s,
            }
            for service in status.services
        ],
        "actual_recovery_time_s": status.actual_recovery_time_s,
        "critical_path_s": status.critical_path_s,
        "worker_kills": worker_kills,
        "resume_gap_s": first.kill.gap_s if first.kill else None,
        "rollback": {
            "outcome": second.status.outcome,
            "world_restored": second.restored,
            "resume_gap_s": second.kill.gap_s if second.kill else None,
        },
    }


def _services(count: int) -> str:
    return f"{count} service{'s' * (count != 1)}"
