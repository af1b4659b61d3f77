"""The calls to a cluster, against a scripted API server for what the lab does not do."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.activities.action import Call, Probed
from holdfast.activities.kubernetes import connections as module
from holdfast.activities.kubernetes.cluster import Cluster
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.fence import Fence
from holdfast.activities.kubernetes.inputs import FenceInputs, Kind, ScaleInputs, WorkloadRef
from holdfast.activities.kubernetes.scale import Scale
from holdfast.activities.kubernetes.settling import settle
from holdfast.activities.kubernetes.workload import Workload
from holdfast.workflows.model.errors import NotFound, Unauthorized, Unavailable, VerificationFailed
from holdfast.workflows.model.step import Qualification
from support.action_world import token

API = WorkloadRef("site", "prod", Kind.DEPLOYMENT, "api")
LIST = "/apis/apps/v1/namespaces/prod/deployments"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
Answer = Callable[[web.Request], Any]


class ApiServer:
    """Answers each path as it is told to, and remembers what was asked."""

    def __init__(self, kubeconfig: Path) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.kubeconfig = kubeconfig
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.tokens.append(request.headers.get("Authorization", ""))
        answer = self.answers[request.path](request)
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    def credential(self, token: str) -> None:
        document = {
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "site", "context": {"cluster": "c", "user": "u"}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(document))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    api = ApiServer(tmp_path / "config")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as running:
        api.url = str(running.make_url("")).rstrip("/")
        api.credential("first")
        yield api


@pytest.fixture
async def connections(server: ApiServer) -> AsyncIterator[KubernetesConnections]:
    connections = KubernetesConnections(str(server.kubeconfig), read_timeout_s=1.0)
    yield connections
    await connections.close()


def deployment(name: str = "api", version: int = 1, replicas: int = 0, ready: int = 0) -> Any:
    return {
        "metadata": {
            "name": name,
            "namespace": "prod",
            "resourceVersion": str(version),
            "generation": 1,
        },
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": ready},
    }


def events(*documents: Any) -> web.Response:
    return web.Response(text="".join(json.dumps(each) + "\n" for each in documents))


def call(remaining: timedelta = timedelta(seconds=3)) -> Call[Any]:
    inputs = ScaleInputs(context="site", namespace="prod", deployment="api", replicas=1)
    return Call("s/s", inputs, None, token(), lambda: remaining, lambda _: None)


async def test_a_long_list_is_read_page_by_page(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    def page(request: web.Request) -> Any:
        if request.query.get("continue") == "more":
            return {"metadata": {}, "items": [deployment("b")]}
        return {"metadata": {"continue": "more"}, "items": [deployment("a")]}

    server.answers[LIST] = page
    found = await Cluster(connections).list("site", Kind.DEPLOYMENT, "prod")
    assert sorted(ref.name for ref in found) == ["a", "b"]


async def test_a_credential_that_can_only_read_is_found_out_before_anything_changes(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[LIST] = lambda _: {"metadata": {}, "items": [deployment()]}
    server.answers[REVIEW] = lambda _: {"status": {"allowed": False}}
    (seen,) = await Scale(connections).probe([Probed("s/s", call().inputs, "key")])
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "grant the credential of context site patch on deployments in prod" in seen.reason


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_server_that_does_not_tell_what_is_allowed_is_no_hindrance(
    server: ApiServer, connections: KubernetesConnections, status: int
) -> None:
    server.answers[LIST] = lambda _: {"metadata": {}, "items": [deployment()]}
    server.answers[REVIEW] = lambda _: web.Response(status=status)
    (seen,) = await Scale(connections).probe([Probed("s/s", call().inputs, "key")])
    assert seen.qualification is Qualification.QUALIFIED


async def test_a_server_without_reviews_is_asked_for_one_once(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[REVIEW] = lambda _: web.Response(status=404)
    cluster = Cluster(connections)
    for _ in range(3):
        assert await cluster.may_patch("site", Kind.DEPLOYMENT, "prod") is None
    assert len(server.asked) == 1


async def test_a_credential_that_has_expired_is_read_again(
    server: ApiServer, connections: KubernetesConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CREDENTIAL_AGE_S", 0.0)

    def answer(request: web.Request) -> Any:
        server.credential("second")
        fresh = request.headers["Authorization"] == "Bearer second"
        return deployment() if fresh else web.Response(status=401)

    server.answers[f"{LIST}/api"] = answer
    assert (await Cluster(connections).read(API)).version == "1"
    assert server.tokens == ["Bearer first", "Bearer second"]


async def test_a_credential_just_read_and_refused_is_refused(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[f"{LIST}/api"] = lambda _: web.Response(status=401)
    with pytest.raises(Unauthorized) as refusal:
        await Cluster(connections).read(API)
    assert "first" not in str(refusal.value)
    assert len(server.asked) == 1


async def test_an_answer_that_is_no_json_is_no_answer(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[f"{LIST}/api"] = lambda _: web.Response(text="<html>welcome</html>")
    with pytest.raises(Unavailable):
        await Cluster(connections).read(API)


async def test_a_watch_that_says_410_is_followed_by_reading_again(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    server.answers[LIST] = lambda _: events(gone)
    server.answers[f"{LIST}/api"] = lambda _: deployment(version=9, replicas=1, ready=1)
    start = Workload.parse(deployment(version=2, replicas=1))
    settled = await settle(Cluster(connections), API, start, call(), 1)
    assert settled.version == "9"


async def test_a_watch_goes_on_from_what_was_written(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    ready = {"type": "MODIFIED", "object": deployment(version=5, replicas=1, ready=1)}
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "4"}}}
    server.answers[LIST] = lambda _: events(bookmark, ready)
    start = Workload.parse(deployment(version=3, replicas=1))
    settled = await settle(Cluster(connections), API, start, call(), 1)
    assert settled.version == "5"
    assert len(server.asked) == 1
    assert "resourceVersion=3" in server.asked[0]
    assert "fieldSelector=metadata.name%3Dapi" in server.asked[0]


async def test_watches_that_end_at_once_do_not_flood_the_server(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[LIST] = lambda _: events()
    left = iter([timedelta(seconds=0.6)] * 5)
    start = Workload.parse(deployment(replicas=1))
    waiting = Call(
        "s/s", call().inputs, None, token(), lambda: next(left, timedelta(0)), lambda _: None
    )
    with pytest.raises(VerificationFailed, match="0 of 1 ready"):
        await settle(Cluster(connections), API, start, waiting, 1)
    assert len(server.asked) <= 4


async def test_a_workload_deleted_while_it_is_waited_for_is_missing(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[LIST] = lambda _: events({"type": "DELETED", "object": deployment()})
    with pytest.raises(NotFound, match="was deleted meanwhile"):
        await settle(Cluster(connections), API, Workload.parse(deployment(replicas=1)), call(), 1)


async def test_a_fence_whose_replicas_do_not_end_waits_for_a_person(
    server: ApiServer, connections: KubernetesConnections
) -> None:
    server.answers[LIST] = lambda _: events()
    stuck = deployment()
    stuck["status"]["terminatingReplicas"] = 2
    server.answers[f"{LIST}/api"] = lambda request: (
        stuck if request.method == "PATCH" else deployment(replicas=2, ready=2)
    )
    inputs = FenceInputs(context="site", namespace="prod", deployment="api")
    before: Any = {"reachable": True, "replicas": 2, "fenced": None}
    left = iter([timedelta(seconds=0.3)] * 4)
    fencing = Call("s/s", inputs, before, token(), lambda: next(left, timedelta(0)), lambda _: None)
    with pytest.raises(VerificationFailed, match="2 pods still there") as failure:
        await Fence(connections).apply(fencing)
    assert failure.value.needs_person
