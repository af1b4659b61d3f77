"""A service is moved by hand while a client writes: what the order of the steps saves or loses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.deploy.lab.server import Lab
from support.activity_oracle import Reached, active_sites, violations
from support.historian import FENCE, Historian, until
from support.writer import Writer


@pytest.fixture
async def historian(lab: Lab) -> AsyncIterator[Historian]:
    historian = Historian(lab)
    yield historian
    await historian.close()


@pytest.fixture
async def writer(lab: Lab) -> AsyncIterator[Writer]:
    writer = Writer(lab, "historian", per_second=100)
    yield writer
    await stopped(writer)


async def written(writer: Writer, count: int, at: str) -> None:
    """Wait until so many more records were taken at a site."""
    await asyncio.to_thread(writer.more, count, at=at)


async def stopped(writer: Writer) -> None:
    await asyncio.to_thread(writer.stop)


async def lost(writer: Writer, site: str) -> list[str]:
    return await asyncio.to_thread(writer.lost, "historian", site)


async def test_a_move_that_drains_and_waits_for_the_sync_loses_nothing(
    historian: Historian, writer: Writer
) -> None:
    writer.start()
    await written(writer, 20, "lyon")

    await historian.disable("lyon")
    await until(lambda: in_sync(historian))
    await historian.patch("lyon", FENCE)
    await historian.scale("milan", 3)
    await written(writer, 20, "milan")
    await stopped(writer)

    assert writer.sites == ["lyon", "milan"]
    assert await lost(writer, "milan") == []


async def in_sync(historian: Historian) -> bool:
    return await historian.value("replication_lag_seconds", "lyon", "milan") == 0


async def test_a_move_that_does_not_wait_for_the_sync_loses_what_was_under_way(
    historian: Historian, writer: Writer
) -> None:
    await historian.admin("POST", "replication", {"seconds": 3600})
    writer.start()
    await written(writer, 20, "lyon")

    await historian.disable("lyon")
    await historian.patch("lyon", FENCE)
    await historian.scale("milan", 3)
    await written(writer, 20, "milan")
    await stopped(writer)

    of_lyon = [each.id for each in writer.acknowledged if each.site == "lyon"]
    assert await lost(writer, "milan") == of_lyon
    assert (await historian.copy("lyon"))[1] == of_lyon


async def test_the_loss_of_a_site_costs_no_more_than_what_was_not_replicated(
    historian: Historian, writer: Writer
) -> None:
    writer.start()
    await written(writer, 20, "lyon")

    await until(lambda: some_at(historian, "milan"))
    await historian.reach("lyon", False)
    safe = (await historian.copy("milan"))[0]
    await historian.disable("lyon")
    await historian.scale("milan", 3)
    await written(writer, 20, "milan")
    await stopped(writer)

    of_lyon = [each.id for each in writer.acknowledged if each.site == "lyon"]
    assert safe
    assert await lost(writer, "milan") == [id for id in of_lyon if id not in safe]


async def some_at(historian: Historian, site: str) -> bool:
    return bool((await historian.copy(site))[0])


async def test_a_record_whose_answer_was_lost_is_sent_again_and_held_once(
    historian: Historian, writer: Writer
) -> None:
    match = {"system": "http", "method": "POST"}
    await historian.admin(
        "POST", "faults", {"match": match, "behaviour": "drop_answer", "times": 5}
    )
    writer.start()
    await written(writer, 5, "lyon")
    await stopped(writer)

    assert await lost(writer, "lyon") == []
    held = (await historian.copy("lyon"))[0]
    assert held == [each.id for each in writer.acknowledged]


async def test_a_move_that_fences_first_is_never_active_twice(historian: Historian) -> None:
    before = await historian.admin("GET", "state")
    await historian.scale("lyon", 0)
    await historian.scale("milan", 3)
    after = await historian.admin("GET", "state")

    assert violations(before, await historian.admin("GET", "journal")) == []
    assert active_sites(before, "historian") == {"lyon"}
    assert active_sites(after, "historian") == {"milan"}


async def test_a_move_that_promotes_first_is_seen_at_the_very_entry(historian: Historian) -> None:
    before = await historian.admin("GET", "state")
    await historian.scale("milan", 3)
    await historian.scale("lyon", 0)

    journal = await historian.admin("GET", "journal")
    [(seq, service, sites)] = violations(before, journal)
    assert (seq, service, sites) == (journal[0]["seq"], "historian", ("lyon", "milan"))


async def test_a_lost_copy_may_run_on_once_its_traffic_is_withdrawn_and_only_until_it_is_back(
    historian: Historian,
) -> None:
    await historian.reach("lyon", False)
    before = await historian.admin("GET", "state?canonical=1")
    await historian.disable("lyon")
    await historian.scale("milan", 3)
    journal = await historian.admin("GET", "journal")
    [withdrawal, promotion] = [entry["seq"] for entry in journal if entry["applied"]]

    assert violations(before, journal) == []
    assert [each.seq for each in violations(before, journal[1:])] == [promotion]
    back = Reached(after=promotion, site="lyon", reachable=True)
    assert [each.seq for each in violations(before, journal, reached=[back])] == [promotion]
    assert withdrawal < promotion
