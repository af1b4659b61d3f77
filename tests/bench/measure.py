"""What a run consumes: CPU and memory of its processes, and how much of the machine others took."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import psutil

from holdfast.workflows.model.document import Document

SAMPLE_EVERY_S = 0.2
WEIGH_EVERY = 5
"""Memory is read once in so many samples: it is not cheap."""
MB = 1_000_000
QUIET = 0.10
"""A machine of which less than this share is in use is quiet."""
QUIET_WINDOW_S = 0.4


class Reading(Document):
    """What a meter saw: CPU seconds, peak of the summed resident memory in MB, noise 0..1.

    Memory that several processes share counts once where the kernel tells (Linux), else for each.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    noise: float


class Meter:
    """Watches the trees of some processes while it is open; `reading` holds what it saw.

    Processes that start meanwhile below one of them are found by sampling, others by `add`. What a
    process consumed before it was first seen is not counted, unless it started while the meter ran.
    The calling process counts as ours for the noise, and is part of the reading only if asked for.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._roots = set(pids)
        self._spent: dict[tuple[int, float], float] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._peak = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._sampler = threading.Thread(target=self._sample_on, daemon=True)
        self.reading: Reading | None = None

    def __enter__(self) -> Self:
        self._older = frozenset(psutil.pids())
        self._began = time.perf_counter()
        self._busy = _busy_s()
        self._own = _cpu_s(psutil.Process())
        self._sample(weigh=True)
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
        self._sample(weigh=True)
        wall_s = time.perf_counter() - self._began
        cpu_s = sum(spent - self._before[key] for key, spent in self._spent.items())
        ours = cpu_s
        if not any(pid == os.getpid() for pid, _ in self._spent):
            ours += _cpu_s(psutil.Process()) - self._own
        others = max(0.0, _busy_s() - self._busy - ours)
        self.reading = Reading(
            wall_s=wall_s,
            cpu_s=cpu_s,
            peak_rss_mb=self._peak / MB,
            noise=min(1.0, others / ((psutil.cpu_count() or 1) * wall_s)),
        )

    def add(self, pid: int) -> None:
        """Watch one more process and those below it."""
        with self._lock:
            self._roots.add(pid)

    def done(self) -> Reading:
        """What was seen. Raises RuntimeError while the meter is open."""
        if self.reading is None:
            raise RuntimeError("the meter is still open")
        return self.reading

    def _sample_on(self) -> None:
        for count in itertools.count(1):
            if self._stop.wait(SAMPLE_EVERY_S):
                return
            self._sample(weigh=count % WEIGH_EVERY == 0)

    def _sample(self, *, weigh: bool) -> None:
        with self._lock:
            roots = tuple(self._roots)
        resident = 0
        for process in _trees(roots):
            with contextlib.suppress(psutil.Error):
                key, spent = (process.pid, process.create_time()), _cpu_s(process)
                self._before.setdefault(key, spent if process.pid in self._older else 0.0)
                self._spent[key] = spent
                resident += _resident(process) if weigh else 0
        self._peak = max(self._peak, resident)


def quiet(max_wait_s: float) -> float:
    """Wait, at most so many seconds, until the machine is quiet; returns the share in use."""
    end = time.monotonic() + max_wait_s
    while True:
        share: float = psutil.cpu_percent(interval=QUIET_WINDOW_S) / 100
        if share < QUIET or time.monotonic() >= end:
            return share


def _trees(roots: Iterable[int]) -> Iterator[psutil.Process]:
    seen: set[int] = set()
    for pid in roots:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                if process.pid not in seen:
                    seen.add(process.pid)
                    yield process


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.AccessDenied):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    return int(process.memory_info().rss)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
