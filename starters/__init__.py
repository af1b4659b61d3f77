"""The ways in: the Python SDK and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recovery_client import (
        Abandoned,
        NoWorker,
        RecoveryClient,
        RecoveryNotFound,
        Refused,
        Started,
    )

__all__ = [
    "Abandoned",
    "NoWorker",
    "RecoveryClient",
    "RecoveryNotFound",
    "Refused",
    "Started",
]


def __getattr__(name: str) -> Any:
    # The SDK costs most of a second to import; `holdfast --help` must not pay for it.
    if name in __all__:
        from . import recovery_client

        return getattr(recovery_client, name)
    raise AttributeError(name)
