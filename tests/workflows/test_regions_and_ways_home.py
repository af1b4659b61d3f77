"""A region that is lost, a site that comes home, and a site that returns meanwhile."""

import asyncio

from temporalio.client import Client

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.failback import FailbackPhase, FailbackRequest, FailbackStatus
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest
from holdfast.workflows.model.region import RegionRequest, RegionStatus
from support.regions import estate_in_regions
from support.scripted import Stage, stage


async def region_ends(on: Stage, workflow_id: str) -> RegionStatus:
    async with asyncio.timeout(60):
        async for status in on.client.watch_region(workflow_id):
            if status.ended_at is not None or status.outcome == "held":
                return status
    raise AssertionError("a watch ends with an ended run")


async def failback_ends(on: Stage, workflow_id: str) -> FailbackStatus:
    async with asyncio.timeout(60):
        async for status in on.client.watch_failback(workflow_id):
            if status.ended_at is not None:
                return status
    raise AssertionError("a watch ends with an ended run")


SITES = {"a": {"a0": 0, "a1": 1, "a2": 2}, "b": {"b0": 0, "b2": 2}, "c": {"c1": 1}}


async def test_the_critical_tiers_of_every_site_act_before_any_other(temporal: Client) -> None:
    slow = {"a0/up.apply": ["slow:1"], "b0/up.apply": ["slow:0.5"], "c1/up.apply": ["slow:0.5"]}
    async with stage(temporal, slow) as on:
        request = RegionRequest(estate=estate_in_regions(SITES), region="r", actor="test")
        started = await on.client.recover_region(request)
        status = await region_ends(on, started.workflow_id)

        assert status.outcome == "recovered"
        assert {site.site: site.recovered for site in status.sites} == {"a": 3, "b": 2, "c": 1}
        applied = [each for each in on.world.happened if each.endswith("apply ends")]
        begun = [each for each in on.world.happened if each.endswith("apply begins")]
        tier = {name: t for each in SITES.values() for name, t in each.items()}
        order = [tier[entry.split("/")[0]] for entry in begun]
        assert order == sorted(order), on.world.happened
        for later in ("a1", "c1"):
            first = on.world.index(f"{later}/up apply begins")
            assert all(on.world.index(f"{z}/up apply ends") < first for z in ("a0", "b0"))
        assert len(applied) == 6


async def test_one_site_that_fails_takes_no_other_with_it(temporal: Client) -> None:
    async with stage(temporal, {"b0/up.apply": ["conflict"]}) as on:
        request = RegionRequest(estate=estate_in_regions(SITES), region="r", actor="test")
        started = await on.client.recover_region(request)
        status = await region_ends(on, started.workflow_id)

        assert status.outcome == "partially_recovered"
        ends = {site.site: site.outcome for site in status.sites}
        assert ends == {
            "a": Outcome.RECOVERED,
            "b": Outcome.ROLLED_BACK,
            "c": Outcome.RECOVERED,
        }
        assert "not, or not wholly: b" in status.sentence


async def test_more_lost_sites_than_the_budget_wait_for_a_person(temporal: Client) -> None:
    policy = {"budget": {"sites": 2, "window": "15m"}}
    async with stage(temporal) as on:
        estate = estate_in_regions(SITES, policy)
        started = await on.client.recover_region(
            RegionRequest(estate=estate, region="r", actor="test")
        )
        status = await region_ends(on, started.workflow_id)

        assert status.outcome == "held"
        phases = [site.phase for site in status.sites]
        assert phases.count("held") == 1
        assert sum(site.outcome is Outcome.RECOVERED for site in status.sites) == 2
        await temporal.get_workflow_handle(started.workflow_id).cancel()


async def test_services_come_home_by_one_planned_move(temporal: Client) -> None:
    async with stage(temporal) as on:
        policy = {"approval": {"failback": "none"}}
        estate = estate_in_regions({"a": {"bus": 0, "app": 1}}, policy)
        request = RecoveryRequest(estate=estate, site="a", actor="test", reason="lost")
        on.workflow_id = (await on.client.recover(request)).workflow_id
        assert (await on.ends()).outcome is Outcome.RECOVERED

        back = FailbackRequest(estate=estate, site="a", actor="test", reason="it is repaired")
        started = await on.client.fail_back(back)
        ended = await failback_ends(on, started.workflow_id)

        assert ended.outcome is Outcome.RECOVERED, ended.log
        assert ended.services == ("bus", "app")
        assert ended.phase is FailbackPhase.ENDED
        report = await on.client.result(on.workflow_id)
        assert {(each.source, each.target) for each in report.services} == {("far", "a")}

        again = await failback_ends(on, (await on.client.fail_back(back)).workflow_id)
        assert again.outcome is Outcome.ROLLED_BACK
        assert "at home; there is nothing to bring back" in again.sentence


async def test_a_failback_waits_for_its_approval_in_its_move(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = estate_in_regions({"a": {"bus": 0}}, {"approval": {"failback": "one"}})
        request = RecoveryRequest(estate=estate, site="a", actor="test", reason="lost")
        on.workflow_id = (await on.client.recover(request)).workflow_id
        await on.ends()
        started = await on.client.fail_back(FailbackRequest(estate=estate, site="a", actor="test"))
        async for status in on.client.watch_failback(started.workflow_id):
            if status.recovery is not None:
                break
        assert status.recovery == on.workflow_id
        asked = None
        async with asyncio.timeout(20):
            while asked is None or asked.approval is None or asked.ended_at:
                asked = await on.client.status(on.workflow_id)
                await asyncio.sleep(0.05)
        await on.client.approve(
            on.workflow_id,
            actor="ana",
            reason="looked at",
            plan_hash=asked.approval.plan_hash,
            request=asked.approval.request,
        )
        assert (await failback_ends(on, started.workflow_id)).outcome is Outcome.RECOVERED


async def test_a_guest_of_a_large_estate_moves_on_when_its_host_is_lost_too(
    temporal: Client,
) -> None:
    document = estate_in_regions({"a": {"bus": 0}}).document()
    document["sites"] += [{"name": f"s{number}", "region": "s"} for number in range(120)]
    document["services"][0]["recovery_sites"] = ["far", "s7"]
    estate = Estate.model_validate(document)
    async with stage(temporal) as on:
        for lost, target in (("a", "far"), ("far", "s7")):
            request = RecoveryRequest(estate=estate, site=lost, actor="test", reason="lost")
            on.workflow_id = (await on.client.recover(request)).workflow_id
            ended = await on.ends()
            assert ended.outcome is Outcome.RECOVERED, ended.log
            assert [(each.source, each.target) for each in ended.services] == [(lost, target)]
