"""kubernetes.isolate against the lab: what it copies, what it refuses, and that nothing is left."""

import asyncio
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.isolate import Isolate
from holdfast.activities.kubernetes.scale import Scale
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld, token

COPY: dict[str, Any] = {
    "context": "plant-milan",
    "namespace": "historian",
    "into": "historian-test",
    "workloads": [{"deployment": "api"}],
}
BEFORE = {"exists": False}
ORIGINAL = "/apis/apps/v1/namespaces/historian/deployments/api"
COPIED = "/apis/apps/v1/namespaces/historian-test/deployments/api"
INTO = "/api/v1/namespaces/historian-test"
UP = {
    "context": "plant-milan",
    "namespace": "historian-test",
    "deployment": "api",
    "replicas": 2,
    "copied_from": "historian",
}


@pytest.fixture
def isolate(clusters: KubernetesConnections) -> Isolate:
    return Isolate(clusters)


@pytest.fixture
def scale(clusters: KubernetesConnections) -> Scale:
    return Scale(clusters)


async def send(
    world: ActionWorld, method: str, path: str, body: dict[str, Any] | None = None
) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(
            method,
            f"{world.lab.site_urls['milan']}{path}",
            headers={"Authorization": f"Bearer {world.access.token}"},
            json=body,
        )


async def create(world: ActionWorld, path: str, **body: Any) -> None:
    (await send(world, "POST", path, body)).raise_for_status()


async def there(world: ActionWorld, path: str) -> bool:
    return (await send(world, "GET", path)).status_code == 200


async def names(world: ActionWorld, plural: str, api: str = "/api/v1") -> set[str]:
    found = await send(world, "GET", f"{api}/namespaces/historian-test/{plural}")
    return {item["metadata"]["name"] for item in found.json()["items"]}


async def furnish(world: ActionWorld) -> None:
    """Give the historian's pods what pods name, and services that lead to them and to others."""
    within = "/api/v1/namespaces/historian"
    for name in ("settings", "mounted", "elsewhere"):
        await create(world, f"{within}/configmaps", metadata={"name": name}, data={"a": name})
    for name in ("dsn", "pull", "unused"):
        await create(world, f"{within}/secrets", metadata={"name": name}, stringData={"p": name})
    await create(
        world,
        f"{within}/serviceaccounts",
        metadata={"name": "runner"},
        imagePullSecrets=[{"name": "pull"}],
    )
    for name, app in (("api", "api"), ("other", "other")):
        await create(
            world,
            f"{within}/services",
            metadata={"name": name},
            spec={
                "type": "NodePort",
                "clusterIP": "10.0.0.7",
                "selector": {"app.kubernetes.io/name": app},
                "ports": [{"port": 80, "nodePort": 30080}],
            },
        )
    document = await world.kubernetes("milan", ORIGINAL)
    pod = document["spec"]["template"]["spec"]
    pod["serviceAccountName"] = "runner"
    pod["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    pod["containers"][0]["env"] = [
        {"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "dsn", "key": "p"}}},
        {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "gone", "optional": True}}},
    ]
    pod["volumes"] = [
        {"name": "one", "projected": {"sources": [{"configMap": {"name": "mounted"}}]}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "archive"}},
    ]
    await world.kubernetes("milan", ORIGINAL, {"spec": {"template": {"spec": pod}}})


async def test_probe_sees_originals_that_can_be_copied(
    world: ActionWorld, isolate: Isolate
) -> None:
    before = await world.canonical()
    seen = await world.probe_one(isolate, COPY)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.before_image == BEFORE
    assert seen.resource == "kubernetes/plant-milan/namespace/historian-test"
    assert seen.undo_command == "kubectl --context plant-milan delete namespace historian-test"
    assert await world.canonical() == before
    assert await world.changes() == []


