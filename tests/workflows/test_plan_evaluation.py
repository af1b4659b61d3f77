"""The readiness of every plan of an estate, on the real server with a scripted action."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from holdfast.starters.evaluations import EvaluationRefused, NeverEvaluated
from holdfast.starters.recovery_client import RecoveryNotFound
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.readiness import EstateReadiness, EvaluationInput, SiteReadiness
from holdfast.workflows.model.step import Qualification
from holdfast.workflows.names import evaluation_id
from holdfast.workflows.plan_evaluation import PlanEvaluation
from support.scripted import Stage, estate_of, stage

QUALIFIED, NOT_QUALIFIED = Qualification.QUALIFIED, Qualification.NOT_QUALIFIED
UNKNOWN, EXCLUDED = Qualification.UNKNOWN, Qualification.EXCLUDED


async def evaluated(
    on: Stage, estate: Estate, sites: Sequence[str] = (), **more: Any
) -> EstateReadiness:
    """The readiness once it has been evaluated."""
    begun = await on.client.evaluate(estate, sites=sites, **more)
    async with asyncio.timeout(60):
        watched = on.client.watch_evaluation(
            estate.name, begun, sites=sites, every=timedelta(milliseconds=50)
        )
        async for found in watched:
            last = found
    return last


def of(found: EstateReadiness, site: str) -> SiteReadiness:
    """One site's readiness."""
    return next(each for each in found.sites if each.site == site)


async def test_a_site_whose_every_step_can_be_done_is_qualified(temporal: Client) -> None:
    async with stage(temporal) as on:
        found = await evaluated(on, estate_of({"bus": ["up", "check"], "db<bus": ["up"]}))

        site = of(found, "a")
        assert (site.verdict, site.services, site.services_qualified) == (QUALIFIED, 2, 2)
        assert (site.steps, site.steps_qualified) == (3, 3)
        assert site.predicted_s == 30
        assert found.verdict is QUALIFIED
        assert on.world.happened == []


async def test_a_site_with_nothing_to_recover_is_excluded(temporal: Client) -> None:
    async with stage(temporal) as on:
        found = await evaluated(on, estate_of({"bus": ["up"]}))

        assert of(found, "b").verdict is EXCLUDED


