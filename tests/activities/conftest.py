"""One lab for all tests of the actions, as new before each."""

from collections.abc import AsyncIterator

import httpx
import pytest

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.credentials import StaticToken
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.deploy.lab.server import Lab
from support.action_world import ActionWorld, estate

READ_TIMEOUT_S, HASTY_S = 1.0, 0.2


@pytest.fixture(scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActionWorld]:
    lab = Lab(estate(), ready_after_ms=60)
    await lab.start()
    env_file = tmp_path_factory.mktemp("lab") / "env"
    lab.write_env_file(env_file)
    async with httpx.AsyncClient(base_url=lab.url, trust_env=False) as admin:
        yield ActionWorld(lab, admin, env_file.with_name("env.kubeconfig"))
    await lab.stop()


@pytest.fixture
async def world(running: ActionWorld) -> ActionWorld:
    await running.reset()
    return running


@pytest.fixture(scope="session")
async def clusters(running: ActionWorld) -> AsyncIterator[KubernetesConnections]:
    connections = KubernetesConnections(running.kubeconfig, read_timeout_s=READ_TIMEOUT_S)
    yield connections
    await connections.close()


@pytest.fixture(scope="session")
async def hasty_clusters(running: ActionWorld) -> AsyncIterator[KubernetesConnections]:
    """For tests in which an answer is waited for in vain."""
    connections = KubernetesConnections(running.kubeconfig, read_timeout_s=HASTY_S)
    yield connections
    await connections.close()


@pytest.fixture(scope="session")
async def arm(running: ActionWorld) -> AsyncIterator[TrafficManagerConnections]:
    connections = _arm(running, READ_TIMEOUT_S)
    yield connections
    await connections.close()


@pytest.fixture(scope="session")
async def hasty_arm(running: ActionWorld) -> AsyncIterator[TrafficManagerConnections]:
    """For tests in which an answer is waited for in vain."""
    connections = _arm(running, HASTY_S)
    yield connections
    await connections.close()


def _arm(running: ActionWorld, read_timeout_s: float) -> TrafficManagerConnections:
    access = running.access
    return TrafficManagerConnections(
        access.subscription_id,
        access.url,
        lambda: StaticToken(access.token),
        read_timeout_s=read_timeout_s,
    )
