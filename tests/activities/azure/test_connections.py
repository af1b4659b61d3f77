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
from holdfast.activities.azure.profile import Profile
from holdfast.activities.mutation import Moved
from holdfast.workflows.model.errors import (
    ActionError,
    Conflict,
    InvalidInput,
    Unauthorized,
    Unavailable,
)

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


async def refused_write(status: int, code: str) -> Exception:
    """What a write raises that Azure refuses so."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": {"code": code, "message": "it is so"}}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        connections = TrafficManagerConnections(SUBSCRIPTION, url, lambda: StaticToken("t"))
        with pytest.raises((Moved, ActionError)) as raised:
            await connections.write(Profile(REF, {}, '"1"'), {}, {"by": "us"})
        await connections.close()
    return raised.value


@pytest.mark.parametrize(
    ("status", "code"),
    [(412, "PreconditionFailed"), (412, "Odd"), (409, "PreconditionFailed"), (409, "EtagMismatch")],
)
async def test_a_refused_condition_means_that_the_profile_moved(status: int, code: str) -> None:
    assert isinstance(await refused_write(status, code), Moved)


async def test_a_lock_is_a_conflict_that_says_what_azure_said() -> None:
    error = await refused_write(409, "ScopeLocked")
    assert isinstance(error, Conflict)
    assert "409 ScopeLocked: it is so" in str(error)


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(StaticToken("s3cret"))
