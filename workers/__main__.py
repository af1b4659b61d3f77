"""`python -m holdfast.workers`: one worker process, which may be killed and restarted at will.

With `--standby` it loads everything, then waits for a line on stdin before it connects: a
supervisor keeps such a process ready, because loading takes longer than a recovery should wait.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .settings import Settings

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 4


def work(
    *, as_json: bool, standby: bool = False, settings_given: Mapping[str, str] | None = None
) -> int:
    """Run a worker until SIGTERM or SIGINT; the exit code says why it ended.

    `settings_given` are `HOLDFAST_*` variables that come before the environment's.

    One line on stdout says when it polls: `{"ready": true, "task_queue", "pid", "temporal"}`.
    """
    from .settings import Settings, SettingsInvalid

    try:
        settings = Settings.from_environment({**os.environ, **(settings_given or {})})
    except SettingsInvalid as error:
        return _complain(error, USAGE)
    from .connection import TemporalUnreachable
    from .logs import log_to_stderr
    from .search_attributes import SearchAttributesMissing
    from .worker import run_worker

    log_to_stderr(debug=settings.debug)
    try:
        if standby and not _called(settings):
            return DONE
        asyncio.run(run_worker(settings, lambda: _announce(settings.task_queue, as_json)))
    except SettingsInvalid as error:
        return _complain(error, USAGE)
    except (TemporalUnreachable, SearchAttributesMissing) as error:
        return _complain(error, UNREACHABLE)
    except KeyboardInterrupt:
        return DONE
    return DONE


def _called(settings: "Settings") -> bool:
    from .registry import Registry

    asyncio.run(Registry.from_settings(settings).warm())
    return bool(sys.stdin.buffer.readline())


def _announce(task_queue: str, as_json: bool) -> None:
    from temporalio.envconfig import ClientConfig

    from .connection import DEFAULT_ADDRESS

    address = ClientConfig.load_client_connect_config().get("target_host") or DEFAULT_ADDRESS
    ready = {"ready": True, "task_queue": task_queue, "pid": os.getpid(), "temporal": address}
    line = f"worker {os.getpid()} ready: polls {task_queue} at {address}; Ctrl-C stops it"
    print(json.dumps(ready) if as_json else line, flush=True)


def _complain(error: Exception, code: int) -> int:
    print(f"holdfast worker: {error}", file=sys.stderr)
    return code


def main() -> NoReturn:
    """Run the worker and end at once: a Temporal client may abort at interpreter exit."""
    code = FAILED
    try:
        code = work(as_json="--json" in sys.argv[1:], standby="--standby" in sys.argv[1:])
    except Exception:
        # The process ends below without Python's own report of what was raised.
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
