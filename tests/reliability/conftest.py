"""Rigs: one Temporal server, one lab of the example estate, wounded workers."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from reliability.ground import READY_AFTER_MS
from reliability.terrain import EXAMPLE, WIDE

from support.processes import Lab, lab_server
from support.rig import Rig
from support.wounds import Guard


@pytest.fixture(scope="session")
def example_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the example estate."""
    options = ("--ready-after-ms", str(READY_AFTER_MS))
    with lab_server(EXAMPLE, tmp_path_factory.mktemp("lab"), *options) as lab:
        yield lab


Rigs = Callable[..., AsyncIterator[Rig]]


@pytest.fixture(scope="session")
def rigs(temporal_address: str, example_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Rigs:
    """Makes rigs on the session's server and lab."""

    async def made(name: str, workers: int, guard: Guard = Guard.FULL) -> AsyncIterator[Rig]:
        rig = Rig(
            temporal_address, example_lab, tmp_path_factory.mktemp(name), EXAMPLE, guard=guard
        )
        await rig.start(workers)
        yield rig
        rig.end()

    return made


@pytest.fixture(scope="session")
async def rig(rigs: Rigs) -> AsyncIterator[Rig]:
    """One worker, replaced when it dies."""
    async for each in rigs("rig", 1):
        yield each


@pytest.fixture(scope="session")
async def pair(rigs: Rigs) -> AsyncIterator[Rig]:
    """Two workers: when one is stopped the other goes on."""
    async for each in rigs("pair", 2):
        yield each


@pytest.fixture(scope="session")
async def wide_pair(
    temporal_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rig]:
    """Two workers and a lab of the wide estate."""
    folder = tmp_path_factory.mktemp("wide")
    file = WIDE.file(folder)
    with lab_server(file, folder, "--ready-after-ms", str(READY_AFTER_MS)) as lab:
        rig = Rig(temporal_address, lab, folder, file, refusal=WIDE.refusal)
        await rig.start(2)
        yield rig
        rig.end()


@pytest.fixture(scope="session")
async def unmarked(rigs: Rigs) -> AsyncIterator[Rig]:
    """A worker whose mutations leave neither key nor epoch: a negative control."""
    async for each in rigs("unmarked", 1, Guard.UNMARKED):
        yield each


@pytest.fixture(scope="session")
async def unguarded_pair(rigs: Rigs) -> AsyncIterator[Rig]:
    """Two workers whose mutations are not even conditional: a negative control."""
    async for each in rigs("unguarded", 2, Guard.NONE):
        yield each
