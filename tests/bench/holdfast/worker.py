"""The worker process as shipped, which besides its own actions has `test.wait`.

Run as `python -m bench.holdfast.worker`, with the options of `python -m holdfast.workers`. The
effects file is the one that HOLDFAST_TEST_EFFECTS names.
"""

import dataclasses
import os
from pathlib import Path

from bench.holdfast.action import Wait
from bench.holdfast.effects import Effects
from holdfast.workers import __main__ as shipped
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings

EFFECTS = "HOLDFAST_TEST_EFFECTS"
MODULE = "bench.holdfast.worker"


def main() -> None:
    """Run the shipped process until it is told to stop; the wiring of actions alone is ours."""
    wired = Registry.from_settings
    wait = Wait(Effects(Path(os.environ[EFFECTS])))

    def with_wait(settings: Settings, *, kubeconfig: str | None = None) -> Registry:
        registry = wired(settings, kubeconfig=kubeconfig)
        return dataclasses.replace(registry, actions=(*registry.actions, wait))

    Registry.from_settings = with_wait  # type: ignore[method-assign]
    shipped.main()


if __name__ == "__main__":
    main()
