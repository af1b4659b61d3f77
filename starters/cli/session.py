"""A command's conversation with Temporal: the connection, and each failure in plain words."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

import typer
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from ...workers.connection import TemporalUnreachable, connect
from ...workers.logs import log_to_stderr
from ...workers.settings import Settings, SettingsInvalid
from ..recovery_client import Abandoned, NoWorker, RecoveryClient, RecoveryNotFound, Refused
from .console import CommandFailed, ExitCode

LOOKS_LIKE = "an id looks like site-recovery/ESTATE/SITE, as `holdfast recover` prints it"


@dataclass(frozen=True)
class Session:
    """What a command talks through."""

    temporal: Client
    task_queue: str
    web_ui: str | None = None
    """The address of Temporal's Web UI, where it is known."""

    @property
    def recoveries(self) -> RecoveryClient:
        """The product's own client."""
        return RecoveryClient(self.temporal, task_queue=self.task_queue)

    def link(self, workflow_id: str, run_id: str = "") -> str | None:
        """Where a browser shows the recovery, if that is known."""
        if not self.web_ui:
            return None
        where = f"{self.web_ui.rstrip('/')}/namespaces/{self.temporal.namespace}/workflows"
        return "/".join(filter(None, (where, quote(workflow_id, safe=""), run_id)))


def converse(work: Callable[[Session], Awaitable[int]]) -> NoReturn:
    """Connect, do the work, and end the command with the exit code it returns."""
    raise typer.Exit(complete(_conversation(work)))


def complete(work: Awaitable[int]) -> int:
    """Run a command's work to its exit code; what goes wrong becomes a `CommandFailed`.

    SIGTERM and SIGHUP end it as Ctrl-C does: with everything put away.
    """

    async def attended() -> int:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await work

    log_to_stderr(debug=os.environ.get("HOLDFAST_DEBUG") == "1", quiet=True)

    try:
        return asyncio.run(attended())
    except (asyncio.CancelledError, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except TemporalUnreachable as error:
        raise CommandFailed(str(error), ExitCode.UNREACHABLE) from None
    except SettingsInvalid as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from None
    except RecoveryNotFound as error:
        raise CommandFailed(f"{error}; {LOOKS_LIKE}") from None
    except (Refused, NoWorker) as error:
        raise CommandFailed(str(error)) from None
    except Abandoned as error:
        raise CommandFailed(
            f"{error}, nothing was rolled back; look, then run `holdfast recover` again"
        ) from None
    except WorkflowQueryFailedError:
        raise CommandFailed(f"that id is of no recovery; {LOOKS_LIKE}", ExitCode.USAGE) from None
    except RPCError as error:
        gone = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED)
        code = ExitCode.UNREACHABLE if error.status in gone else ExitCode.FAILED
        raise CommandFailed(f"Temporal refuses: {error.message}", code) from None


async def _conversation(work: Callable[[Session], Awaitable[int]]) -> int:
    settings = Settings.from_environment()
    temporal = await connect()
    return await work(Session(temporal, settings.task_queue, os.environ.get("TEMPORAL_UI")))
