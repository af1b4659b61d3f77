"""A storm of writes to one Traffic Manager profile; run as a program, it is a worker among others.

python storm.py '{"url": …, "subscription": …, "token": …, "share": 0.33, …}'
"""

import asyncio
import json
import os
import sys

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.credentials import StaticToken
from holdfast.activities.azure.inputs import ProfileRef
from holdfast.activities.azure.profile import Profile
from holdfast.activities.budgets import Budgets, Kind
from holdfast.activities.token_bucket import Limit
from holdfast.activities.urgency import asking
from holdfast.workflows.model.errors import Throttled

PROFILE = Profile(ProfileRef("edge", "historian"), {}, None)


def limits_of(writes: Limit) -> dict[Kind, Limit]:
    """Of a subscription whose reads are no matter."""
    return {Kind.READ: Limit(2000, 1000), Kind.WRITE: writes, Kind.DELETE: writes}


def connections_to(
    url: str,
    subscription: str,
    token: str,
    budgets: Budgets | None,
    writes: Limit,
) -> TrafficManagerConnections:
    return TrafficManagerConnections(
        subscription, url, lambda: StaticToken(token), budgets=budgets, limits=limits_of(writes)
    )


async def write(arm: TrafficManagerConnections, name: str, tier: int = 2) -> bool:
    """Leave a name on the profile; whether it was admitted."""
    try:
        with asking(tier=tier):
            await arm.write(PROFILE, {}, {"by": name})
    except Throttled:
        return False
    return True


async def storm(arm: TrafficManagerConnections, writes: int, tier: int = 2) -> None:
    names = (f"{os.getpid()}-{n}" for n in range(writes))
    await asyncio.gather(*(write(arm, name, tier) for name in names))


async def main() -> None:
    given = json.loads(sys.argv[1])
    reach = given["url"], given["subscription"], given["token"]
    arm = connections_to(*reach, Budgets(given["share"]), Limit(*given["limit"]))
    await arm.warm()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    await storm(arm, given["writes"])
    await arm.close()


if __name__ == "__main__":
    asyncio.run(main())
