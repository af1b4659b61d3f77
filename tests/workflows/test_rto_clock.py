"""The clock of the objectives: what it measures, warns of and predicts."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.rto_clock import RtoClock, predicted

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLANT = {"historian": 15 * MINUTE, "erp": 60 * MINUTE, "mes": 15 * MINUTE}


def clock(
    objectives: dict[str, timedelta] | None = None, escalate_to: str | None = None
) -> RtoClock:
    """A loss that was detected at 03:00, and a recovery that began a minute later."""
    return RtoClock(AT, AT + MINUTE, PLANT if objectives is None else objectives, escalate_to)


# What it measures


def test_detecting_deciding_acting_and_verifying_are_measured_apart_and_add_up() -> None:
    running = clock()
    running.decided(AT + 3 * MINUTE)
    running.acted(AT + 7 * MINUTE)
    running.verified(AT + 8 * MINUTE)

    status = running.status(AT + 8 * MINUTE)

    parts = (status.detect_s, status.decide_s, status.act_s, status.verify_s)
    assert parts == (60, 120, 240, 60)
    assert status.verified_at is not None
    assert sum(each or 0 for each in parts) == (status.verified_at - AT).total_seconds()


def test_what_has_not_happened_yet_is_not_measured() -> None:
    status = clock().status(AT + 5 * MINUTE)
    assert (status.decide_s, status.act_s, status.verify_s) == (None, None, None)


def test_a_monitoring_system_whose_clock_is_ahead_gains_no_time() -> None:
    ahead = RtoClock(AT + 5 * MINUTE, AT, PLANT)
    assert (ahead.status(AT).detected_at, ahead.status(AT).detect_s) == (AT, 0)


def test_the_tightest_objective_is_that_of_services_that_are_not_back() -> None:
    running = clock()
    before = running.status(AT + 6 * MINUTE)
    running.came_back("historian", AT + 6 * MINUTE)
    running.came_back("mes", AT + 6 * MINUTE)
    after = running.status(AT + 6 * MINUTE)

    assert (before.objective_s, before.used, before.left_s) == (900, 0.4, 540)
    assert (after.objective_s, after.used, after.left_s) == (3600, 0.1, 3240)


def test_where_all_is_back_no_objective_counts_any_more() -> None:
    running = clock({"historian": 15 * MINUTE})
    running.came_back("historian", AT + MINUTE)
    status = running.status(AT + 99 * MINUTE)
    assert (status.objective_s, status.used, status.missed) == (None, None, ())


def test_missed_are_those_that_came_back_too_late_or_are_not_back_in_time() -> None:
    running = clock()
    running.came_back("historian", AT + 15 * MINUTE)
    running.came_back("erp", AT + 61 * MINUTE)

    assert running.status(AT + 14 * MINUTE).missed == ("erp",)
    assert running.status(AT + 62 * MINUTE).missed == ("erp", "mes")


def test_a_service_that_is_rolled_back_counts_again() -> None:
    running = clock({"historian": 15 * MINUTE})
    running.came_back("historian", AT + MINUTE)
    assert running.next_warning(AT + MINUTE) is None
    running.went_again("historian")

    due = running.next_warning(AT + MINUTE)
    assert due is not None
    assert (due.services, due.fraction) == (("historian",), 0.5)


# What it warns of


def test_it_warns_of_a_half_of_four_fifths_and_of_the_whole() -> None:
    running, told, now = clock({"historian": 15 * MINUTE}, "the duty manager"), [], AT
    while due := running.next_warning(now):
        now = due.at
        told.append((now - AT, running.warn(now, "ana to approve")))

    assert told == [
        (
            7.5 * MINUTE,
            (
                "50 % of the 15m objective of historian is used (7m30s left);"
                " it waits for ana to approve",
            ),
        ),
        (
            12 * MINUTE,
            (
                "80 % of the 15m objective of historian is used (3m left);"
                " it waits for ana to approve",
            ),
        ),
        (
            15 * MINUTE,
            (
                "the 15m objective of historian is missed; escalated to the duty manager;"
                " it waits for ana to approve",
            ),
        ),
    ]
    assert list(running.status(now).warnings) == [one for _, said in told for one in said]


def test_services_with_one_objective_share_a_sentence_without_those_that_are_back() -> None:
    running = clock(dict.fromkeys("abc", 10 * MINUTE))
    running.came_back("b", AT + MINUTE)

    assert running.warn(AT + 5 * MINUTE) == ("50 % of the 10m objective of a, c is used (5m left)",)


def test_of_many_services_five_are_named_and_the_rest_is_counted() -> None:
    running = clock({f"s{number}": 10 * MINUTE for number in range(1000)})
    (said,) = running.warn(AT + 5 * MINUTE)
    assert "objective of s0, s1, s2, s3, s4 and 995 more is used" in said


def test_a_recovery_that_begins_late_is_told_the_largest_share_alone_as_it_is() -> None:
    late = RtoClock(AT, AT + 13 * MINUTE, {"historian": 15 * MINUTE})

    due = late.next_warning(AT + 13 * MINUTE)
    assert due is not None
    assert due.fraction == 0.8
    assert late.warn(AT + 13 * MINUTE) == (
        "86 % of the 15m objective of historian is used (2m left)",
    )
    assert late.warn(AT + 14 * MINUTE) == ()


OBJECTIVES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.sampled_from([1, 60, 600, 601, 1800]).map(lambda s: timedelta(seconds=s)),
    max_size=5,
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["wait", "due", "warn", "back", "gone"]),
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.integers(0, 700),
    ),
    max_size=40,
)


@settings(max_examples=600, deadline=None)
@given(OBJECTIVES, MOVES)
def test_warnings_come_once_in_order_in_time_and_of_nothing_that_is_back(
    objectives: dict[str, timedelta], moves: list[tuple[str, str, int]]
) -> None:
    running, now = clock(objectives), AT + MINUTE
    back: set[str] = set()
    shares: dict[str, list[int]] = defaultdict(list)
    for move, service, seconds in moves:
        match move:
            case "wait":
                now += timedelta(seconds=seconds)
            case "back":
                running.came_back(service, now)
                back.add(service)
            case "gone":
                running.went_again(service)
                back.discard(service)
            case "due" if (due := running.next_warning(now)) is not None:
                now = max(now, due.at)
                assert set(due.services).isdisjoint(back)
                assert running.warn(now), "what is due is said at its time"
                assert running.warn(now) == (), "and said once"
                continue
            case _:
                pass
        due = running.next_warning(now)
        said = running.warn(now)
        assert bool(said) == (due is not None and due.at <= now)
    running.warn(now)
    for sentence in running.status(now).warnings:
        whose = sentence.split(" objective of ")[1].split(" is ")[0].split(", ")
        share = 100 if "missed" in sentence else int(sentence.split(" %")[0])
        assert len({objectives[name] for name in whose}) == 1
        shares[str(objectives[whose[0]])].append(share)
    for told in shares.values():
        assert told == sorted(set(told))
        assert len(told) <= 3
    if due := running.next_warning(now):
        assert due.at > now
    else:
        gone = now - AT
        assert all(name in back or objectives[name] <= gone for name in objectives)


@settings(max_examples=300)
@given(
    OBJECTIVES, st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(0, 2000))
)
def test_followed_to_its_end_it_warns_each_objective_thrice_until_its_services_are_back(
    objectives: dict[str, timedelta], back_after_s: dict[str, int]
) -> None:
    running = RtoClock(AT, AT, objectives)
    ends = {name: AT + timedelta(seconds=after) for name, after in back_after_s.items()}
    now = AT
    while due := running.next_warning(now):
        arrived = [name for name, end in ends.items() if end <= due.at]
        for name in arrived:
            running.came_back(name, ends.pop(name))
        if arrived:
            continue
        now = due.at
        assert running.warn(now)
    said = running.status(now).warnings
    expected = sum(
        any(
            name not in back_after_s or timedelta(seconds=back_after_s[name]) > share * objective
            for name, each in objectives.items()
            if each == objective
        )
        for objective in set(objectives.values())
        for share in (0.5, 0.8, 1)
    )
    assert len(said) == expected


# What it predicts


def test_past_runs_of_a_service_are_believed_before_its_probes() -> None:
    known = predicted({"historian": (250.0, 900.0, 240.0), "mes": ()}, {"historian": 5, "mes": 7})

    assert known is not None
    assert (known.seconds, known.source) == (250.0, "past runs")
    assert known.by_service == {"historian": 250.0, "mes": 7}


def test_the_longest_service_says_where_the_prediction_comes_from() -> None:
    known = predicted({"historian": (30.0,)}, {"mes": 60.0})
    assert known is not None
    assert (known.seconds, known.source) == (60.0, "probes")


def test_of_nothing_known_nothing_is_predicted() -> None:
    assert predicted({"historian": ()}, {}) is None


@pytest.mark.parametrize(
    ("by_service", "sentence"),
    [
        (
            {"historian": 250.0, "mes": 10.0, "erp": 30.0},
            "predicted 4m10s from probes: inside the 15m objective of historian (27 %)",
        ),
        (
            {"historian": 250.0, "mes": 1000.0, "erp": 4000.0},
            "predicted 1h6m40s from probes: too late for the objectives of erp by 6m40s (1h),"
            " mes by 1m40s (15m)",
        ),
        (
            {"historian": 4.25},
            "predicted 4s200ms from probes: inside the 15m objective of historian (0 %);"
            " nothing is known of erp, mes",
        ),
    ],
)
def test_a_prediction_is_told_against_the_objectives(
    by_service: dict[str, float], sentence: str
) -> None:
    known = predicted({}, by_service)
    assert known is not None
    assert RtoClock(AT, AT, PLANT).foretell(known, AT) == sentence


def test_time_that_is_gone_already_counts_against_the_objectives() -> None:
    running, known = clock({"historian": 15 * MINUTE}), predicted({"historian": (600.0,)}, {})
    assert known is not None

    assert running.foretell(known, AT + 6 * MINUTE) == (
        "predicted 10m from past runs, after 6m that are gone: too late for the objectives of"
        " historian by 1m (15m)"
    )
    status = running.status(AT + 6 * MINUTE)
    assert (status.predicted_s, status.predicted_from) == (600, "past runs")


def test_without_objectives_there_is_nothing_to_compare_with() -> None:
    known = predicted({}, {"historian": 250.0})
    assert known is not None
    assert RtoClock(AT, AT, {}).foretell(known, AT) == (
        "predicted 4m10s from probes; no service has an objective"
    )
