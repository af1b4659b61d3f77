"""A Temporal client of the session's server."""

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.workers.search_attributes import ensure_search_attributes


@pytest.fixture(scope="session")
async def temporal(temporal_address: str) -> Client:
    """A client whose server has the search attributes."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    await ensure_search_attributes(client)
    return client
