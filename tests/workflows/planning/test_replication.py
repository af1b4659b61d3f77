"""The queries that tell how far data is behind, for services on their way."""

from typing import Any

from holdfast.workflows.model.failback import ReplicationInput
from holdfast.workflows.planning.replication import replication_checks
from support.compiling import estate, service

LAG = 'lag{of="{{ service.name }}",from="{{ source.name }}",to="{{ target.vars.shard }}"}'
SITES: dict[str, Any] = {"b": {"vars": {"shard": 2}}, "c": {"vars": {"shard": 3}}}


def test_queries_are_rendered_for_the_way_asked_for() -> None:
    s = service("s", replication={"lag": LAG, "divergence": "d"}, objectives={"rpo": "5m"})
    asked = ReplicationInput(estate=estate(s, sites=SITES), moves={"s": ("b", "c")})
    [check] = replication_checks(asked).checks

    assert (check.lag, check.divergence) == ('lag{of="s",from="b",to="3"}', "d")
    assert (check.source, check.target, check.within_s) == ("b", "c", 300)


def test_a_service_whose_queries_do_not_fit_the_way_is_one_that_says_none() -> None:
    services = service("s", replication={"lag": LAG}), service("t")
    asked = ReplicationInput(
        estate=estate(*services, sites=SITES), moves={"s": ("b", "a"), "t": ("b", "a")}
    )
    found = replication_checks(asked)

    assert (found.checks, found.without) == ((), ("s", "t"))
