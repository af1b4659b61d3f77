"""State, journal and reset: the oracle's view of the world."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


async def test_the_state_shows_sites_workloads_profiles_and_epochs(milan: Any) -> None:
    await milan.scale(2, epoch=7)
    await asyncio.sleep(0.15)

    state = await milan.admin("GET", "state")

    assert state["sites"]["milan"]["reachable"] is True
    assert state["sites"]["milan"]["workloads"][0] == {
        "kind": "Deployment",
        "namespace": "historian",
        "name": "api",
        "service": "historian",
        "replicas": 2,
        "readyReplicas": 2,
        "epoch": 7,
    }
    assert state["epochs"] == {"historian": 7}
    assert "edge/historian" in state["profiles"]
    assert {(e["profile"], e["endpoint"]) for e in state["endpoints"]} == {
        ("edge/historian", "lyon"),
        ("edge/historian", "milan"),
    }
    assert {workload["site"] for workload in state["workloads"]} == {"lyon", "milan"}


async def test_a_world_that_was_rolled_back_equals_the_world_before(milan: Any) -> None:
    before = await milan.admin("GET", "state?canonical=1")
    await milan.scale(2, epoch=7)
    changed = await milan.admin("GET", "state?canonical=1")

    await milan.scale(0, epoch=7)

    assert changed != before
    assert await milan.admin("GET", "state?canonical=1") == before


async def test_the_canonical_world_does_not_change_by_itself(milan: Any) -> None:
    await milan.scale(2)
    early = await milan.admin("GET", "state?canonical=1")
    await asyncio.sleep(0.15)

    assert await milan.admin("GET", "state?canonical=1") == early


async def test_the_canonical_world_differs_where_an_annotation_of_others_differs(
    milan: Any,
) -> None:
    before = await milan.admin("GET", "state?canonical=1")

    await milan.apps.patch_namespaced_deployment(
        "api", "historian", {"metadata": {"annotations": {"example.com/owner": "x"}}}
    )

    assert await milan.admin("GET", "state?canonical=1") != before


async def test_an_entry_says_who_changed_what_and_how_it_was_before(milan: Any) -> None:
    await milan.scale(2, epoch=7)

    [entry] = await milan.journal()

    assert {name: entry[name] for name in ("seq", "site", "system", "method", "key", "epoch")} == {
        "seq": 1,
        "site": "milan",
        "system": "kubernetes",
        "method": "PATCH",
        "key": "key-7",
        "epoch": 7,
    }
    assert entry["path"] == "/apis/apps/v1/namespaces/historian/deployments/api"
    assert (entry["status"], entry["applied"]) == (200, True)
    assert (entry["before"]["spec"]["replicas"], entry["after"]["spec"]["replicas"]) == (0, 2)
    assert entry["at"].endswith("Z")


async def test_a_write_that_changes_nothing_is_in_the_journal_as_not_applied(milan: Any) -> None:
    await milan.scale(2)
    await milan.scale(2)

    assert [entry["applied"] for entry in await milan.journal()] == [True, False]


async def test_the_marks_of_a_json_patch_are_seen_too(milan: Any) -> None:
    await milan.apps.patch_namespaced_deployment(
        "api",
        "historian",
        [
            {
                "op": "add",
                "path": "/metadata/annotations",
                "value": {"holdfast.dev/epoch": "3"},
            },
            {
                "op": "add",
                "path": "/metadata/annotations/holdfast.dev~1idempotency-key",
                "value": "k",
            },
        ],
    )

    [entry] = await milan.journal()
    assert (entry["key"], entry["epoch"]) == ("k", 3)


async def test_the_journal_is_read_from_a_sequence_number_on(milan: Any) -> None:
    for replicas in (1, 2, 3):
        await milan.scale(replicas)

    assert [entry["seq"] for entry in await milan.journal(since=1)] == [2, 3]
    assert await milan.journal(since=3) == []
    assert await milan.journal(since=99) == []


async def test_a_reset_brings_back_the_initial_world(milan: Any) -> None:
    before = await milan.admin("GET", "state?canonical=1")
    await milan.scale(2)
    await milan.admin("POST", "faults", {"behaviour": "error"})
    await milan.admin("POST", "sites/milan", {"reachable": False})

    await milan.admin("POST", "reset")

    assert await milan.admin("GET", "state?canonical=1") == before
    assert await milan.replicas() == 0
    assert await milan.journal() == []


async def test_sequence_numbers_go_on_after_a_reset(milan: Any) -> None:
    await milan.scale(1)
    await milan.admin("POST", "reset")
    await milan.scale(1)

    assert [entry["seq"] for entry in await milan.journal()] == [2]
    assert [entry["seq"] for entry in await milan.journal(since=1)] == [2]


@pytest.mark.parametrize("query", ["state?canonical=maybe", "journal?since=x", "journal?since=-1"])
async def test_a_query_that_makes_no_sense_is_refused(milan: Any, query: str) -> None:
    with pytest.raises(Exception, match="400: "):
        await milan.admin("GET", query)
