"""The command line as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .processes import die_with_parent

ENDS_WITHIN_S = 90


@dataclass(frozen=True)
class Shell:
    """Runs `holdfast` with an environment."""

    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command line to its end; `more` adds to the environment."""
        return subprocess.run(
            [holdfast(), *arguments],
            env={**neutral_environment(), **self.env, **more},
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start one command line; it ends at the latest with the process that started it."""
        return subprocess.Popen(
            [holdfast(), *arguments],
            env={**neutral_environment(), **self.env, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )


def holdfast() -> str:
    """The command of the environment that runs the tests."""
    return str(Path(sys.executable).with_name("holdfast"))


def neutral_environment() -> dict[str, str]:
    """This environment without what is said to Holdfast or Temporal."""
    ours = ("HOLDFAST_", "TEMPORAL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
