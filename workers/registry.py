"""The registry: every action this product ships, and how each is wired to its connections."""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import JsonValue, ValidationError

from ..activities.action import Action
from ..activities.azure.connections import TrafficManagerConnections
from ..activities.azure.credentials import StaticToken
from ..activities.azure.disable_endpoint import DisableEndpoint
from ..activities.azure.prefer_endpoint import PreferEndpoint
from ..activities.budgets import Budgets
from ..activities.http import ExpectHttp, HttpConnections
from ..activities.kubernetes.connections import KubernetesConnections
from ..activities.kubernetes.fence import Fence
from ..activities.kubernetes.isolate import Isolate
from ..activities.kubernetes.scale import Scale
from ..activities.prometheus import ExpectPrometheus, PrometheusConnections
from ..workflows.model.document import Document
from ..workflows.planning.estate_shape import misfits
from .settings import PREFIX, Settings, SettingsInvalid

ACTION_TYPES: tuple[type[Action[Any]], ...] = (
    Scale,
    Fence,
    Isolate,
    PreferEndpoint,
    DisableEndpoint,
    ExpectHttp,
    ExpectPrometheus,
)

InputCheck = Callable[[dict[str, JsonValue]], list[tuple[tuple[str | int, ...], str]]]


@dataclass(frozen=True)
class Registry:
    """The actions of one worker process, and how to close what they hold open."""

    actions: tuple[Action[Any], ...]
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    warmers: tuple[Callable[[], Awaitable[None]], ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings, *, kubeconfig: str | None = None) -> "Registry":
        """The actions that `settings` name, each wired to the systems that they name.

        `kubeconfig` is a path; None takes the standard rules (KUBECONFIG, in-cluster).

        Raises:
            SettingsInvalid: a pattern of `settings.actions` fits no action.
        """
        wanted = chosen((action.name for action in ACTION_TYPES), settings.action_patterns)
        budgets = Budgets(settings.api_share) if settings.api_limits else None
        kubernetes = KubernetesConnections(kubeconfig, budgets=budgets)
        token = settings.azure_token
        azure = TrafficManagerConnections(
            settings.azure_subscription_id,
            settings.azure_endpoint,
            (lambda: StaticToken(token.get_secret_value())) if token else None,
            budgets=budgets,
        )
        http = HttpConnections(settings.http_proxy)
        prometheus = PrometheusConnections(settings.prometheus_url)
        actions: tuple[Action[Any], ...] = (
            Scale(kubernetes),
            Fence(kubernetes),
            Isolate(kubernetes),
            PreferEndpoint(azure),
            DisableEndpoint(azure),
            ExpectHttp(http),
            ExpectPrometheus(prometheus),
        )
        warmers = {"kubernetes": kubernetes.warm, "azure": azure.warm}
        return cls(
            actions=tuple(action for action in actions if action.name in wanted),
            closers=(kubernetes.close, azure.close, http.close, prometheus.close),
            warmers=tuple(
                warm
                for system, warm in warmers.items()
                if any(name.startswith(f"{system}.") for name in wanted)
            ),
        )

    async def warm(self) -> None:
        """Load what connections need, which takes a second, so that no step waits for it."""
        for warm in self.warmers:
            await warm()

    async def close(self) -> None:
        """Close every connection."""
        for close in self.closers:
            await close()


def chosen(names: Iterable[str], patterns: Iterable[str]) -> frozenset[str]:
    """The names that fit one of the patterns.

    Raises:
        SettingsInvalid: a pattern fits none of them; the message names the nearest.
    """
    known = tuple(names)
    fitting = {
        pattern: [name for name in known if fnmatchcase(name, pattern)] for pattern in patterns
    }
    faults = [_fits_none(pattern, known) for pattern, fits in fitting.items() if not fits]
    if faults or not fitting:
        raise SettingsInvalid("; ".join(faults) or f"{PREFIX}ACTIONS: names no action")
    return frozenset(name for fits in fitting.values() for name in fits)


def _fits_none(pattern: str, known: tuple[str, ...]) -> str:
    rooms = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in known)
    near = difflib.get_close_matches(pattern, [*known, *rooms], n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{PREFIX}ACTIONS: {pattern} fits no action; {hint}"


def input_checks() -> Mapping[str, InputCheck]:
    """By action name: what its model finds wrong with a step's inputs, as (path, message)."""
    return {action.name: _check(action.inputs_model) for action in ACTION_TYPES}


def _check(model: type[Document]) -> InputCheck:
    def check(inputs: dict[str, JsonValue]) -> list[tuple[tuple[str | int, ...], str]]:
        try:
            model.model_validate(inputs)
        except ValidationError as error:
            return [(misfit.path, misfit.message) for misfit in misfits(model, inputs, error)]
        return []

    return check
