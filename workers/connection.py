"""The connection to Temporal, taken the standard way, with this product's data converter."""

import asyncio
import re
from datetime import timedelta

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

DEFAULT_ADDRESS = "localhost:7233"
CONNECT_WITHIN = timedelta(seconds=10)


class TemporalUnreachable(Exception):
    """Temporal did not answer, or refused the connection."""


async def connect(*, within: timedelta = CONNECT_WITHIN) -> Client:
    """Connect as `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS settings and profiles say.

    Args:
        within: how long Temporal may take; a port can be open and nobody speak behind it.

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
        async with asyncio.timeout(within.total_seconds()):
            return await Client.connect(**config, data_converter=pydantic_data_converter)
    except TimeoutError:
        why = f"silent for {within.total_seconds():g} s"
    except (RuntimeError, RPCError, ValueError) as error:
        why = _first_line(error)
    raise TemporalUnreachable(
        f"Temporal does not answer at {address} ({why});"
        " set TEMPORAL_ADDRESS, or run `holdfast dev`"
    )


def _first_line(error: Exception) -> str:
    # The core prints its own structures; of those, only the system's words say something.
    if found := re.search(r'message: "([^"]+)"', str(error)):
        return found[1]
    return str(error).strip().split("\n")[0][:200]
