"""The real worker, but for one thing: it never notices that a lost site has come back.

A negative control: whoever is to be fenced on its return runs on.
"""

import asyncio
import os
import sys
from typing import Any

from holdfast.activities import awaiting_return
from holdfast.workers.settings import Settings
from holdfast.workers.worker import run_worker
from holdfast.workflows.model.step import Observation, ProbeInput, Qualification


async def _see_nothing(_: Any, request: ProbeInput) -> list[Observation]:
    unseen, nobody = vars(awaiting_return)["_unseen"], vars(awaiting_return)["Unavailable"]
    return [unseen(each.step, Qualification.UNKNOWN, nobody("blind")) for each in request.steps]


def main() -> None:
    """Run it until it is told to stop."""
    vars(awaiting_return)["_look"] = _see_nothing
    settings = Settings.from_environment()
    asyncio.run(run_worker(settings, lambda: print("ready", flush=True)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
