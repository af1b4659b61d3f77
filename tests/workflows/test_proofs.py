"""What recoveries tell the readiness evaluation: which plans they have shown to work."""

from temporalio.client import Client

from holdfast.workflows.model.recovery import Mode, Outcome
from support.scripted import estate_of, stage

from .test_plan_evaluation import evaluated, of


async def test_a_plan_that_was_carried_out_is_verified_and_its_sites_are_evaluated_again(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]}, bus={"recovery_sites": ["b"]})
        first = await evaluated(on, estate)
        await on.start(estate)
        assert (await on.ends()).outcome is Outcome.RECOVERED
        # The recovery has told it before it ended.
        found = await evaluated(on, estate)

        assert of(first, "a").verified_at is None
        assert of(found, "a").services == 0
        away = of(found, "b")
        assert away.reasons[0].startswith("unprotected: bus of a")


async def test_a_rehearsal_that_passed_verifies_the_plan_until_it_changes(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        steps = {"up": {"test": True}}
        estate = estate_of({"bus": ["up"]}, bus={"steps": steps})
        await evaluated(on, estate)
        await on.start(estate, mode=Mode.TEST)
        status = await on.ends()
        assert status.test_passed, status.log
        verified = of(await evaluated(on, estate), "a")
        service = estate.services[0].model_copy(update={"vars": {"replicas": 2}})
        changed = of(await evaluated(on, estate.model_copy(update={"services": (service,)})), "a")

        assert verified.verified_at is not None
        assert verified.changed_since is None
        assert changed.verified_at is None
        assert changed.changed_since == verified.verified_at
