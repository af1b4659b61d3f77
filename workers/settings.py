"""The one settings model: `HOLDFAST_*` variables; a name that is not known is an error.

Temporal's own connection is not here: it is taken the standard way (`TEMPORAL_ADDRESS`, profiles).
"""

import difflib
import os
from collections.abc import Mapping

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..workflows.names import TASK_QUEUE

PREFIX = "HOLDFAST_"
_NOT_OURS = ("HOLDFAST_TEST_",)


class SettingsInvalid(Exception):
    """The environment sets a `HOLDFAST_*` variable that is unknown or wrong."""


class Settings(BaseSettings):
    """What a worker or a starter is told by its environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    task_queue: str = Field(default=TASK_QUEUE, min_length=1)
    """The queue that recoveries are started on and that workers poll."""
    workflows: bool = True
    """Whether the worker carries recoveries, or only the steps that others send to its queue."""
    actions: str = Field(default="*", min_length=1)
    """The actions that the worker registers: names or patterns, separated by commas."""
    azure_subscription_id: str | None = None
    """The subscription of the Traffic Manager profiles."""
    azure_endpoint: str | None = None
    """Another Azure Resource Manager than the public cloud's: a sovereign cloud, or the lab."""
    azure_token: SecretStr | None = None
    """A fixed bearer token instead of Azure's standard credential chain; for the lab."""
    prometheus_url: str | None = None
    """The Prometheus that `prometheus.expect` asks."""
    http_proxy: str | None = None
    """The proxy through which `http.expect` asks."""
    lab_url: str | None = None
    """The lab's admin address, if the environment is a lab's."""
    api_share: float = Field(default=1.0, gt=0, le=1)
    """This worker's share of the systems' request limits: 0.33 with three workers behind one
    credential."""
    api_limits: bool = True
    """Stay below the request limits of Azure and Kubernetes. False where the systems have none, as
    the lab: each step then obeys the Retry-After that it is given itself."""
    max_concurrent_activities: int = Field(default=200, ge=1, le=2000)
    """Activities that one worker process runs at once."""
    shutdown_grace_s: float = Field(default=20, ge=0, le=3600)
    """Seconds that running activities get to end when the worker is told to stop."""
    sandbox: bool = False
    """Run workflows in Temporal's sandbox, which costs half of a worker's time: for whoever changes
    them. Every test of a workflow does."""
    debug: bool = False
    """Show tracebacks of unexpected errors."""

    @property
    def action_patterns(self) -> tuple[str, ...]:
        """The names or patterns of `actions`, one by one."""
        return tuple(part for each in self.actions.split(",") if (part := each.strip()))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Raises:
            SettingsInvalid: an unknown name (with the nearest known one) or a wrong value.
        """
        names = os.environ if environment is None else environment
        known = {f"{PREFIX}{field}".upper() for field in cls.model_fields}
        faults = [
            _unknown(name, known)
            for name in sorted(names)
            if name.upper().startswith(PREFIX)
            and name.upper() not in known
            and not name.startswith(_NOT_OURS)
        ]
        try:
            values = {
                name.upper().removeprefix(PREFIX).lower(): value
                for name, value in names.items()
                if name.upper() in known and value != ""
            }
            settings = cls.model_validate(values)
        except ValidationError as error:
            faults += [
                f"{PREFIX}{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            ]
        if faults:
            raise SettingsInvalid("; ".join(faults))
        return settings


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"{name} is not a setting of Holdfast; {hint}"
