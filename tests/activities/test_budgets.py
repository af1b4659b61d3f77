"""Waiting for a turn: by tier, then in the order of asking, and never past a step's time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.common import Priority
from temporalio.testing import ActivityEnvironment

from holdfast.activities.budgets import Budget, Budgets, Kind
from holdfast.activities.token_bucket import Limit
from holdfast.activities.urgency import USUAL_TIER, asking, tier_now
from holdfast.workflows.model.errors import Throttled
from support.leaping_time import run_leaping

LIMIT = Limit(10, 2)
LIMITS = dict.fromkeys(Kind, LIMIT)


def budget_of(limit: Limit = LIMIT) -> Budget:
    return Budget("the write budget", limit, asyncio.get_running_loop().time)


def leaping(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test where time leaps."""

    def run() -> None:
        run_leaping(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def spend(budget: Budget, tier: int, served: list[Any], name: Any = None) -> None:
    with asking(tier=tier):
        async with budget.request() as heard:
            served.append(tier if name is None else name)
            heard(200)


async def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin it, and let it come as far as it can."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    return task


@leaping
async def test_the_most_critical_tier_that_asks_last_is_served_first() -> None:
    budget, served = budget_of(), list[int]()
    await asyncio.gather(*(spend(budget, tier, served) for tier in [0] * 10 + [4, 3, 2, 1, 0]))
    assert served == [0] * 10 + [0, 1, 2, 3, 4]


@leaping
async def test_a_storm_of_lower_tiers_leaves_the_reserve_to_the_critical_ones() -> None:
    budget, served = budget_of(), list[int]()
    storm = [await start(spend(budget, 3, served)) for _ in range(20)]
    assert served == [3] * 8
    await asyncio.gather(*(spend(budget, tier, served) for tier in (1, 0)))
    assert served == [3] * 8 + [1, 0]
    await asyncio.gather(*storm)


@leaping
async def test_a_refusal_holds_for_all_who_wait() -> None:
    budget, loop, sent = budget_of(), asyncio.get_running_loop(), list[float]()

    async def one(status: int) -> None:
        async with budget.request() as heard:
            sent.append(loop.time())
            heard(status, retry_after="7")

    await one(429)
    await asyncio.gather(*(one(200) for _ in range(5)))
    assert sent[0] == 0
    assert min(sent[1:]) == pytest.approx(7)


@leaping
async def test_while_a_trial_is_out_nobody_follows_it() -> None:
    budget, served = budget_of(), list[int]()
    async with budget.request() as heard:
        heard(429, retry_after="1")
    await asyncio.sleep(1)
    async with budget.request() as heard:
        follower = await start(spend(budget, 0, served))
        assert served == []
        heard(200)
    await follower
    assert served == [0]


@leaping
async def test_a_trial_that_breaks_off_lets_another_one_try() -> None:
    budget, served = budget_of(), list[int]()
    async with budget.request() as heard:
        heard(429, retry_after="0")
    with pytest.raises(ConnectionError):
        async with budget.request():
            raise ConnectionError
    await spend(budget, 0, served)
    assert served == [0]
    assert asyncio.get_running_loop().time() == pytest.approx(1 / LIMIT.per_second)


@leaping
async def test_a_turn_that_would_come_too_late_is_refused_at_once_and_says_why() -> None:
    budget = budget_of()
    storm = [await start(spend(budget, 2, [])) for _ in range(50)]
    with asking(tier=3, remaining=lambda: timedelta(seconds=5)), pytest.raises(Throttled) as failed:
        await budget.admit()
    assert "42 requests of tier 3 or more critical are ahead" in str(failed.value)
    assert "nothing was sent" in str(failed.value)
    assert asyncio.get_running_loop().time() == 0
    await asyncio.gather(*storm)


@leaping
async def test_who_is_overtaken_until_its_time_is_up_is_told_so() -> None:
    budget = budget_of(Limit(1, 1))

    async def overtaking() -> None:
        while True:
            await spend(budget, 0, [])

    with asking(tier=2, remaining=lambda: timedelta(seconds=3)):
        await budget.admit()
        waiter = asyncio.create_task(budget.admit())
        await asyncio.sleep(0)
    overtaker = asyncio.create_task(overtaking())
    with pytest.raises(Throttled):
        await waiter
    overtaker.cancel()


@leaping
async def test_who_waits_says_behind_how_many() -> None:
    budget, said = budget_of(), list[str]()
    storm = [await start(spend(budget, 2, [])) for _ in range(12)]
    with asking(tier=2, say=said.append):
        await budget.admit()
    assert said == ["waits for the write budget: 4 requests ahead, some 2 s"]
    await asyncio.gather(*storm)


@leaping
async def test_whoever_is_cancelled_while_it_waits_takes_nobody_s_turn() -> None:
    budget, served = budget_of(Limit(1, 1)), list[str]()
    await budget.admit()
    first = await start(spend(budget, 0, served, "first"))
    second = await start(spend(budget, 0, served, "second"))
    first.cancel()
    await second
    assert served == ["second"]
    assert asyncio.get_running_loop().time() == pytest.approx(1)


@leaping
async def test_nobody_overtakes_its_tier_while_the_process_is_late() -> None:
    loop, late, served = asyncio.get_running_loop(), 0.0, list[str]()
    budget = Budget("the write budget", Limit(1, 1), lambda: loop.time() + late)
    await budget.admit()
    first = await start(spend(budget, 1, served, "first"))
    late += 1
    await asyncio.gather(first, spend(budget, 1, served, "second"))
    assert served == ["first", "second"]


@leaping
async def test_a_turn_that_comes_as_its_owner_is_cancelled_goes_to_the_next() -> None:
    loop, late, served = asyncio.get_running_loop(), 0.0, list[str]()
    budget = Budget("the write budget", Limit(1, 1), lambda: loop.time() + late)
    await budget.admit()
    first = await start(spend(budget, 1, served, "first"))
    late += 1
    second = await start(spend(budget, 1, served, "second"))
    first.cancel()
    await second
    assert served == ["second"]
    assert loop.time() < 1e-6


@leaping
async def test_reads_that_follow_an_operation_do_not_cost_the_writes() -> None:
    budgets = Budgets().of("Azure", "worker", "one", LIMITS)
    for _ in range(20):
        reader = await start(spend(budgets[Kind.READ], 0, []))
    await spend(budgets[Kind.WRITE], 0, [])
    assert asyncio.get_running_loop().time() == 0
    assert not reader.done()
    reader.cancel()


def test_all_who_name_the_same_credential_and_scope_share_a_budget() -> None:
    budgets = Budgets()
    one = budgets.of("Azure", "worker", "one", LIMITS)
    assert budgets.of("Azure", "worker", "one", LIMITS) is one
    assert budgets.of("Azure", "worker", "other", LIMITS) is not one
    assert budgets.of("Azure", "other", "one", LIMITS) is not one


def test_a_share_makes_every_budget_smaller() -> None:
    whole, half = (Budgets(share).of("A", "w", "s", LIMITS)[Kind.READ].level for share in (1, 0.5))
    assert half == pytest.approx(whole / 2)


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_is_a_part_of_the_whole(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Budgets(share)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("GET", Kind.READ), ("head", Kind.READ), ("PATCH", Kind.WRITE), ("DELETE", Kind.DELETE)],
)
def test_a_method_belongs_to_a_kind(method: str, kind: Kind) -> None:
    assert Kind.of(method) is kind


