"""The initial world follows from the estate."""

from __future__ import annotations

from holdfast.deploy.lab.seed import ProfileSeed, WorkloadSeed, seed
from holdfast.workflows.model.estate import Estate


def workloads(estate: Estate) -> dict[tuple[str, str], WorkloadSeed]:
    return {(workload.service, workload.site): workload for workload in seed(estate).workloads}


def test_a_workload_runs_at_home_and_stands_at_zero_at_the_recovery_site(estate: Estate) -> None:
    found = workloads(estate)

    home, away = found["historian", "lyon"], found["historian", "milan"]
    assert (home.kind, home.namespace, home.name) == ("Deployment", "historian", "api")
    assert (home.replicas, home.standby_of) == (3, 0)
    assert (away.replicas, away.standby_of) == (0, 3)


def test_a_service_without_a_fence_runs_at_home_all_the_same(estate: Estate) -> None:
    home = workloads(estate)["bus", "lyon"]

    assert (home.kind, home.name, home.replicas) == ("StatefulSet", "broker", 2)


def test_a_service_without_kubernetes_steps_gets_a_deployment_of_its_name(estate: Estate) -> None:
    home = workloads(estate)["labels", "milan"]

    assert (home.kind, home.namespace, home.name, home.replicas) == (
        "Deployment",
        "labels",
        "labels",
        1,
    )


def test_a_profile_has_an_endpoint_per_site_with_the_service_s_own_first(estate: Estate) -> None:
    assert seed(estate).profiles == (
        ProfileSeed(
            service="historian",
            resource_group="edge",
            name="historian",
            routing="Priority",
            source="lyon",
            endpoints=("lyon", "milan"),
            ttl_s=30,
        ),
    )


def test_every_workload_stands_in_one_place_once(estate: Estate) -> None:
    found = seed(estate).workloads

    places = [(w.site, w.namespace, w.kind, w.name) for w in found]
    assert len(places) == len(set(places))
