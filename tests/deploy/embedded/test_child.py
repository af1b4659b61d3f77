"""A child of the stack: it dies with its parent, and says why it failed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.deploy.embedded.child import Child, ChildFailed

PARENT = """
import asyncio, os, sys
from pathlib import Path
from holdfast.deploy.embedded.child import Child

async def main():
    child = Child("sleeper", [sys.executable, "-c", SLEEP], os.environ, Path(sys.argv[1]))
    await child.start()
    await child.ready_line(20)
    print(child.pid, flush=True)
    await asyncio.sleep(60)

SLEEP = "import json, time; print(json.dumps({'ready': True}), flush=True); time.sleep(60)"
asyncio.run(main())
"""


def child(tmp_path: Path, program: str) -> Child:
    command = [sys.executable, "-c", program]
    return Child("program", command, os.environ, tmp_path / "program.log")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel must have the signal")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


async def test_a_child_that_ends_early_leaves_its_last_words(tmp_path: Path) -> None:
    failing = child(tmp_path, "import sys; sys.exit('no such luck')")

    await failing.start()

    with pytest.raises(ChildFailed, match=r"exit code 1; its log is .*\n  no such luck"):
        await failing.ready_line(20)


async def test_a_child_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    silent = child(tmp_path, "import time; time.sleep(60)")

    await silent.start()
    with pytest.raises(ChildFailed, match="does not get ready"):
        await silent.ready_line(0.2)
    await silent.stop(5)

    assert silent.exit_code == -signal.SIGTERM


async def test_a_child_that_does_not_heed_is_killed(tmp_path: Path) -> None:
    deaf = child(
        tmp_path,
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('{\"ready\": true}', flush=True); time.sleep(60)",
    )

    await deaf.start()
    await deaf.ready_line(20)
    await asyncio.wait_for(deaf.stop(0.2), 10)

    assert deaf.exit_code == -signal.SIGKILL


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