async def test_probe_of_many_lists_instead_of_asking_for_each(
    world: ActionWorld, isolate: Isolate
) -> None:
    bus = {**COPY, "namespace": "bus", "into": "bus-test", "workloads": [{"statefulset": "broker"}]}
    await world.fault("error", status=500, times=0, method="GET", path=r"/namespaces/[^/]+$")
    first, second = await world.probe(isolate, COPY, bus)
    assert (first.qualification, second.qualification) == (Qualification.QUALIFIED,) * 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"namespace": "nowhere"}, "namespace nowhere does not exist"),
        ({"workloads": [{"deployment": "api"}, {"statefulset": "db"}]}, "historian/db on"),
        ({"context": "plant-rome"}, "plant-rome"),
        ({"into": "historian"}, "namespace of their own"),
        ({"workloads": []}, "workloads"),
    ],
)
async def test_probe_says_what_keeps_it_from_copying(
    world: ActionWorld, isolate: Isolate, change: dict[str, Any], why: str
) -> None:
    seen = await world.probe_one(isolate, {**COPY, **change})
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert why in seen.reason


async def test_a_workload_on_its_host_s_network_cannot_be_isolated(
    world: ActionWorld, isolate: Isolate
) -> None:
    body = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    await world.kubernetes("milan", ORIGINAL, body)
    seen = await world.probe_one(isolate, COPY)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "which no network policy confines" in seen.reason
    with pytest.raises(ApplicationError) as failure:
        await world.apply(isolate, COPY, BEFORE)
    assert failure.value.type == "Conflict"


