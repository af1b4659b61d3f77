"""http.expect against the lab's ingress."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.boundary import parse_inputs
from holdfast.activities.http import ExpectHttp, ExpectHttpInputs, HttpConnections
from holdfast.workflows.model.errors import InvalidInput
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld

LYON: dict[str, Any] = {"url": "http://historian.lyon.example/healthz?token=s3cret"}
MILAN: dict[str, Any] = {"url": "http://historian.milan.example/healthz?token=s3cret"}
WORKLOADS = (
    "/apis/apps/v1/namespaces/historian/deployments/api",
    "/apis/apps/v1/namespaces/bus/statefulsets/broker",
)


@pytest.fixture(scope="session")
async def connections(running: ActionWorld) -> AsyncIterator[HttpConnections]:
    connections = HttpConnections(running.access.url, read_timeout_s=0.2)
    yield connections
    await connections.close()


@pytest.fixture
def expect(connections: HttpConnections) -> ExpectHttp:
    return ExpectHttp(connections)


async def test_probe_looks_once_and_qualifies_what_does_not_answer_yet(
    world: ActionWorld, expect: ExpectHttp
) -> None:
    up, down = await world.probe(expect, LYON, MILAN)
    assert (up.state, up.qualification) == (Applied.APPLIED, Qualification.QUALIFIED)
    assert (down.state, down.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert (up.resource, up.undo_command) == (None, None)
    assert "200 expected" in down.reason


async def test_probe_of_nobody_is_not_applied(world: ActionWorld, expect: ExpectHttp) -> None:
    direct = ExpectHttp(HttpConnections())
    seen = await world.probe_one(direct, {"url": "http://127.0.0.1:9/"})
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert "no answer" in seen.reason


async def test_apply_asks_until_the_service_is_there(
    world: ActionWorld, expect: ExpectHttp
) -> None:
    heard = asyncio.Event()

    def hears(text: Any) -> None:
        if "200 expected" in str(text):
            heard.set()

    asking = asyncio.create_task(world.apply(expect, MILAN, None, hears=hears))
    await asyncio.wait_for(heard.wait(), 5)
    for path in WORKLOADS:
        await world.kubernetes("milan", path, {"spec": {"replicas": 1}})
    evidence = await asking
    assert not evidence.changed
    assert int(str(evidence.details["asked"])) > 1


async def test_apply_gives_up_after_its_own_time(world: ActionWorld, expect: ExpectHttp) -> None:
    with pytest.raises(ApplicationError, match="200 expected for") as failure:
        await world.apply(expect, {**MILAN, "within": "200ms"}, None)
    assert (failure.value.type, failure.value.non_retryable) == ("VerificationFailed", True)


async def test_apply_gives_up_at_the_step_s_deadline(
    world: ActionWorld, expect: ExpectHttp
) -> None:
    with pytest.raises(ApplicationError) as failure:
        await world.apply(expect, MILAN, None, timeout=timedelta(milliseconds=200))
    assert failure.value.type == "VerificationFailed"


@pytest.mark.parametrize(("text", "held"), [("", True), ("no such text", False)])
async def test_the_body_can_be_expected_to_contain_a_text(
    world: ActionWorld, connections: HttpConnections, text: str, held: bool
) -> None:
    inputs = parse_inputs(ExpectHttpInputs, {**LYON, "contains": text or "historian"})
    assert (await connections.look(inputs)).held is held


@pytest.mark.parametrize(
    "fault",
    [
        {"behaviour": "error", "status": 500},
        {"behaviour": "throttle", "seconds": 0},
        {"behaviour": "delay", "seconds": 0.1},
        {"behaviour": "hang"},
        {"behaviour": "drop_answer"},
    ],
)
async def test_a_faulted_answer_is_asked_again(
    world: ActionWorld, expect: ExpectHttp, fault: dict[str, Any]
) -> None:
    await world.fault(**fault, path="historian.lyon")
    assert (await world.apply(expect, LYON, None)).sentence.startswith(
        "http://historian.lyon.example/healthz answered 200"
    )


async def test_a_query_is_never_shown(world: ActionWorld, expect: ExpectHttp) -> None:
    (seen,) = await world.probe(expect, MILAN)
    with pytest.raises(ApplicationError) as failure:
        await world.apply(expect, {**MILAN, "within": "100ms"}, None)
    assert "s3cret" not in seen.model_dump_json() + str(failure.value)


async def test_revert_has_nothing_to_put_back(world: ActionWorld, expect: ExpectHttp) -> None:
    assert not (await world.revert(expect, MILAN, None)).changed
    assert await world.changes() == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "historian/healthz",
        "http://",
        "http://host:99999/",
        "http://[::1/",
        "https://user:s3cret@host/",
    ],
)
def test_a_url_that_is_none_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="url: ") as refusal:
        parse_inputs(ExpectHttpInputs, {"url": url})
    assert "s3cret" not in str(refusal.value)


async def test_a_proxy_that_is_none_is_named_without_its_password(world: ActionWorld) -> None:
    broken = ExpectHttp(HttpConnections("user:s3cret@proxy"))
    seen = await world.probe_one(broken, LYON)
    assert "HOLDFAST_HTTP_PROXY" in seen.reason
    assert "s3cret" not in seen.reason
