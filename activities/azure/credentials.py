"""Credentials for Azure Resource Manager besides those of azure-identity."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

LIFETIME_S = 24 * 3600


class StaticToken:
    """A bearer token that was given, for a server that issues none."""

    def __init__(self, token: str) -> None:
        """Keep the token; it is never shown."""
        self._token = token

    async def get_token(self, *scopes: str, **_: Any) -> "AccessToken":
        """The token, whatever the scope."""
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, int(time.time()) + LIFETIME_S)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing is open."""

    def __repr__(self) -> str:
        return "StaticToken(…)"


__all__ = ["StaticToken"]
