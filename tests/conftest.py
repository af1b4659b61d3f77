"""What all tests share: one Temporal server for the session."""

import statistics
from collections.abc import Iterator

import pytest

from support import rig
from support.processes import temporal_server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long recoveries stood still when their worker was killed."""
    if rig.GAPS_S:
        gaps = sorted(rig.GAPS_S)
        terminalreporter.write_line(
            f"kill -9 of the only worker to the next effect, restart included: "
            f"median {statistics.median(gaps):.1f} s, longest {gaps[-1]:.1f} s, {len(gaps)} kills"
        )


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Temporal server of this session's own."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address
