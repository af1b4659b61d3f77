"""Random estates in random trouble, on the real server and clients: the journal is the judge."""

import os
import random
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.deploy.lab.server import Lab
from holdfast.starters import RecoveryClient
from holdfast.workers.registry import Registry
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest
from support.estates import estates
from support.judging import Run, broken_promises

EXAMPLES = 100 if os.environ.get("HOLDFAST_TEST_LANE") == "full" else 8
FAULTS = ("error", "throttle", "delay", "drop_answer", "error", "drop_answer", "hang")


@pytest.fixture(scope="session")
async def temporal(temporal_address: str) -> Client:
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    await ensure_search_attributes(client)
    return client


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(estate=estates(), seed=st.integers(0, 2**32 - 1))
@pytest.mark.timeout(900)
async def test_whatever_goes_wrong_a_run_ends_truthfully(
    temporal: Client, tmp_path_factory: pytest.TempPathFactory, estate: Estate, seed: int
) -> None:
    run = await recover_in_trouble(temporal, tmp_path_factory.mktemp("estate"), estate, seed)

    assert run.status.outcome in {
        Outcome.RECOVERED,
        Outcome.ROLLED_BACK,
        Outcome.ROLLED_BACK_WITH_RESIDUE,
    }
    assert [line for line in run.broken if "changed the world" in line] == []
    if run.status.outcome is Outcome.ROLLED_BACK and all(
        service.outcome == "rolled_back" for service in run.status.services
    ):
        assert run.after == run.before


async def recover_in_trouble(temporal: Client, folder: Path, estate: Estate, seed: int) -> Run:
    """One recovery of the estate's fullest site, with faults; a person skips what is held."""
    chance = random.Random(seed)
    # A coordinator of that name may have a worker that is gone.
    metadata = estate.metadata.model_copy(update={"name": folder.name})
    estate = estate.model_copy(update={"metadata": metadata})
    site = max(estate.sites, key=lambda each: len(estate.services_at(each.name))).name
    lab = Lab(estate, ready_after_ms=50)
    await lab.start()
    lab.write_env_file(folder / "lab.env")
    pairs = (line.partition("=") for line in (folder / "lab.env").read_text().splitlines())
    env = {name: value.strip("'\"") for name, _, value in pairs}
    queue = f"random-{folder.name}"
    options = Settings.from_environment(
        {name: value for name, value in env.items() if name.startswith("HOLDFAST_")}
        | {"HOLDFAST_TASK_QUEUE": queue}
    )
    registry = Registry.from_settings(options, kubeconfig=env["KUBECONFIG"])
    async with httpx.AsyncClient(base_url=lab.url, trust_env=False) as admin:
        before = (await admin.get("/_lab/state?canonical=1")).json()
        for _ in range(chance.randint(0, 4)):
            body = {
                "match": {
                    "method": chance.choice(["GET", "PATCH", "PATCH"]),
                    "site": chance.choice([each.name for each in estate.sites]),
                },
                "behaviour": chance.choice(FAULTS),
                "status": chance.choice([403, 404, 409, 500, 503]),
                "seconds": chance.choice([0.2, 1]),
                "times": chance.randint(1, 3),
            }
            (await admin.post("/_lab/faults", json=body)).raise_for_status()
        async with build_worker(temporal, registry, options):
            client = RecoveryClient(temporal, task_queue=queue)
            request = RecoveryRequest(estate=estate, site=site, reason=f"seed {seed}")
            started = await client.recover(request)
            status = await client.wait(started.workflow_id)
            while status.outcome is Outcome.HELD:
                held = next(step for step in status.steps if step.state == "held")
                await client.skip_step(
                    started.workflow_id, f"{held.service}/{held.id}", actor="op", reason="seen"
                )
                status = await client.wait(started.workflow_id)
        after = (await admin.get("/_lab/state?canonical=1")).json()
        journal = (await admin.get("/_lab/journal?since=0")).json()
    await registry.close()
    await lab.stop()
    run = Run(status, before, after, journal, struck=False)
    run.broken = broken_promises(run)
    return run
