"""A command line whose Temporal, lab and worker last for the session."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from support.estate_files import Write, Written, written_under_a_new_name
from support.processes import Lab, Worker, lab_server
from support.shell import Shell

EXAMPLES = Path(str(files("holdfast.deploy.examples")))


@pytest.fixture(scope="session")
def manufacturer() -> str:
    """The path of the manufacturer's estate file."""
    return str(EXAMPLES / "acme-manufacturing.yaml")


@pytest.fixture(scope="session")
def shop() -> str:
    """The path of the smallest estate file."""
    return str(EXAMPLES / "minimal.yaml")


@pytest.fixture(scope="session")
def lone_shell() -> Shell:
    """A command line that knows of no Temporal."""
    return Shell()


@pytest.fixture(scope="session")
def shared_lab(manufacturer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the manufacturer."""
    folder = tmp_path_factory.mktemp("lab")
    with lab_server(Path(manufacturer), folder, "--ready-after-ms", "100") as lab:
        yield lab


@pytest.fixture(scope="session")
def shell(
    temporal_address: str, shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A command line whose Temporal has a worker that acts on the lab."""
    env = {"TEMPORAL_ADDRESS": temporal_address, "HOLDFAST_TASK_QUEUE": "commands"}
    worker = Worker({**shared_lab.env, **env}, tmp_path_factory.mktemp("worker") / "worker.log")
    worker.start()
    yield Shell(env)
    worker.end()


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The lab in its initial world."""
    shared_lab.reset()
    return shared_lab


@pytest.fixture
def written(manufacturer: str, tmp_path: Path) -> Write:
    """Writes the manufacturer's estate, changed here and there, under a name of its own."""

    def write(changes: Mapping[str, str] = {}) -> Written:
        return written_under_a_new_name(manufacturer, tmp_path, changes)

    return write
