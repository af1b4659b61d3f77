"""What all tests share: one Temporal server for the session."""

from collections.abc import Iterator

import pytest
from support.processes import temporal_server


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Temporal server of this session's own."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address
