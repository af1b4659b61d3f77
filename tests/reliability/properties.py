"""Every property of the harness, in the order in which it is tried and printed."""

from .checking import Property
from .crashes import Crashes, Unkeyed
from .cross_check import CrossCheck
from .dry_runs import DryRuns
from .exit_codes import ExitCodes
from .operators import Operators
from .outage import Outage
from .planned import Planned
from .regression import Regressions
from .replays import Replays
from .returning import Returning
from .simulation import Simulated
from .storm import Storm
from .turmoils import AllAtOnce, Storms
from .zombies import Zombies

PROPERTIES: dict[str, Property] = {
    property.name: property
    for property in (
        Crashes(),
        Unkeyed(),
        Zombies(),
        Simulated(),
        CrossCheck(),
        Storm(),
        Outage(),
        Replays(),
        Operators(),
        DryRuns(),
        ExitCodes(),
        Planned(),
        Returning(),
        AllAtOnce(),
        Storms(),
        Regressions(),
    )
}
