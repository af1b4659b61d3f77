"""A worker that cannot start says why, and can be stopped while it waits."""

import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode

from holdfast.workers.connection import TemporalUnreachable, connect
from holdfast.workers.search_attributes import SearchAttributesMissing, not_listed
from support.shell import Shell


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_temporal_that_is_silent_is_unreachable(
    silent: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address(silent))
    started = time.monotonic()
    with pytest.raises(TemporalUnreachable, match=r"silent for 0\.3 s.*set TEMPORAL_ADDRESS"):
        await connect(within=timedelta(seconds=0.3))
    assert time.monotonic() - started < 3


def test_a_worker_that_waits_for_a_silent_temporal_ends_on_sigterm(silent: socket.socket) -> None:
    worker = Shell().start("worker", "--json", TEMPORAL_ADDRESS=address(silent))
    try:
        connection, _ = silent.accept()
        with connection:
            worker.terminate()
            said, errors = worker.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        worker.kill()
        raise
    assert (worker.returncode, said, errors) == (0, "", "")


def test_a_worker_of_a_namespace_that_is_not_there_exits_with_4(temporal_address: str) -> None:
    done = Shell().run("worker", TEMPORAL_ADDRESS=temporal_address, TEMPORAL_NAMESPACE="typo")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
    assert "Temporal has no namespace typo" in done.stderr
    assert "correct TEMPORAL_NAMESPACE" in done.stderr


@pytest.mark.parametrize("status", [RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED])
def test_a_credential_that_may_not_look_is_told_what_to_give_it(status: RPCStatusCode) -> None:
    error = not_listed("plant", RPCError("not yours", status, b""))
    assert isinstance(error, SearchAttributesMissing)
    assert "give its credential access" in str(error)
    assert "temporal operator search-attribute create --namespace plant --name" in str(error)


def test_a_temporal_that_stops_answering_is_unreachable() -> None:
    error = not_listed("plant", RPCError("too late", RPCStatusCode.DEADLINE_EXCEEDED, b""))
    assert isinstance(error, TemporalUnreachable)
    assert "too late" in str(error)
