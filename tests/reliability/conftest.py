"""Rigs: one Temporal server, one lab of the example estate, wounded workers."""

from collections.abc import AsyncIterator, Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from holdfast.workflows.model.estate import Estate
from support.processes import Lab, lab_server
from support.rig import Rig

EXAMPLE = Path(str(files("holdfast.deploy.examples") / "acme-manufacturing.yaml"))


@pytest.fixture(scope="session")
def example_estate() -> Estate:
    """The manufacturer with four sites."""
    return Estate.model_validate(yaml.safe_load(EXAMPLE.read_text()))


@pytest.fixture(scope="session")
def example_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the example estate."""
    with lab_server(EXAMPLE, tmp_path_factory.mktemp("lab"), "--ready-after-ms", "200") as lab:
        yield lab


Rigs = Callable[..., AsyncIterator[Rig]]


@pytest.fixture(scope="session")
def rigs(
    temporal_address: str,
    example_lab: Lab,
    example_estate: Estate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Rigs:
    """Makes rigs on the session's server and lab."""

    async def made(name: str, workers: int, *, unfenced: bool = False) -> AsyncIterator[Rig]:
        folder = tmp_path_factory.mktemp(name)
        rig = Rig(temporal_address, example_lab, folder, example_estate, unfenced=unfenced)
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
async def unfenced_pair(rigs: Rigs) -> AsyncIterator[Rig]:
    """Two workers whose mutations leave neither key nor epoch: the negative control."""
    async for each in rigs("unfenced", 2, unfenced=True):
        yield each
