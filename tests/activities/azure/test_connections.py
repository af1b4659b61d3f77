"""The connection to Azure Resource Manager, where there is nobody to answer."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.credentials import StaticToken
from holdfast.activities.azure.inputs import ProfileRef
from holdfast.workflows.model.errors import ActionError, InvalidInput, Unauthorized, Unavailable

REF = ProfileRef("edge", "historian")
SUBSCRIPTION = "5ab00000-0000-4000-8000-000000000001"


class NoCredential(StaticToken):
    """Signed in nowhere."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        raise ClientAuthenticationError("no credential in the chain; tried secret s3cret")


async def failure(connections: TrafficManagerConnections) -> ActionError:
    with pytest.raises(ActionError) as raised:
        await connections.read(REF)
    await connections.close()
    return raised.value


async def test_a_missing_subscription_is_named_with_its_setting() -> None:
    error = await failure(TrafficManagerConnections(None))
    assert isinstance(error, InvalidInput)
    assert "HOLDFAST_AZURE_SUBSCRIPTION_ID" in str(error)


async def test_a_refused_connection_is_unavailable() -> None:
    nowhere = TrafficManagerConnections(
        SUBSCRIPTION, "http://127.0.0.1:9", lambda: StaticToken("s3cret")
    )
    error = await failure(nowhere)
    assert isinstance(error, Unavailable)
    assert str(error).startswith("reading Traffic Manager profile edge/historian: no answer")


async def test_a_missing_credential_says_how_to_sign_in() -> None:
    unsigned = TrafficManagerConnections(
        SUBSCRIPTION, "http://127.0.0.1:9", lambda: NoCredential("")
    )
    error = await failure(unsigned)
    assert isinstance(error, Unauthorized)
    assert "sign the worker in" in str(error)
    assert "s3cret" not in str(error)


async def test_an_answer_that_is_no_json_is_unavailable() -> None:
    async def welcome(_: web.Request) -> web.Response:
        return web.Response(text="<html>welcome</html>", content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", welcome)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        error = await failure(
            TrafficManagerConnections(SUBSCRIPTION, url, lambda: StaticToken("t"))
        )
    assert isinstance(error, Unavailable)


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(StaticToken("s3cret"))