async def test_copies_stand_at_zero_behind_a_policy_and_the_originals_stay(
    world: ActionWorld, isolate: Isolate
) -> None:
    before = await world.kubernetes("milan", ORIGINAL)
    evidence = await world.apply(isolate, COPY, BEFORE)
    copied = await world.kubernetes("milan", COPIED)
    assert evidence.changed
    assert copied["spec"] == {**before["spec"], "replicas": 0}
    assert await world.kubernetes("milan", ORIGINAL) == before
    [policy] = (
        await send(
            world,
            "GET",
            "/apis/networking.k8s.io/v1/namespaces/historian-test/networkpolicies",
        )
    ).json()["items"]
    assert policy["spec"]["podSelector"] == {}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    open_ways = [rule for rule in policy["spec"]["egress"] if "ports" in rule]
    assert [{port["port"] for port in rule["ports"]} for rule in open_ways] == [{53}]
    labels = (await world.kubernetes("milan", INTO))["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "holdfast"
    assert (await world.probe_one(isolate, COPY)).state is Applied.APPLIED


async def test_marks_and_bookkeeping_are_not_copied(
    world: ActionWorld, isolate: Isolate, scale: Scale
) -> None:
    original = {"context": "plant-milan", "namespace": "historian", "deployment": "api"}
    await world.apply(scale, {**original, "replicas": 1}, {"replicas": 0})
    notes = {"deployment.kubernetes.io/revision": "4", "team.example/owner": "ot"}
    await world.kubernetes("milan", ORIGINAL, {"metadata": {"annotations": notes}})
    await world.apply(isolate, COPY, BEFORE)
    metadata = (await world.kubernetes("milan", COPIED))["metadata"]
    assert metadata["annotations"] == {
        "holdfast.dev/idempotency-key": "plan/run-1/historian/step/deployment/api",
        "team.example/owner": "ot",
    }
    copy = await world.probe_one(scale, UP)
    assert (copy.epoch, copy.before_image) == (0, {"replicas": 0})


async def test_what_the_pods_name_comes_along_and_nothing_else(
    world: ActionWorld, isolate: Isolate
) -> None:
    await furnish(world)
    seen = await world.probe_one(isolate, COPY)
    assert "without the data of archive" in seen.reason
    await world.apply(isolate, COPY, BEFORE)
    assert await names(world, "configmaps") == {"settings", "mounted"}
    assert await names(world, "secrets") == {"dsn", "pull"}
    assert await names(world, "serviceaccounts") == {"runner"}
    assert await names(world, "services") == {"api"}
    service = (await world.kubernetes("milan", f"{INTO}/services/api"))["spec"]
    assert service["type"] == "ClusterIP"
    assert "clusterIP" not in service
    assert "nodePort" not in service["ports"][0]


async def test_applied_twice_it_makes_each_thing_once(world: ActionWorld, isolate: Isolate) -> None:
    await asyncio.gather(world.apply(isolate, COPY, BEFORE), world.apply(isolate, COPY, BEFORE))
    await world.apply(isolate, COPY, BEFORE)
    keys = [entry["key"] for entry in await world.changes()]
    assert len(keys) == len(set(keys)) == 4
    assert None not in keys


@pytest.mark.parametrize("broken", ["networkpolicies", "configmaps", "services", "deployments"])
async def test_a_creation_that_stopped_half_way_goes_on(
    world: ActionWorld, isolate: Isolate, broken: str
) -> None:
    await furnish(world)
    await world.fault("error", status=400, method="POST", path=f"historian-test/{broken}")
    with pytest.raises(ApplicationError):
        await world.apply(isolate, COPY, BEFORE)
    half = await world.probe_one(isolate, COPY)
    assert (half.state, half.touched) == (Applied.NOT_APPLIED, True)
    assert half.before_image == BEFORE
    await world.apply(isolate, COPY, BEFORE)
    assert await names(world, "secrets") == {"dsn", "pull"}
    assert await there(world, COPIED)


async def test_no_copy_is_made_where_the_policy_could_not_be(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.fault("error", status=403, method="POST", path="networkpolicies")
    with pytest.raises(ApplicationError) as failure:
        await world.apply(isolate, COPY, BEFORE)
    assert failure.value.type == "Unauthorized"
    assert not await there(world, COPIED)


async def test_a_namespace_of_somebody_else_is_refused_and_left(
    world: ActionWorld, isolate: Isolate
) -> None:
    await create(world, "/api/v1/namespaces", metadata={"name": "historian-test"})
    before = await world.canonical()
    seen = await world.probe_one(isolate, COPY)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "this recovery did not make it" in seen.reason
    with pytest.raises(ApplicationError, match="delete namespace historian-test") as failure:
        await world.apply(isolate, COPY, BEFORE)
    assert failure.value.type == "Conflict"
    evidence = await world.revert(isolate, COPY, BEFORE, known=False)
    assert not evidence.changed
    assert await world.canonical() == before


async def test_a_namespace_that_another_run_left_is_refused(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.apply(isolate, COPY, BEFORE, by=token(run="run-0", key="plan/run-0/step"))
    newer = token(epoch=2, key="plan/run-2/step", run="run-2")
    with pytest.raises(ApplicationError, match="run run-0 made it"):
        await world.apply(isolate, COPY, BEFORE, by=newer)


async def test_what_was_never_seen_is_not_made(world: ActionWorld, isolate: Isolate) -> None:
    with pytest.raises(ApplicationError, match="is not known") as failure:
        await world.apply(isolate, COPY, None)
    assert failure.value.type == "Conflict"
    assert await world.changes() == []


async def test_a_step_scales_a_copy_that_is_not_there_yet(
    world: ActionWorld, isolate: Isolate, scale: Scale
) -> None:
    before = await world.canonical()
    seen = await world.probe_one(scale, UP)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.before_image == {"replicas": 0}
    assert "will be a copy of historian/api on plant-milan" in seen.reason
    await world.apply(isolate, COPY, BEFORE)
    up = token(3, "plan/run-1/historian/up")
    evidence = await world.apply(scale, UP, seen.before_image, by=up)
    assert evidence.details["ready"] == 2
    assert (await world.kubernetes("milan", ORIGINAL))["spec"]["replicas"] == 0
    await world.revert(scale, UP, seen.before_image, by=token(4, "plan/run-1/historian/up/revert"))
    await world.revert(isolate, COPY, BEFORE, by=token(5, "plan/run-1/historian/step/revert"))
    assert await world.canonical() == before


async def test_a_copy_without_an_original_is_not_qualified(
    world: ActionWorld, scale: Scale
) -> None:
    seen = await world.probe_one(scale, {**UP, "deployment": "gone"})
    assert seen.qualification is Qualification.NOT_QUALIFIED
    missing = await world.probe_one(scale, {**UP, "copied_from": None})
    assert missing.qualification is Qualification.NOT_QUALIFIED
