"""What a write leaves behind: etags and preconditions, the journal, the state, the reset."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

FENCED = {"tags": {"holdfast-idempotency-key": "plan/run/step", "holdfast-epoch": "4"}}
LYON = ("edge", "historian", "ExternalEndpoints", "lyon")
OFF = {"properties": {"endpointStatus": "Disabled"}}


def code_of(error: Any) -> str:
    """The code in the body of a refusal."""
    return str(error.error.code)


async def etag(client: Any, name: str = "historian") -> str:
    seen: list[str] = []

    def keep(response: Any) -> None:
        seen.append(response.http_response.headers["ETag"])

    await client.profiles.get("edge", name, raw_response_hook=keep)
    return seen[0]


async def test_the_etag_changes_with_the_profile_and_only_then(azure: Any) -> None:
    async with azure.client() as client:
        first = await etag(client)
        await client.profiles.update("edge", "historian", {"tags": {}})
        unchanged = await etag(client)
        await client.endpoints.update(*LYON, OFF)
        changed = await etag(client)

    assert first == unchanged != changed


@pytest.mark.parametrize("quoted", [True, False])
async def test_a_write_with_the_current_etag_goes_through(azure: Any, quoted: bool) -> None:
    async with azure.client() as client:
        current = await etag(client)
        given = current if quoted else current.strip('"')
        await client.endpoints.update(*LYON, OFF, headers={"If-Match": given})

    assert azure.last().applied is True


@pytest.mark.parametrize(
    "write",
    [
        lambda client, headers: client.profiles.update(
            "edge", "historian", FENCED, headers=headers
        ),
        lambda client, headers: client.profiles.create_or_update(
            "edge", "historian", {"location": "global"}, headers=headers
        ),
        lambda client, headers: client.profiles.delete("edge", "historian", headers=headers),
        lambda client, headers: client.endpoints.update(*LYON, OFF, headers=headers),
        lambda client, headers: client.endpoints.create_or_update(*LYON, OFF, headers=headers),
        lambda client, headers: client.endpoints.delete(*LYON, headers=headers),
    ],
    ids=["patch", "put", "delete", "endpoint-patch", "endpoint-put", "endpoint-delete"],
)
async def test_a_write_with_a_stale_etag_changes_nothing(azure: Any, write: Any) -> None:
    before = azure.part.state(canonical=True)
    async with azure.client() as client:
        stale = await etag(client)
        await client.profiles.update("edge", "historian", {"tags": {"moved": "on"}})
        await client.profiles.update("edge", "historian", {"tags": {}})
        with pytest.raises(HttpResponseError) as refused:
            await write(client, {"If-Match": stale})

    assert (refused.value.status_code, code_of(refused.value)) == (412, "PreconditionFailed")
    assert azure.part.state(canonical=True) == before
    assert (azure.last().applied, azure.last().before) == (False, azure.last().after)


async def test_if_none_match_creates_and_never_overwrites(azure: Any) -> None:
    async with azure.client() as client:
        with pytest.raises(HttpResponseError) as refused:
            await client.profiles.create_or_update(
                "edge", "historian", {"location": "global"}, headers={"If-None-Match": "*"}
            )

    assert refused.value.status_code == 412


async def test_of_two_writers_with_one_etag_one_wins(azure: Any) -> None:
    async with azure.client() as client:
        headers = {"If-Match": await etag(client)}
        outcomes = await asyncio.gather(
            *(
                client.profiles.update("edge", "historian", {"tags": {"by": who}}, headers=headers)
                for who in ("first", "second")
            ),
            return_exceptions=True,
        )

    assert sum(isinstance(outcome, HttpResponseError) for outcome in outcomes) == 1
    assert [entry.applied for entry in azure.journal.since(0)].count(True) == 1


async def test_key_and_epoch_are_taken_from_the_tags(azure: Any) -> None:
    async with azure.client() as client:
        await client.profiles.update("edge", "historian", FENCED)

    entry = azure.last()
    assert (entry.key, entry.epoch, entry.applied) == ("plan/run/step", 4, True)
    assert (entry.before["tags"], entry.after["tags"]) == ({}, FENCED["tags"])


async def test_key_and_epoch_of_an_endpoint_write_are_taken_from_the_headers(azure: Any) -> None:
    async with azure.client() as client:
        await client.endpoints.update(*LYON, OFF, headers=FENCED["tags"])

    assert (azure.last().key, azure.last().epoch) == ("plan/run/step", 4)


async def test_a_write_without_them_has_neither(azure: Any) -> None:
    async with azure.client() as client:
        await client.endpoints.update(*LYON, OFF)

    assert (azure.last().key, azure.last().epoch) == (None, None)


@pytest.mark.parametrize("epoch", ["four", "", "9" * 5000, "-1"])
async def test_an_epoch_that_is_no_number_is_no_epoch(azure: Any, epoch: str) -> None:
    async with azure.client() as client:
        await client.profiles.update("edge", "historian", {"tags": {"holdfast-epoch": epoch}})

    assert azure.last().epoch is None
    assert azure.part.state(canonical=False)["epochs"] == {}


async def test_what_one_entry_leaves_the_next_one_finds(azure: Any) -> None:
    async with azure.client() as client:
        await client.endpoints.update(*LYON, OFF)
        azure.world.up.clear()
        azure.clock.skipped += 60
        await client.profiles.update("edge", "historian", FENCED)
        await client.profiles.delete("edge", "historian")

    entries = azure.journal.since(0)
    assert entries[0].after == entries[1].before
    assert entries[1].after == entries[2].before
    assert entries[2].after is None


async def test_a_second_same_write_is_noted_as_not_applied(azure: Any) -> None:
    async with azure.client() as client:
        await client.endpoints.update(*LYON, OFF)
        await client.endpoints.update(*LYON, OFF)

    assert [entry.applied for entry in azure.journal.since(0)] == [True, False]


async def test_a_refused_write_is_noted_as_not_applied(azure: Any) -> None:
    async with azure.client() as client:
        with pytest.raises(HttpResponseError):
            await client.endpoints.update(*LYON, {"properties": {"weight": 0}})

    assert azure.last().applied is False


async def test_a_write_whose_answer_is_lost_was_done(azure: Any) -> None:
    azure.drop_next.add("PATCH")
    async with azure.client() as client:
        # The async transport reports an answer that was lost as a request that was not sent.
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            await client.endpoints.update(*LYON, OFF)
        endpoint = await client.endpoints.get(*LYON)

    assert endpoint.properties.endpoint_status == "Disabled"
    assert [method for method, _ in azure.requests] == ["PATCH", "GET"]


async def test_the_canonical_state_leaves_out_fencing_and_what_changes_by_itself(
    azure: Any,
) -> None:
    before = azure.part.state(canonical=True)
    async with azure.client() as client:
        await client.profiles.update("edge", "historian", FENCED)
    azure.world.up.clear()

    assert azure.part.state(canonical=True) == before
    assert azure.part.state(canonical=False)["epochs"] == {"historian": 4}


async def test_the_canonical_state_shows_each_change_of_routing(azure: Any) -> None:
    before = azure.part.state(canonical=True)
    async with azure.client() as client:
        await client.endpoints.update(*LYON, OFF)
        changed = azure.part.state(canonical=True)
        await client.endpoints.update(*LYON, {"properties": {"endpointStatus": "Enabled"}})

    assert changed["profiles"]["edge/historian"]["endpoints"]["lyon"]["status"] == "Disabled"
    assert azure.part.state(canonical=True) == before


async def test_reset_goes_back_to_the_seeded_world(azure: Any) -> None:
    before = azure.part.state(canonical=True)
    async with azure.client() as client:
        await client.profiles.delete("edge", "historian")
        await client.endpoints.update("edge", "orders", *LYON[2:], OFF)
    azure.part.reset()

    assert azure.part.state(canonical=True) == before