@pytest.mark.parametrize(("priority", "tier"), [(None, USUAL_TIER), (1, 0), (2, 1), (5, 4), (9, 4)])
async def test_an_activity_s_priority_is_its_tier(priority: int | None, tier: int) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, priority=Priority(priority_key=priority))

    async def look() -> int:
        return tier_now()

    assert await environment.run(look) == tier


arrivals = st.lists(
    st.tuples(
        st.floats(0, 20, allow_nan=False),
        st.integers(0, 4),
        st.one_of(st.none(), st.floats(0, 3)),
        st.sampled_from(["ok", "ok", "ok", "refused", "lost"]),
    ),
    max_size=40,
)


@given(arrivals, st.integers(1, 12), st.sampled_from([0.5, 1, 3]))
def test_turns_are_given_by_tier_then_by_arrival_and_to_everybody(
    calls: list[tuple[float, int, float | None, str]], capacity: int, rate: float
) -> None:
    async def storm() -> None:
        budget, loop = budget_of(Limit(capacity, rate)), asyncio.get_running_loop()
        waiting: dict[tuple[int, int], float] = {}
        arrived = 0

        async def one(at: float, tier: int, patience: float | None, outcome: str) -> None:
            nonlocal arrived
            await asyncio.sleep(at)
            arrived += 1
            place = (tier, arrived)
            waiting[place] = loop.time()
            try:
                with asking(tier=tier):
                    async with asyncio.timeout(patience), budget.request() as heard:
                        earlier = [each for each, at in waiting.items() if at < loop.time()]
                        assert all(place <= each for each in earlier)
                        del waiting[place]
                        if outcome != "lost":
                            heard(429 if outcome == "refused" else 200, retry_after="1")
            except TimeoutError:
                del waiting[place]
            else:
                granted.append(loop.time())

        granted: list[float] = []
        await asyncio.gather(*(one(*call) for call in calls))
        assert not waiting
        assert budget.waiting == 0
        for first, since in enumerate(granted):
            for last, until in enumerate(granted[first:], first):
                assert last - first + 1 <= capacity + (until - since) * rate + 1e-6

    run_leaping(storm())


@given(st.lists(st.integers(2, 4), max_size=30), st.integers(0, 29))
def test_the_first_of_tier_zero_waits_for_one_request_s_refill_at_most(
    storm: list[int], before: int
) -> None:
    async def critical_among() -> None:
        budget, loop = budget_of(Limit(3, 1)), asyncio.get_running_loop()
        others = [await start(spend(budget, tier, [])) for tier in storm[:before]]
        asked = loop.time()
        critical = await start(spend(budget, 0, []))
        others += [await start(spend(budget, tier, [])) for tier in storm[before:]]
        await critical
        assert loop.time() - asked <= 1 + 1e-6
        await asyncio.gather(*others)

    run_leaping(critical_among())
