"""The meter counts what the processes consume, whoever started them and whenever."""

import subprocess
import sys
import time

from bench.measure import Meter, quiet

BURN = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
LINGER = f"{BURN}\ntime.sleep(1)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LINGER!r}])"


def test_a_child_that_starts_under_the_meter_is_counted_from_its_start() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT])
    with Meter([parent.pid]) as meter:
        parent.wait()

    reading = meter.done()
    assert 0.3 < reading.cpu_s < 1.0
    assert reading.peak_rss_mb > 5
    assert 0 <= reading.noise <= 1


def test_what_was_consumed_before_the_meter_opened_is_not_counted() -> None:
    process = subprocess.Popen([sys.executable, "-c", f"{BURN}\ntime.sleep(60)"])
    try:
        time.sleep(1.5)
        with Meter([process.pid]) as meter:
            time.sleep(0.3)
    finally:
        process.kill()
        process.wait()

    assert meter.done().cpu_s < 0.2


def test_a_process_may_be_added_while_the_meter_is_open() -> None:
    with Meter([]) as meter:
        process = subprocess.Popen([sys.executable, "-c", LINGER])
        meter.add(process.pid)
        process.wait()

    assert meter.done().cpu_s > 0.3


def test_waiting_for_a_quiet_machine_ends_in_time() -> None:
    began = time.monotonic()

    assert 0 <= quiet(0.1) <= 1
    assert time.monotonic() - began < 5
