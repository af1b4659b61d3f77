"""Every defect that was ever found, tried again: the files of `regressions/`, by pytest."""

import asyncio
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground

FOLDER = Path(__file__).parent / "regressions"
ROOT = FOLDER.parent.parent.parent
ALL = "all"
ENDS_WITHIN_S = 300


class Regressions(Property):
    """Runs them all in one session; a failure names its file, which is a cell of its own."""

    name: ClassVar[str] = "REG"
    promise: ClassVar[str] = "no defect that was ever found is back"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """All of them, in every lane."""
        return [self.cell(ALL)]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Run one file, or all."""
        (which,) = cell.words
        report = ground.room("regressions") / "report.xml"
        target = FOLDER if which == ALL else FOLDER / f"{which}.py"
        command = [sys.executable, "-m", "pytest", "-q", str(target), f"--junitxml={report}"]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True,
            timeout=ENDS_WITHIN_S, check=False,
        )  # fmt: skip
        if not report.exists():
            raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout[-500:]}")
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
        failed = tuple(
            Failed(
                cell=self.cell(case.get("classname", "").rpartition(".")[2]).id,
                broken=(f"{case.get('name')}: {fault.get('message', '')[:300]}",),
                evidence={"pytest.txt": done.stdout},
            )
            for case in cases
            for fault in (*case.findall("failure"), *case.findall("error"))
        )
        return Found(runs=len(cases), failed=failed)
