"""The coordinator against a real server: asked by signal, crashed, frozen, gone on anew."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowUpdateFailedError

from holdfast.workflows.estate_coordinator import EstateCoordinator
from holdfast.workflows.model.coordination import (
    Application,
    Booking,
    EpochClaim,
    Fact,
    Release,
    Reservation,
    Verdict,
)
from holdfast.workflows.model.estate_state import EstateState
from holdfast.workflows.model.policy import BudgetPolicy
from holdfast.workflows.model.recovery import Action, Intervention, Mode
from support.asking import Asker
from support.coordinating import desk, waits

WITHIN_S = {100: 60.0, 1_000: 300.0}
FULL = os.environ.get("HOLDFAST_TEST_LANE") == "full"
ANA = Intervention(actor="ana", reason="storm over Lyon")


def applies(site: str, **more: Any) -> Application:
    given = {
        "action": Action.RECOVER,
        "mode": Mode.UNPLANNED,
        "actor": "monitoring",
        "reason": "heartbeat lost",
        "detected_at": datetime.now(UTC),
    }
    return Application(site=site, **{**given, **more})


def wants(service: str, site: str, cpu: str, room: str) -> Reservation:
    return Reservation(
        plan_hash="h",
        bookings=(Booking(service=service, site=site, demand={"cpu": cpu}),),
        room={site: {"cpu": room}},
        seen=0,
    )


async def test_who_asks_starts_the_coordinator_and_is_granted_room_and_an_epoch(
    temporal: Client,
) -> None:
    async with desk(temporal, "first") as on:
        reservation = wants("historian", "milan", "8", "8")
        claim = EpochClaim(services=("historian",), at_least=7)
        run = await on.asks(applies("lyon"), reservation=reservation, claim=claim)
        told = await run.result()

        assert told.admission is not None
        assert told.reserved is not None
        assert told.claimed is not None
        assert told.admission.verdict is Verdict.GRANTED
        assert told.admission.incident == "lyon-1"
        assert (told.reserved.granted, told.reserved.epoch) == (True, 1)
        assert told.claimed.epoch == 7
        assert (await on.state()).holders == ()


async def test_a_second_recovery_of_a_site_is_refused_and_hears_who_does_the_work(
    temporal: Client,
) -> None:
    async with desk(temporal, "joined") as on:
        first = await on.asks(applies("lyon"), stays=True)
        await on.until(lambda state: state.holders)
        second = await on.asks(applies("lyon"), name="again")
        told = await second.result()

        assert told.admission is not None
        assert told.admission.verdict is Verdict.REFUSED
        assert told.admission.sentence == (
            "lyon is already being recovered by recover/joined/lyon (incident lyon-1): that one"
            " does the work"
        )
        await first.terminate()


async def test_a_failback_waits_for_the_recovery_and_is_granted_when_it_ends(
    temporal: Client,
) -> None:
    async with desk(temporal, "behind") as on:
        first = await on.asks(applies("lyon"), stays=True)
        await on.until(lambda state: state.holders)
        home = await on.asks(applies("lyon", action=Action.FAIL_BACK, mode=Mode.PLANNED))
        waiting = await waits(home)
        await first.signal(Asker.go_on)
        told = await home.result()

        assert waiting.verdict is Verdict.QUEUED
        assert waiting.waits_for == "recover/behind/lyon"
        assert told.admission is not None
        assert told.admission.verdict is Verdict.GRANTED


async def test_what_a_terminated_holder_has_is_free_as_soon_as_somebody_wants_it(
    temporal: Client,
) -> None:
    async with desk(temporal, "crashed") as on:
        first = await on.asks(
            applies("lyon"), reservation=wants("a", "milan", "8", "8"), stays=True
        )
        await on.until(lambda state: state.holders and state.holders[0].bookings)
        await first.terminate("kill")
        # It is fresh in mind: it is looked after it when its word is older than a moment.
        await asyncio.sleep(5.1)
        second = await on.asks(applies("lyon"), "again", reservation=wants("a", "milan", "8", "8"))
        told = await second.result()

        assert told.admission is not None
        assert told.reserved is not None
        assert told.admission.verdict is Verdict.GRANTED
        assert told.reserved.granted
        assert (told.reserved.epoch) == 2
        log = (await on.state()).log
        assert any("has ended without giving lyon back" in entry.sentence for entry in log)


async def test_a_terminated_holder_is_found_even_if_nobody_asks(temporal: Client) -> None:
    async with desk(temporal, "unheard") as on:
        await on.open(look_every_s=0.3)
        first = await on.asks(applies("lyon"), stays=True)
        await on.until(lambda state: state.holders)
        await first.terminate("kill")

        state = await on.until(lambda state: not state.holders)
        assert "has ended without giving lyon back" in state.log[-1].sentence


async def test_a_holder_that_was_reset_keeps_what_it_has(temporal: Client) -> None:
    async with desk(temporal, "reset") as on:
        await on.open(look_every_s=0.2)
        first = await on.asks(applies("lyon"), stays=True)
        state = await on.until(lambda state: state.holders)
        await temporal.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=first.id, run_id=first.first_execution_run_id or ""
                ),
                reason="a new deployment",
                workflow_task_finish_event_id=4,
                request_id="reset",
            )
        )
        again = temporal.get_workflow_handle_for(Asker.run, first.id)
        await again.signal(Asker.go_on)
        told = await again.result()

        assert told.admission is not None
        assert told.admission.verdict is Verdict.GRANTED
        assert told.admission.incident == state.holders[0].incident
        log = [entry.sentence for entry in (await on.state()).log]
        assert not any("without giving" in sentence for sentence in log)


async def test_a_coordinator_that_was_terminated_hears_from_holders_what_they_had(
    temporal: Client,
) -> None:
    async with desk(temporal, "amnesia") as on:
        claim = EpochClaim(services=("a",), at_least=3)
        first = await on.asks(
            applies("lyon"),
            reservation=wants("a", "milan", "8", "8"),
            claim=claim,
            pauses=True,
            stays=True,
        )
        before = await on.until(lambda state: state.holders)
        await on.coordinator.terminate("lost")
        await first.signal(Asker.go_on)
        state = await on.until(lambda state: state.holders and state.holders[0].bookings)
        await on.until(lambda state: state.holders[0].epoch == 3)
        rival = await on.asks(applies("nice"), reservation=wants("b", "milan", "1", "8"))
        told = await rival.result()
        await first.signal(Asker.go_on)
        await first.result()

        assert state.holders[0].incident == before.holders[0].incident
        assert told.reserved is not None
        assert told.reserved.sentence == (
            "milan has room for 8 cpu, of which 8 is taken by recover/amnesia/lyon; 1 is wanted"
        )


async def test_those_who_wait_when_the_coordinator_is_terminated_ask_the_new_one(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.workflows.coordinator_link.CALM", timedelta(seconds=1))
    async with desk(temporal, "waiting", sandbox=False) as on:
        later = timedelta(seconds=6)
        waiting = await on.asks(applies("lyon", holddown=later))
        assert (await waits(waiting)).verdict is Verdict.QUEUED
        await on.coordinator.terminate("lost")
        told = await waiting.result()

        assert told.admission is not None
        assert told.admission.verdict is Verdict.GRANTED


async def test_a_frozen_estate_grants_nothing_and_a_thaw_decides_on_all_who_waited(
    temporal: Client,
) -> None:
    async with desk(temporal, "frozen") as on:
        await on.open()
        accepted = await on.coordinator.execute_update(EstateCoordinator.freeze, ANA)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await on.coordinator.execute_update(EstateCoordinator.freeze, ANA)
        waiting = await on.asks(applies("lyon"))
        held = await waits(waiting)
        await on.coordinator.execute_update(EstateCoordinator.thaw, ANA)
        told = await waiting.result()

        assert accepted.sentence.startswith("ana freezes frozen: storm over Lyon")
        assert "is frozen already" in str(refused.value.cause)
        assert held.verdict is Verdict.HELD
        assert "by ana: storm over Lyon" in held.sentence
        assert told.admission is not None
        assert told.admission.verdict is Verdict.GRANTED


async def test_facts_of_ended_recoveries_outlive_the_runs_of_the_coordinator(
    temporal: Client,
) -> None:
    async with desk(temporal, "facts") as on:
        await on.open(most_events=50)
        moved = Fact(service="a", site="milan", was_at="lyon", took_s=12.5, fenced=False)
        release = Release(outcome="recovered", acted=True, moved=(moved,))
        cooldown = timedelta(hours=1)
        await (await on.asks(applies("lyon", cooldown=cooldown), release=release)).result()
        for number in range(12):
            await (await on.asks(applies(f"site-{number}"))).result()
        late = await (await on.asks(applies("lyon"), name="late")).result()
        last = await (await on.asks(applies("nice"))).result()

        described = await on.coordinator.describe()
        assert described.run_id != described.raw_info.first_run_id
        assert last.admission is not None
        assert last.admission.facts.locations == {"a": "milan"}
        assert last.admission.facts.past_s == {"a": (12.5,)}
        assert [fact.site for fact in last.admission.facts.unfenced] == ["lyon"]
        assert late.admission is not None
        assert late.admission.verdict is Verdict.REFUSED
        assert "its cool-down lasts until" in late.admission.sentence


@pytest.mark.parametrize(
    "sites",
    [
        100,
        pytest.param(
            1_000,
            marks=[
                pytest.mark.skipif(not FULL, reason="HOLDFAST_TEST_LANE=full"),
                pytest.mark.timeout(400),
            ],
        ),
    ],
)
async def test_a_storm_of_sites_is_answered_correctly_in_bounded_history(
    temporal: Client, sites: int
) -> None:
    """Ten recovery sites with room for half of the services; each site asks once for one."""
    most_events = 300 if sites == 100 else 3_000
    async with desk(temporal, f"storm-{sites}", sandbox=False) as on:
        await on.open(most_events=most_events)
        began = time.monotonic()
        room, budget = f"{sites // 20}", BudgetPolicy(sites=sites, window=timedelta(minutes=15))
        runs = await asyncio.gather(
            *(
                on.asks(
                    applies(f"site-{n:04}", budget=budget, concerns=(f"hub-{n % 10}",)),
                    reservation=wants(f"service-{n:04}", f"hub-{n % 10}", "1", room),
                    stays=True,
                )
                for n in range(sites)
            )
        )
        state = await on.until(
            lambda state: heard_of_room(state) == sites,
            within_s=WITHIN_S[sites],
            every_s=sites / 200,
        )
        await asyncio.gather(*(run.signal(Asker.go_on) for run in runs))
        # Not by waiting for a thousand results: so many long polls would be the storm.
        await on.until(lambda state: not state.holders, WITHIN_S[sites], every_s=sites / 200)
        told = [await run.result() for run in runs]
        seconds = time.monotonic() - began
        lengths = await histories(temporal, on.coordinator.id)

        print(f"{sites} sites: {seconds:.1f} s; events of the coordinator's runs: {lengths}")
        assert all(one.admission and one.admission.verdict is Verdict.GRANTED for one in told)
        assert len({one.admission.incident for one in told if one.admission}) == sites
        granted = [one.reserved for one in told if one.reserved and one.reserved.granted]
        refused = [one.reserved for one in told if one.reserved and not one.reserved.granted]
        assert (len(granted), len(refused)) == (sites // 2, sites // 2)
        assert all("1 is wanted" in one.sentence for one in refused)
        by_hub: dict[str, int] = {}
        for holder in state.holders:
            for booking in holder.bookings:
                by_hub[booking.site] = by_hub.get(booking.site, 0) + 1
        assert set(by_hub.values()) == {sites // 20}
        assert (await on.state()).holders == ()
        assert len(lengths) > 1
        assert max(lengths) <= most_events + 2_500


def heard_of_room(state: EstateState) -> int:
    """How many have been told whether there is room for them."""
    return sum("room for" in holder.sentence for holder in state.holders)


async def histories(temporal: Client, workflow_id: str) -> list[int]:
    """The lengths of the histories of all runs of a workflow, the first run first."""
    handle = temporal.get_workflow_handle(workflow_id)
    run_id = (await handle.describe()).raw_info.first_run_id
    lengths = []
    while run_id:
        events = (
            await temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        ).events
        lengths.append(len(events))
        last = events[-1].workflow_execution_continued_as_new_event_attributes
        run_id = last.new_execution_run_id
    return lengths
