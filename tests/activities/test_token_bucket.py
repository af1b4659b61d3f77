"""The token bucket, on a clock that the test moves."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.activities.token_bucket import (
    TRIAL_S,
    URGENT_TIER,
    Limit,
    Permit,
    TokenBucket,
)

LIMIT = Limit(10, 2)
URGENT, LOWLY = 0, 3


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def emptied(bucket: TokenBucket, tier: int = URGENT) -> list[Permit]:
    """Take all that may be taken at once."""
    permits = []
    while (permit := bucket.take(tier)) is not None:
        permits.append(permit)
    return permits


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(clock: Clock) -> TokenBucket:
    return TokenBucket(LIMIT, clock)


def test_a_full_bucket_lets_its_size_through_at_once(bucket: TokenBucket) -> None:
    assert len(emptied(bucket)) == 10


def test_an_empty_bucket_says_when_the_next_one_may_go(clock: Clock, bucket: TokenBucket) -> None:
    emptied(bucket)
    assert bucket.wait(URGENT) == pytest.approx(0.5)
    assert bucket.wait(URGENT, ahead=3) == pytest.approx(2.0)
    clock.now += bucket.wait(URGENT)
    assert len(emptied(bucket)) == 1


def test_the_last_fifth_is_for_the_urgent_tiers(bucket: TokenBucket) -> None:
    assert len(emptied(bucket, LOWLY)) == 8
    assert len(emptied(bucket, URGENT_TIER)) == 2


def test_a_bucket_of_one_serves_every_tier() -> None:
    clock = Clock()
    bucket = TokenBucket(Limit(1, 1), clock)
    assert bucket.take(LOWLY)
    clock.now += 1
    assert bucket.take(LOWLY)


def test_a_share_is_a_part_of_size_and_rate_but_one_request_at_least() -> None:
    assert Limit(200, 10).part(0.25) == Limit(50, 2.5)
    assert Limit(2, 10).part(0.1) == Limit(1, 1)


def test_a_refusal_closes_the_bucket_for_all_until_its_time(
    clock: Clock, bucket: TokenBucket
) -> None:
    permit = bucket.take(LOWLY)
    assert permit is not None
    bucket.refused(permit, 7)
    clock.now += 6.9
    assert bucket.take(URGENT) is None
    assert bucket.wait(URGENT) == pytest.approx(0.1)
    clock.now += 0.2
    assert bucket.take(LOWLY)


def test_after_a_refusal_a_single_request_tries(clock: Clock, bucket: TokenBucket) -> None:
    first = bucket.take(URGENT)
    assert first is not None
    bucket.refused(first, 7)
    clock.now += 7.5
    trial = bucket.take(URGENT)
    assert trial is not None
    assert trial.trial
    assert bucket.take(URGENT) is None
    bucket.admitted(trial)
    clock.now += 0.5
    assert bucket.take(URGENT)


def test_a_trial_that_is_refused_closes_the_bucket_again(clock: Clock, bucket: TokenBucket) -> None:
    for _ in range(3):
        permit = bucket.take(URGENT)
        assert permit is not None
        bucket.refused(permit, 2)
        assert bucket.wait(URGENT) == pytest.approx(2)
        clock.now += 2


def test_a_trial_without_an_answer_gives_way_to_another(clock: Clock, bucket: TokenBucket) -> None:
    first = bucket.take(URGENT)
    assert first is not None
    bucket.refused(first, 0)
    lost = bucket.take(URGENT)
    assert lost is not None
    clock.now += TRIAL_S
    assert bucket.take(URGENT)
    bucket.unanswered(lost)
    assert bucket.closed


def test_a_refusal_of_what_was_sent_before_the_trial_holds_beyond_it(
    clock: Clock, bucket: TokenBucket
) -> None:
    early, late = bucket.take(URGENT), bucket.take(URGENT)
    assert early is not None
    assert late is not None
    bucket.refused(early, 1)
    clock.now += 1
    trial = bucket.take(URGENT)
    assert trial is not None
    bucket.refused(late, 5)
    bucket.admitted(trial)
    assert bucket.closed
    assert bucket.wait(URGENT) == pytest.approx(5)


def test_a_later_refusal_does_not_shorten_an_earlier_one(bucket: TokenBucket) -> None:
    early, late = bucket.take(URGENT), bucket.take(URGENT)
    assert early is not None
    assert late is not None
    bucket.refused(early, 5)
    bucket.refused(late, 1)
    assert bucket.wait(URGENT) == pytest.approx(5)


def test_after_a_refusal_the_level_starts_from_the_one_request_that_tries(
    clock: Clock, bucket: TokenBucket
) -> None:
    first = bucket.take(URGENT)
    assert first is not None
    bucket.refused(first, 7)
    clock.now += 7
    trial = bucket.take(URGENT)
    assert trial is not None
    bucket.admitted(trial)
    assert bucket.level == 0


def test_a_trial_that_broke_off_is_not_waited_for(clock: Clock, bucket: TokenBucket) -> None:
    first = bucket.take(URGENT)
    assert first is not None
    bucket.refused(first, 0)
    trial = bucket.take(URGENT)
    assert trial is not None
    bucket.unanswered(trial)
    clock.now += TRIAL_S / 2
    assert bucket.take(URGENT)


def test_the_server_s_word_lowers_the_level(clock: Clock, bucket: TokenBucket) -> None:
    permit = bucket.take(URGENT)
    assert permit is not None
    bucket.admitted(permit, remaining=3)
    assert bucket.level == 3


def test_the_server_s_word_never_raises_the_level(bucket: TokenBucket) -> None:
    permits = emptied(bucket)
    bucket.admitted(permits[-1], remaining=199)
    assert bucket.level == 0


def test_what_is_under_way_is_not_left_any_more(bucket: TokenBucket) -> None:
    first, *_ = (bucket.take(URGENT) for _ in range(4))
    assert first is not None
    bucket.admitted(first, remaining=5)
    assert bucket.level == 5 - 3


def test_a_server_that_rounds_down_does_not_slow_the_last_requests(
    clock: Clock, bucket: TokenBucket
) -> None:
    permits = emptied(bucket)
    for permit in permits:
        clock.now += 0.04
        bucket.admitted(permit, remaining=0)
    assert bucket.level == pytest.approx(0.8)


def test_a_request_that_was_never_sent_costs_nothing(bucket: TokenBucket) -> None:
    permit = bucket.take(URGENT)
    assert permit is not None
    bucket.give_back(permit)
    assert bucket.level == 10


class Server:
    """Counts as the real ones do, on the same clock, and says how much is left."""

    def __init__(self, limit: Limit, clock: Clock) -> None:
        self._limit, self._clock = limit, clock
        self._level, self._at = limit.capacity, clock()

    def asked(self) -> int | None:
        """What is left, or None where it refuses."""
        now = self._clock()
        gained = (now - self._at) * self._limit.per_second
        self._level, self._at = min(self._level + gained, self._limit.capacity), now
        if self._level < 1 - 1e-6:
            return None
        self._level -= 1
        return int(self._level + 1e-6)


limits = st.builds(Limit, st.integers(1, 30), st.sampled_from([0.5, 1, 4, 10]))
tiers = st.integers(0, 4)
pauses = st.floats(0, 3, allow_nan=False)
outcomes = st.one_of(
    st.just("ok"), st.just("lost"), st.just("unsent"), st.floats(0, 4), st.integers(0, 40)
)


@given(limits, st.lists(st.tuples(pauses, tiers, outcomes), max_size=80))
def test_no_window_has_more_requests_than_its_limit(
    limit: Limit, calls: list[tuple[float, int, object]]
) -> None:
    clock = Clock()
    bucket, sent = TokenBucket(limit, clock), []
    for pause, tier, outcome in calls:
        clock.now += pause
        permit = bucket.take(tier)
        if permit is None:
            continue
        if outcome == "unsent":
            bucket.give_back(permit)
            continue
        sent.append(clock.now)
        match outcome:
            case "ok":
                bucket.admitted(permit)
            case "lost":
                bucket.unanswered(permit)
            case float():
                bucket.refused(permit, outcome)
            case int():
                bucket.admitted(permit, outcome)
    for first, since in enumerate(sent):
        for last, until in enumerate(sent[first:], first):
            most = limit.capacity + (until - since) * limit.per_second
            assert last - first + 1 <= most + 1e-6


@given(limits, st.lists(st.tuples(pauses, tiers, outcomes), max_size=40), tiers)
def test_whoever_waits_as_long_as_it_says_is_let_through(
    limit: Limit, calls: list[tuple[float, int, object]], tier: int
) -> None:
    clock = Clock()
    bucket = TokenBucket(limit, clock)
    for pause, other, outcome in calls:
        clock.now += pause
        permit = bucket.take(other)
        if permit is not None and isinstance(outcome, float):
            bucket.refused(permit, outcome)
        elif permit is not None and outcome != "lost":
            bucket.admitted(permit, outcome if isinstance(outcome, int) else None)
    clock.now += bucket.wait(tier)
    assert bucket.take(tier)


@given(limits, st.lists(st.tuples(pauses, tiers), max_size=80))
def test_the_only_client_of_a_server_with_the_same_limit_is_never_refused_nor_slowed(
    limit: Limit, calls: list[tuple[float, int]]
) -> None:
    clock = Clock()
    server, told, untold = (
        Server(limit, clock),
        TokenBucket(limit, clock),
        TokenBucket(limit, clock),
    )
    for pause, tier in calls:
        clock.now += pause
        permit, same = told.take(tier), untold.take(tier)
        assert (permit is None) == (same is None)
        if permit is not None:
            left = server.asked()
            assert left is not None
            told.admitted(permit, left)
