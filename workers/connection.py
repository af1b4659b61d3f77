"""The connection to Temporal, taken the standard way, with this product's data converter."""

import re

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

DEFAULT_ADDRESS = "localhost:7233"


class TemporalUnreachable(Exception):
    """Temporal did not answer, or refused the connection."""


async def connect() -> Client:
    """Connect as `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS settings and profiles say.

    Raises:
        TemporalUnreachable: no connection; the message names the address and the remedy.
    """
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        raise TemporalUnreachable(f"Temporal's configuration cannot be read: {error}") from None
    address = config.get("target_host") or DEFAULT_ADDRESS
    config["target_host"] = address
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter)
    except (RuntimeError, RPCError, ValueError) as error:
        raise TemporalUnreachable(
            f"Temporal does not answer at {address} ({_first_line(error)});"
            " set TEMPORAL_ADDRESS, or run `holdfast dev`"
        ) from None


def _first_line(error: Exception) -> str:
    # The core prints its own structures; of those, only the system's words say something.
    if found := re.search(r'message: "([^"]+)"', str(error)):
        return found[1]
    return str(error).strip().split("\n")[0][:200]
