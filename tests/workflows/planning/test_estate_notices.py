"""What looks like a mistake in an estate is said, and what does not is not."""

from typing import Any

import pytest

from holdfast.workflows.planning.estate_notices import notices
from support.compiling import estate, service, step

ROOMY = {"b": {"capacity": {"cpu": 8}}, "c": {"capacity": {"cpu": 8}}}


def said(*services: dict[str, Any], **keys: Any) -> tuple[str, ...]:
    return notices(estate(*services, **keys))


def test_nothing_is_said_of_an_estate_that_does_what_it_says() -> None:
    s = service(
        "s",
        demand={"cpu": 1},
        objectives={"rto": "1h", "rpo": "5m"},
        replication={"lag": "lag"},
        give_way=[step("down")],
        near={"to": "a", "within": "10ms"},
    )
    sites = {**ROOMY, "a": {"latency": {"b": "5ms"}}}

    assert (
        said(
            s,
            sites=sites,
            shortage="preempt",
            holddown="1m",
            approval={"planned": "two", "escalate_after": "5m", "escalate_to": "the duty manager"},
        )
        == ()
    )


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            {"planned": "one", "failback": "none", "on_timeout": "approve"},
            "policy.approval.on_timeout is approve: a recovery (planned) acts in the end although "
            "nobody agreed.",
        ),
        (
            {"escalate_after": "5m"},
            "policy.approval.escalate_after has no effect: escalate_to names nobody.",
        ),
        (
            {"escalate_after": "2h", "escalate_to": "x"},
            "policy.approval.escalate_after has no effect: after 2h nobody is asked any more, a "
            "request expires after 1h.",
        ),
    ],
)
def test_a_rule_of_approval_that_does_not_do_what_it_seems_to(
    policy: dict[str, str], sentence: str
) -> None:
    assert said(approval=policy) == (sentence,)


def test_a_holddown_that_eats_up_an_objective() -> None:
    assert said(service("s", objectives={"rto": "5m"}), holddown="10m") == (
        "policy.holddown of 10m is as long as a recovery may take in all: objectives.rto cannot "
        "be met (s).",
    )


def test_a_way_to_give_way_that_is_never_gone() -> None:
    down = {"give_way": [step("down")], "demand": {"cpu": 1}}

    assert said(service("s", **down), sites=ROOMY) == (
        "give_way has no effect while policy.shortage is shed; preempt makes room with it (s).",
    )
    assert said(service("s", tier=0, **down), sites=ROOMY, shortage="preempt") == (
        "give_way has no effect on tier 0: nothing is more critical (s).",
    )
    assert said(service("s", give_way=[step("down")]), shortage="preempt") == (
        "give_way has no effect without a demand: it would free nothing (s).",
    )


def test_a_demand_that_no_recovery_site_states_a_capacity_for() -> None:
    assert said(service("s", demand={"cpu": 1}), service("t", demand={"cpu": 1})) == (
        "demand is not weighed where no recovery site has a capacity (s, t).",
    )


def test_a_demand_of_something_that_no_recovery_site_has() -> None:
    s = service(
        "s",
        demand={"cpu": 1, "gpu": 1},
        approach="degraded",
        degraded={"demand": {"cpu": 1}},
    )

    assert said(s, sites=ROOMY) == (
        "s demands gpu, of which no recovery site of it has any: there is never room for all of "
        "it.",
    )


def test_a_nearness_that_nothing_is_known_about() -> None:
    assert said(service("s", near={"to": "a", "within": "10ms"})) == (
        "s must be near a, but no latency between that and any of its recovery sites is given: it "
        "can go nowhere.",
    )


def test_a_recovery_point_that_nobody_looks_at() -> None:
    services = [service(name, objectives={"rpo": "1m"}) for name in "stuvw"]

    assert said(*services) == (
        "objectives.rpo is not watched without `replication`, which says how far the copy is "
        "behind (s, t, u and 2 more).",
    )


def test_a_service_that_could_move_but_not_come_home() -> None:
    up = step("up", **{"with": {"dsn": "{{ target.vars.dsn }}"}})
    [notice] = said(
        service("s", recovery=[up]), sites={name: {"vars": {"dsn": "x"}} for name in "bc"}
    )

    assert notice.startswith("s cannot be brought home: from b, up: with.dsn: ")
