"""The table of commands, and an end of the process whose exit code tells the truth.

To add a command: write a function with Typer's annotations in a module of this package, and give it
a row in `COMMANDS`. The module is imported when the command is used, so that help stays quick.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from .console import CommandFailed, ExitCode, complain


class Row(NamedTuple):
    """Where a command is, and what it does in one line."""

    module: str
    """A module of this package."""
    function: str
    help: str


COMMANDS: dict[str, Row] = {
    "demo": Row("demo", "demo", "Lose a site here and watch it recover; nothing to set up."),
    "dev": Row("stack", "dev", "Run Temporal, a lab and a worker here, until Ctrl-C."),
    "estate validate": Row("estate", "validate", "Check an estate file and name all its faults."),
    "estate schema": Row("estate", "schema", "Print the JSON Schema of estate files."),
    "estate graph": Row("estate", "graph", "Draw the sites, services and what they depend on."),
    "plan": Row("recovery", "plan", "Show what a recovery would do now; change nothing."),
    "evaluate": Row("evaluation", "evaluate", "Look whether every plan could be carried out."),
    "readiness": Row("evaluation", "readiness", "Show what the last evaluation found."),
    "recover": Row("recovery", "recover", "Recover a site: lost, moved on purpose, or tested."),
    "region recover": Row("wider", "recover_region", "Recover every site of a lost region."),
    "failback": Row("wider", "failback", "Bring the services of a site home."),
    "watch": Row("recovery", "watch", "Watch what runs: a site's, a region's, a failback."),
    "status": Row("recovery", "status", "Say where a recovery, or an estate, is, and why."),
    "approve": Row("decisions", "approve", "Agree to a plan that waits for approval."),
    "reject": Row("decisions", "reject", "Refuse a plan that waits for approval."),
    "commit": Row("decisions", "commit", "Give up the way back of a recovery that is done."),
    "roll-back": Row("interventions", "roll_back", "Undo everything a recovery did."),
    "pause": Row("interventions", "pause", "Start no new step of a recovery."),
    "resume": Row("interventions", "resume", "Let a paused recovery go on."),
    "retry-step": Row("interventions", "retry_step", "Try a held step again."),
    "skip-step": Row("interventions", "skip_step", "Pass a step over."),
    "go-ungraceful": Row("decisions", "go_ungraceful", "Give up what only a living site can do."),
    "accept-divergence": Row("wider", "accept_divergence", "Let a failback lose writes."),
    "freeze": Row("orders", "freeze", "Let nothing new begin in an estate, or lift that."),
    "allow": Row("orders", "allow", "Let a site go on past its cool-down or the budget."),
    "worker": Row("processes", "worker", "Run one worker process."),
    "lab": Row("processes", "lab", "Serve a local world of an estate."),
}
"""Every command by its words; a word before the last is a group."""

GROUPS: dict[str, str] = {
    "region": "Recover a whole region.",
    "estate": "Check, describe and draw an estate file.",
}
"""The groups and what they are for."""


class TableGroup(TyperGroup):
    """The commands below one word of the table, or below `holdfast` itself."""

    word = ""
    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the table's order, each group once."""
        return list(dict.fromkeys(words[0] for words in self._below()))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command or group, imported; where only names and help are listed, a stand-in."""
        key = f"{self.word} {cmd_name}".strip()
        if key in GROUPS:
            return _group(key)
        if key not in COMMANDS:
            return None
        row = COMMANDS[key]
        return TyperCommand(cmd_name, short_help=row.help) if self._listing else _command(key, row)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command asked for; a word that is near is suggested."""
        # Typer draws its suggestions from this mapping, which a table of imports leaves empty.
        self.commands = dict.fromkeys(self.list_commands(ctx))  # type: ignore[assignment]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing the commands."""
        self._listing = True
        super().format_help(ctx, formatter)
        self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a command's name without importing the commands."""
        self._listing = True
        completions = super().shell_complete(ctx, incomplete)
        self._listing = False
        return completions

    def _below(self) -> list[list[str]]:
        depth = len(self.word.split())
        keys = [key.split() for key in COMMANDS]
        return [words[depth:] for words in keys if words[:depth] == self.word.split()]


def _command(key: str, row: Row) -> Any:
    function = getattr(import_module(f".{row.module}", __package__), row.function)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(key.split()[-1], short_help=row.help)(function)
    return get_command(single)


def _group(key: str) -> TableGroup:
    nested = typer.Typer(
        cls=TableGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True
    )
    nested.callback(help=GROUPS[key])(lambda: None)
    group = get_command(nested)
    assert isinstance(group, TableGroup)
    group.name = key.split()[-1]
    group.word = key
    return group


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"holdfast {version('holdfast')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Recover edge sites: durable, compensating disaster recoveries on Temporal.

    Exit codes: 0 done, 1 failed or rolled back, 2 wrong usage or invalid file, 3 held or waiting
    for a person, 4 Temporal cannot be reached.
    """


def _application() -> Any:
    # Plain help: to load Rich for it would cost more than all the rest.
    root = typer.Typer(cls=TableGroup, rich_markup_mode=None, no_args_is_help=True)
    root.callback()(_root)
    return get_command(root)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what goes wrong is one line on stderr."""
    try:
        _application().main(args=arguments, prog_name="holdfast")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except CommandFailed as failure:
        complain(str(failure))
        return failure.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.FAILED
    except Exception as error:
        # An operator gets a sentence; a developer asks for the rest.
        if os.environ.get("HOLDFAST_DEBUG", "") in ("1", "true"):
            traceback.print_exc()
        complain(f"unexpected {type(error).__name__}: {error} (HOLDFAST_DEBUG=1 shows where)")
        return ExitCode.FAILED
    return ExitCode.DONE


def run() -> NoReturn:
    """The console script: run, flush, and end at once with the exit code that was earned.

    A process that used a Temporal client may abort while the interpreter shuts down, after it
    printed success. So it does not shut down: nothing registered with `atexit` runs.
    """
    code: int = ExitCode.FAILED
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = ExitCode.FAILED
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    finally:
        os._exit(code)