async def test_a_step_that_cannot_be_done_disqualifies_its_site_and_says_why(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/check.probe": ["missing"]}) as on:
        found = await evaluated(on, estate_of({"bus": ["up", "check"], "db": ["up"]}))

        site = of(found, "a")
        assert site.verdict is NOT_QUALIFIED
        assert site.reasons == ("bus/check: it does not exist; create it",)
        assert (site.services_qualified, site.steps_qualified) == (1, 2)


async def test_the_worst_sites_and_reasons_come_first(temporal: Client) -> None:
    script = {"bus/up.probe": ["unknown"], "db/up.probe": ["missing"]}
    async with stage(temporal, script) as on:
        found = await evaluated(on, estate_of({"bus": ["up"], "db": ["up"]}))

        assert [site.site for site in found.sites] == ["a", "b"]
        assert of(found, "a").reasons[0].startswith("db/up")
        assert found.sentence == "2 sites: 1 NOT_QUALIFIED, 1 EXCLUDED"


async def test_what_cannot_be_seen_is_unknown(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.probe": ["unknown"]}) as on:
        found = await evaluated(on, estate_of({"bus": ["up"]}))

        assert found.verdict is UNKNOWN


async def test_a_named_site_is_told_step_by_step(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.probe": ["missing"]}) as on:
        found = await evaluated(on, estate_of({"bus": ["up", "check"]}), sites=["a"])

        assert found.details is not None
        assert [(step.step, step.verdict) for step in found.details.steps] == [
            ("bus/up", NOT_QUALIFIED),
            ("bus/check", QUALIFIED),
        ]
        assert [service.target for service in found.details.services] == ["b"]


async def test_a_changed_estate_is_evaluated_whole_and_an_unchanged_one_need_not_be(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]})
        first = await evaluated(on, estate)
        same = await on.client.evaluate(estate, only_if_changed=True)
        more = estate_of({"bus": ["up"], "db": ["up"]})
        changed = more.model_copy(update={"metadata": estate.metadata})
        second = await evaluated(on, changed, only_if_changed=True)

        assert same.number == first.number
        assert second.number == first.number + 1
        assert of(second, "a").services == 2


async def test_a_service_without_room_disqualifies_its_site(temporal: Client) -> None:
    document = estate_of({"bus": ["up"], "db": ["up"]}, db={"demand": {"cpu": "8"}}).document()
    document["sites"][1]["capacity"] = {"cpu": "4"}
    async with stage(temporal) as on:
        found = await evaluated(on, Estate.model_validate(document))

        site = of(found, "a")
        assert (site.verdict, site.services_qualified) == (NOT_QUALIFIED, 1)
        assert "cpu" in site.reasons[0]


async def test_a_service_that_would_be_back_too_late_is_told_but_stays_qualified(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up", "check"]}, bus={"objectives": {"rto": "15s"}})
        site = of(await evaluated(on, estate), "a")

        assert (site.verdict, site.late) == (QUALIFIED, ("bus",))
        assert site.remarks == ("bus is predicted to be back after 20 s, and its objective is 15s",)


async def test_where_no_worker_answers_at_the_site_its_steps_are_unknown(temporal: Client) -> None:
    document = estate_of({"bus": ["up"]}).document()
    document["sites"][1]["task_queue"] = "nobody-is-here"
    async with stage(temporal) as on:
        site = of(await evaluated(on, Estate.model_validate(document)), "a")

        assert site.verdict is UNKNOWN
        assert "no worker polls nobody-is-here" in site.reasons[0]


async def test_a_worker_of_the_lost_site_is_not_counted_on(temporal: Client) -> None:
    more: dict[str, Any] = {"steps": {"up": {"with": {"resource": "{{ source.name }}"}}}}
    document = estate_of({"bus": ["up"]}, bus=more).document()
    document["sites"][0]["task_queue"] = "nobody-is-here"
    async with stage(temporal) as on:
        site = of(await evaluated(on, Estate.model_validate(document)), "a")

        assert site.verdict is QUALIFIED


async def test_data_of_which_nobody_knows_how_far_it_is_behind_is_unknown(
    temporal: Client,
) -> None:
    more: dict[str, object] = {"objectives": {"rpo": "5m"}, "replication": {"lag": "lag_seconds"}}
    async with stage(temporal) as on:
        site = of(await evaluated(on, estate_of({"bus": ["up"]}, bus=more)), "a")

        assert site.verdict is UNKNOWN
        assert "not known whether its copy is within its recovery point" in site.reasons[0]


async def test_thirty_sites_that_recover_at_one_share_one_probe(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = many_sites(30)
        found = await evaluated(on, estate)

        assert (found.verdict, len(found.sites)) == (QUALIFIED, 31)
        assert [site.steps_qualified for site in found.sites if site.site != "hub"] == [3] * 30
        history = await temporal.get_workflow_handle(evaluation_id(estate.name)).fetch_history()
        scheduled = [e.activity_task_scheduled_event_attributes for e in history.events]
        assert [each.activity_type.name for each in scheduled].count("test.set.probe") == 1


async def test_it_goes_on_as_new_runs_in_the_middle_and_forgets_nothing(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = many_sites(30)
        await temporal.start_workflow(
            PlanEvaluation.run,
            EvaluationInput(estate=estate.name, most_events=50, portion=3),
            id=evaluation_id(estate.name),
            task_queue=on.queue,
        )
        found = await evaluated(on, estate)

        assert (found.verdict, found.number, found.total) == (QUALIFIED, 1, 31)
        handle = temporal.get_workflow_handle(evaluation_id(estate.name))
        (first, *_) = (await handle.fetch_history()).events
        assert first.workflow_execution_started_event_attributes.continued_execution_run_id


async def test_it_evaluates_by_itself_until_told_not_to(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]})
        first = await evaluated(on, estate, every=timedelta(seconds=10))
        sentence = await on.client.end_evaluations(estate.name, actor="ana", reason="enough")
        last = await on.client.readiness(estate.name)

        assert (first.every_s, last.every_s, last.due_at) == (10, None, None)
        assert "was evaluated by itself" in sentence


async def test_a_site_that_the_estate_does_not_have_is_refused(temporal: Client) -> None:
    async with stage(temporal) as on:
        with pytest.raises(EvaluationRefused, match="has no site 'atlantis'"):
            await on.client.evaluate(estate_of({"bus": ["up"]}), sites=["atlantis"])


async def test_an_estate_that_was_never_evaluated_has_no_readiness(temporal: Client) -> None:
    async with stage(temporal) as on:
        with pytest.raises((NeverEvaluated, RecoveryNotFound)):
            await on.client.readiness("atlantis")


def many_sites(number: int) -> Estate:
    """Sites with a service of three steps each, that all recover at one."""
    sites = [{"name": f"s{each:03}", "region": "r"} for each in range(number)]
    services = [
        {
            "name": f"v{each:03}",
            "site": f"s{each:03}",
            "recovery_sites": ["hub"],
            "recovery": [
                {"id": id, "run": "test.set", "with": {"resource": f"v{each:03}-{id}"}}
                for id in ("fence", "up", "check")
            ],
        }
        for each in range(number)
    ]
    document = estate_of({}).document()
    document["sites"] = [*sites, {"name": "hub", "region": "r"}]
    document["services"] = services
    return Estate.model_validate(document)
