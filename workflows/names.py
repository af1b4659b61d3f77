"""Names on the wire, each once."""

TASK_QUEUE = "holdfast"
"""The queue of workflows, and of the actions that need no worker at a site."""

COMPILE = "plan.compile"
"""The activity that compiles a plan."""

REPLICATION_CHECKS = "plan.replication_checks"
"""The activity that renders the queries on how far services are replicated."""

COMPILE_SITES = "plan.compile_sites"
"""The activity that compiles the plans of many sites, for their evaluation."""

APPLY_TOGETHER = "steps.apply"
"""The activity that brief steps share."""

AWAIT_RETURN = "steps.await_return"
"""The activity that waits until a source that did not answer answers again."""

PRESENT = "workers.present"
"""The activity by which a worker shows that it is there."""

POLLED = "workers.polled"
"""The activity that asks the server whether a worker asked for work."""

STEPS_PROGRESSED = "steps_progressed"
"""The signal by which that activity tells what has ended."""

UNWANTED_STEPS = "unwanted_steps"
"""The query by which it asks, once it is cancelled, which of its steps are to be stopped."""

COORDINATOR_ASKED = "asked"
"""The signal by which a recovery asks its coordinator."""

COORDINATOR_SAYS = "coordinator_says"
"""The signal by which the coordinator answers, unasked too: when a queue has moved."""

TIER_OPENED = "tier_opened"
"""The signal by which a region's recovery lets a tier of a site act."""

SITE_PROGRESSED = "site_progressed"
"""The signal by which a site's recovery tells the region's how far it is."""

PLANS_PROVED = "plans_proved"
"""The signal by which a recovery tells the readiness evaluation what it has shown and moved."""

START_COORDINATOR = "coordinator.start"
"""The activity that starts a coordinator which does not run."""

INHERIT = "coordinator.inherit"
"""The activity that fetches what a coordinator knew which was stopped."""

HANDOVER = "handover"
"""The query by which it tells that."""

LOOK_AFTER_PARTIES = "coordinator.look_after"
"""The activity that says which of the runs a coordinator knows of have ended."""

TELL_PARTIES = "coordinator.tell"
"""The activity that delivers the answers of a coordinator."""

COORDINATOR = "EstateCoordinator"
"""The workflow type of a coordinator."""


def presence_queue(task_queue: str) -> str:
    """Where the workers of a queue answer that they are there, however busy they are."""
    return f"{task_queue}/presence"


STANDBY_GUARD = "StandbyGuard"
"""The workflow that keeps a returning site on standby."""


def standby_guard_id(estate: str, site: str, run: str) -> str:
    """The workflow id of what a recovery leaves behind for a site that it could not fence."""
    return f"standby/{estate}/{site}/{run}"


def coordinator_id(estate: str) -> str:
    """The workflow id of an estate's coordinator."""
    return f"estate/{estate}"


def region_recovery_id(estate: str, region: str) -> str:
    """The workflow id of a region's recovery."""
    return f"region-recovery/{estate}/{region}"


def failback_id(estate: str, site: str) -> str:
    """The workflow id of a site's failback."""
    return f"failback/{estate}/{site}"


def evaluation_id(estate: str) -> str:
    """The workflow id of the readiness evaluation of an estate's plans."""
    return f"evaluation/{estate}"


def site_recovery_id(estate: str, site: str, *, dry_run: bool = False) -> str:
    """The workflow id of a site's recovery: one open run per site; a dry run beside it."""
    return f"site-recovery/{estate}/{site}" + ("/dry-run" if dry_run else "")
