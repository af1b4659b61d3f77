"""Rigs: one Temporal server, one lab of the example estate, wounded workers."""

from collections.abc import AsyncIterator, Iterator
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


@pytest.fixture(scope="session")
async def rig(
    temporal_address: str,
    example_lab: Lab,
    example_estate: Estate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Rig]:
    """One worker, replaced when it dies."""
    rig = Rig(temporal_address, example_lab, tmp_path_factory.mktemp("rig"), example_estate)
    await rig.start(workers=1)
    yield rig
    rig.end()


@pytest.fixture(scope="session")
async def pair(
    temporal_address: str,
    example_lab: Lab,
    example_estate: Estate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Rig]:
    """Two workers: when one is stopped the other goes on."""
    rig = Rig(temporal_address, example_lab, tmp_path_factory.mktemp("pair"), example_estate)
    await rig.start(workers=2)
    yield rig
    rig.end()


@pytest.fixture(scope="session")
async def unfenced_pair(
    temporal_address: str,
    example_lab: Lab,
    example_estate: Estate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Rig]:
    """Two workers whose mutations leave neither key nor epoch: the negative control."""
    folder = tmp_path_factory.mktemp("unfenced")
    rig = Rig(temporal_address, example_lab, folder, example_estate, unfenced=True)
    await rig.start(workers=2)
    yield rig
    rig.end()
