"""What most people write: a script with a Temporal client that ends as scripts end.

`python naive.py ADDRESS WORKFLOW_ID` asks for a recovery's status, says `done`, and returns.
"""

import asyncio
import sys

from temporalio.client import Client


async def main() -> None:
    """Ask, and say so."""
    client = await Client.connect(sys.argv[1])
    description = await client.get_workflow_handle(sys.argv[2]).describe()
    print("done", description.status)


asyncio.run(main())
