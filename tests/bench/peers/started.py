"""A process that ends with the block that started it, whatever it has started itself."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from bench.environments import NotMeasured

START_WITHIN_S = 60.0
END_WITHIN_S = 5.0


@contextlib.contextmanager
def started(
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str],
    is_up: Callable[[], bool],
    user: str | None = None,
) -> Iterator[int]:
    """Start a server and wait until it is up; yields its pid. Raises NotMeasured."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, **env}, cwd=log.parent, user=user, preexec_fn=die_with_parent,
        )  # fmt: skip
    try:
        end = time.monotonic() + START_WITHIN_S
        while not is_up():
            if process.poll() is not None or time.monotonic() > end:
                lines = log.read_text(errors="replace").strip().splitlines()
                raise NotMeasured(
                    f"{Path(command[0]).name} did not start: {lines[-1] if lines else 'no word'}"
                )
            time.sleep(0.05)
        yield process.pid
    finally:
        children = below(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_WITHIN_S)
        kill_all(children)
        process.kill()
        process.wait()


def below(pid: int) -> list[psutil.Process]:
    """The processes that a process has started, and those that they have."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Kill those that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel kills this process when the one that started it is gone."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
