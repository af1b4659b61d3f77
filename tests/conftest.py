"""What all tests share: one Temporal server for the session."""

import statistics
from collections.abc import Iterator

import pytest

from support import rig
from support.processes import temporal_server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long recoveries stood still when their worker was killed."""
    for what, gaps in (("taken up again", rig.TAKEN_UP_S), ("next effect", rig.EFFECT_GAPS_S)):
        if gaps:
            terminalreporter.write_line(
                f"kill -9 of the only worker, {what} after: median {statistics.median(gaps):.1f} s,"
                f" longest {max(gaps):.1f} s, {len(gaps)} kills (the restart included)"
            )


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Temporal server of this session's own."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address
