"""R13: the exit code of every command line tells the truth."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from support.rig import Rig
from support.shell import Shell, neutral_environment

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .shells import run_beside
from .terrain import EXAMPLE, EXAMPLES

SIZES = {Lane.COMMIT: 20, Lane.MERGE: 100, Lane.NIGHTLY: 1_000, Lane.RELEASE: 1_000}
NOWHERE = "127.0.0.1:9"
FILE, WRONG_FILE, MISNAMED, ENDED, HELD = "{file}", "{wrong}", "{misnamed}", "{ended}", "{held}"
LOST = {"TEMPORAL_ADDRESS": NOWHERE}

Line = tuple[int, dict[str, str], tuple[str, ...]]
LINES: tuple[Line, ...] = (
    (0, {}, ("--version",)),
    (0, {}, ("estate", "validate", FILE)),
    (0, {}, ("status", ENDED)),
    (0, {}, ("status", ENDED, "--json")),
    (0, {}, ("watch", ENDED, "--json")),
    (0, {}, ("plan", FILE, "--site", "plant-milan")),
    (0, {}, ("recover", "--estate", FILE, "--site", "plant-milan", "--wait", "--json")),
    (1, {}, ("status", "site-recovery/nothing/nowhere")),
    (1, {}, ("pause", ENDED, "--reason", "too late")),
    (1, {}, ("plan", MISNAMED, "--site", "plant-milan", "--json")),
    (1, {}, ("recover", "--estate", MISNAMED, "--site", "plant-milan", "--wait", "--json")),
    (2, {}, ("estate", "validate", WRONG_FILE)),
    (2, {}, ("recover", "--estate", WRONG_FILE, "--site", "plant-lyon")),
    (2, {}, ("recover", "--estate", FILE, "--site", "plant-nice")),
    (2, {}, ("status",)),
    (2, {}, ("plan", FILE, "--site", "plant-lyon", "--nonsense")),
    (3, {}, ("watch", HELD, "--json")),
    (3, {}, ("recover", "--estate", FILE, "--site", "dc-frankfurt", "--wait", "--json")),
    (4, LOST, ("status", ENDED)),
    (4, LOST, ("recover", "--estate", FILE, "--site", "plant-lyon", "--wait")),
    (4, LOST, ("plan", FILE, "--site", "plant-lyon")),
)
"""Command lines, what their environment says besides, and the one right exit code."""


class ExitCodes(Property):
    """R13."""

    name: ClassVar[str] = "R13"
    promise: ClassVar[str] = "the exit code of every command line tells the truth"
    control: ClassVar[str] = "a wrapper that always ends with 0"
    side_by_side: ClassVar[int] = 2

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Every line once, then lines drawn at random; one control per code that is not 0."""
        chance = random.Random(seed)
        size = SIZES[lane]
        numbers = [*range(len(LINES)), *(chance.randrange(len(LINES)) for _ in range(size))][:size]
        controls = {code: number for number, (code, _, _) in enumerate(LINES) if code}
        return [
            self.cell("naive", str(size)),
            *(self.cell(str(number)) for number in numbers),
            *(self.cell(str(number), control=True) for number in controls.values()),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """One command line; or, for comparison, the naive script as often as all of them."""
        held = await _held_world(ground, slot)
        if cell.words[0] == "naive":
            return await _naive(held, ground.address, int(cell.words[1]))
        code, env, line = LINES[int(cell.words[0])]
        names = _names(held)
        arguments = [names.get(word, word) for word in line]
        if cell.control:
            done = await asyncio.to_thread(_lying, held.shell, arguments, env)
            return Found(bit=int(done.returncode != code))
        done = await run_beside(held.shell, *arguments, **env)
        if done.returncode == code:
            return Found()
        broken = f"holdfast {' '.join(arguments)}: {done.returncode}, not {code}"
        said = {"stdout.txt": done.stdout, "stderr.txt": done.stderr}
        return Found(failed=(Failed(cell=cell.id, broken=(broken,), evidence=said),))


async def _held_world(ground: Ground, slot: int) -> Rig:
    """The slot's rig with one recovery that has ended and one that waits for a person."""
    rig = await ground.rig(slot)
    if (rig.folder / "wrong.yaml").exists():
        return rig
    text = EXAMPLE.read_text().replace("name: acme-manufacturing", f"name: {rig.folder.name}")
    (rig.folder / "file.yaml").write_text(text)
    (rig.folder / "misnamed.yaml").write_text(
        text.replace("deployment: control", "deployment: misnamed").replace(
            f"name: {rig.folder.name}", f"name: {rig.folder.name}-misnamed"
        )
    )
    rig.lab.reset()
    rig.lab.reach("dc-frankfurt", reachable=False)
    for site, code in (("plant-milan", 0), ("dc-frankfurt", 3)):
        arguments = ("recover", "--estate", str(rig.folder / "file.yaml"), "--site", site, "--wait")
        done = await run_beside(rig.shell, *arguments)
        assert done.returncode == code, (done.returncode, done.stderr)
    wrong = (EXAMPLES / "minimal.yaml").read_text().replace("tier:", "teir:")
    (rig.folder / "wrong.yaml").write_text(wrong)
    return rig


def _names(rig: Rig) -> dict[str, str]:
    return {
        FILE: str(rig.folder / "file.yaml"),
        MISNAMED: str(rig.folder / "misnamed.yaml"),
        WRONG_FILE: str(rig.folder / "wrong.yaml"),
        ENDED: f"site-recovery/{rig.folder.name}/plant-milan",
        HELD: f"site-recovery/{rig.folder.name}/dc-frankfurt",
    }


def _lying(
    shell: Shell, arguments: Sequence[str], env: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """The same command line through a wrapper that swallows its exit code."""
    command = ["sh", "-c", '"$@"; exit 0', "sh", str(Path(sys.executable).with_name("holdfast"))]
    return subprocess.run(
        [*command, *arguments], env={**neutral_environment(), **shell.env, **env},
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


async def _naive(rig: Rig, address: str, times: int) -> Found:
    """For comparison only: how often a script that just returns ends with another code than 0."""
    script = Path(__file__).with_name("naive.py")
    command = [sys.executable, str(script), address, _names(rig)[ENDED]]

    def once() -> int:
        return subprocess.run(command, capture_output=True, timeout=90, check=False).returncode

    ask: Callable[[], int] = once
    codes = [await asyncio.to_thread(ask) for _ in range(times)]
    wrong = sum(code != 0 for code in codes)
    remark = f"for comparison, a script that just returns ended wrongly in {wrong} of {times} runs"
    return Found(runs=0, remarks=(remark,))
