"""The state folder: one stack at a time, and the same addresses the next time."""

import socket
from pathlib import Path

import pytest

from holdfast.deploy.embedded.state import PortTaken, StateFolder, StateFolderInUse


def test_a_second_stack_on_the_folder_is_refused(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)

    with first.held(), pytest.raises(StateFolderInUse, match="used by process"), second.held():
        pass


def test_a_folder_that_was_left_can_be_used_again(tmp_path: Path) -> None:
    for _ in range(2):
        with StateFolder(tmp_path).held():
            pass


def test_a_port_is_the_same_the_next_time(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)

    assert folder.port("lab", None) == StateFolder(tmp_path).port("lab", None)


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    port = folder.port("lab", None)

    with socket.create_server(("127.0.0.1", port)):
        assert folder.port("lab", None) != port


def test_a_port_that_is_asked_for_must_be_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} is taken"):
            StateFolder(tmp_path).port("temporal", port)
