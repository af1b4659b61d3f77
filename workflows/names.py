"""Names on the wire, each once."""

TASK_QUEUE = "holdfast"
"""The queue of workflows, and of the actions that need no worker at a site."""

COMPILE = "plan.compile"
"""The activity that compiles a plan."""

APPLY_TOGETHER = "steps.apply"
"""The activity that brief steps share."""

STEPS_PROGRESSED = "steps_progressed"
"""The signal by which that activity tells what has ended."""

UNWANTED_STEPS = "unwanted_steps"
"""The query by which it asks, once it is cancelled, which of its steps are to be stopped."""


def site_recovery_id(estate: str, site: str, *, dry_run: bool = False) -> str:
    """The workflow id of a site's recovery: one open run per site; a dry run beside it."""
    return f"site-recovery/{estate}/{site}" + ("/dry-run" if dry_run else "")
