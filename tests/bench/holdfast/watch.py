"""What each process of the product consumes, apart: the server, the worker, the client."""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

import psutil
from pydantic import JsonValue

from bench.measure import MB

SERVER, WORKER, CLIENT = "server", "worker", "client"
SAMPLE_EVERY_S = 0.5
MOST_POINTS = 60

StartedT = TypeVar("StartedT")


class Watch:
    """CPU and memory of processes by role, from entering to leaving; the client is this process.

    A role may have one process after another: `add` says that another has taken it.
    """

    def __init__(self, pids: Iterable[tuple[str, int]]) -> None:
        self._processes = [(role, psutil.Process(pid)) for role, pid in pids]
        self._processes.append((CLIENT, psutil.Process(os.getpid())))
        self._spent: dict[psutil.Process, float] = {}
        self._before: dict[psutil.Process, float] = {}
        self._stop = threading.Event()
        self._sampler = threading.Thread(target=self._sample_on, daemon=True)
        self.peak_mb: dict[str, float] = {}
        self._memory: list[dict[str, float]] = []

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._sample()
        self._before = dict(self._spent)
        self._sampler.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._sampler.join()
        self._sample()

    def add(self, role: str, pid: int) -> None:
        """Watch one more process, from its start on."""
        self._processes.append((role, psutil.Process(pid)))

    def cpu_s(self, role: str) -> float:
        """CPU seconds that a role's processes have consumed since entering."""
        return sum(
            self._spent.get(process, 0.0) - self._before.get(process, 0.0)
            for each, process in self._processes
            if each == role
        )

    def details(self, steps: int) -> dict[str, JsonValue]:
        """For a row: CPU and peak memory by role, CPU per 1,000 steps too."""
        roles = list(dict.fromkeys(role for role, _ in self._processes))
        told: dict[str, JsonValue] = {}
        for role in roles:
            cpu_s = self.cpu_s(role)
            told[f"cpu_{role}_s"] = round(cpu_s, 2)
            told[f"cpu_{role}_s_per_1000_steps"] = round(1000 * cpu_s / steps, 3)
            told[f"peak_rss_{role}_mb"] = round(self.peak_mb.get(role, 0.0), 1)
        return told

    def memory_over_time(self) -> list[JsonValue]:
        """Resident memory in MB by role, with the seconds since entering; at most 60 points."""
        stride = max(1, -(-len(self._memory) // MOST_POINTS))
        return [dict(each) for each in self._memory[::stride]]

    def _sample_on(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        resident: dict[str, float] = {}
        for role, process in list(self._processes):
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                self._spent[process] = float(times.user + times.system)
                rss = process.memory_info().rss / MB
                resident[role] = resident.get(role, 0.0) + rss
        for role, rss in resident.items():
            self.peak_mb[role] = max(self.peak_mb.get(role, 0.0), rss)
        at = round(time.monotonic() - self._began, 1)
        self._memory.append({"at_s": at, **{role: round(rss) for role, rss in resident.items()}})


@contextlib.contextmanager
def with_pid(
    server: contextlib.AbstractContextManager[StartedT],
) -> Iterator[tuple[StartedT, int]]:
    """What a context yields, and the first process that entering it started."""
    before = set(psutil.Process().children())
    with server as started:
        new = set(psutil.Process().children()) - before
        yield started, min(new, key=psutil.Process.create_time).pid
