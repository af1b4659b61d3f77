"""A real recovery by the command line while clients write: the journal and the data are judged."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import yaml

from support.activity_oracle import violations
from support.processes import Lab, Worker, lab_server
from support.shell import Shell
from support.writer import Writer

ACME = Path(str(files("holdfast.deploy.examples"))) / "acme-manufacturing.yaml"
STATEFUL = ("message-bus", "historian")
"""The services at Lyon that keep state: two running copies of another one do no harm."""


@pytest.fixture(scope="module")
def plant_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab of the manufacturer, whose copies are as good as synchronous."""
    options = ("--ready-after-ms", "100", "--replication-ms", "0")
    with lab_server(ACME, tmp_path_factory.mktemp("lab"), *options) as lab:
        yield lab


@pytest.fixture(scope="module")
def shell(
    temporal_address: str, plant_lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A command line with a worker that acts on that lab."""
    env = {"TEMPORAL_ADDRESS": temporal_address, "HOLDFAST_TASK_QUEUE": "with-data"}
    worker = Worker({**plant_lab.env, **env}, tmp_path_factory.mktemp("worker") / "worker.log")
    worker.start()
    yield Shell(env)
    worker.end()


@pytest.fixture
def lab(plant_lab: Lab) -> Lab:
    """The lab in its initial world."""
    plant_lab.reset()
    return plant_lab


@pytest.fixture
def writers(lab: Lab) -> Iterator[dict[str, Writer]]:
    """A writer for each service that keeps state."""
    writers = {service: Writer(lab, service) for service in STATEFUL}
    for writer in writers.values():
        writer.start()
    yield writers
    for writer in writers.values():
        writer.stop()


@pytest.fixture
def estate(tmp_path: Path) -> str:
    """The manufacturer under a name of this test's own, with nobody to ask and nothing to wait."""
    document = yaml.safe_load(ACME.read_text())
    document["metadata"]["name"] = tmp_path.name.replace("_", "-").strip("-")[:40].strip("-")
    del document["policy"]
    file = tmp_path / "estate.yaml"
    file.write_text(yaml.safe_dump(document))
    return str(file)


def recovered(shell: Shell, estate: str, writers: dict[str, Writer]) -> None:
    """Recover Lyon, with records written before, meanwhile and after."""
    done = shell.run("recover", "--estate", estate, "--site", "plant-lyon", "--wait")
    assert done.returncode == 0, done.stderr
    for writer in writers.values():
        writer.more(10, at="plant-milan")
        writer.stop()


def test_a_site_that_still_answers_is_left_without_losing_a_record(
    shell: Shell, lab: Lab, estate: str, writers: dict[str, Writer]
) -> None:
    for writer in writers.values():
        writer.more(10, at="plant-lyon")
    before = lab.world()
    recovered(shell, estate, writers)

    assert violations(before, lab.journal()) == []
    for service, writer in writers.items():
        assert writer.sites == ["plant-lyon", "plant-milan"]
        assert writer.lost(service, "plant-milan") == []


def test_a_lost_site_costs_no_record_that_had_arrived_elsewhere_and_is_never_active_beside_another(
    shell: Shell, lab: Lab, estate: str, writers: dict[str, Writer]
) -> None:
    for writer in writers.values():
        writer.more(10, at="plant-lyon")
    replication = httpx.post(f"{lab.url}/_lab/replication", json={"paused": True}, trust_env=False)
    replication.raise_for_status()
    for writer in writers.values():
        writer.more(3, at="plant-lyon")
    lab.reach("plant-lyon", reachable=False)
    safe = {service: held(lab, service, "plant-milan") for service in STATEFUL}
    before = lab.world()
    recovered(shell, estate, writers)

    journal = lab.journal()
    assert violations(before, journal, services=STATEFUL) == []
    for service, writer in writers.items():
        of_lyon = [each.id for each in writer.acknowledged if each.site == "plant-lyon"]
        lost = writer.lost(service, "plant-milan")
        assert lost == [id for id in of_lyon if id not in safe[service]]
        assert len(lost) >= 3
    # The control: with Lyon's traffic left where it was, each of them was active twice.
    promotions = [entry for entry in journal if entry["system"] == "kubernetes"]
    twice = violations(before, promotions, services=STATEFUL)
    assert {violation.service for violation in twice} == set(STATEFUL)


def held(lab: Lab, service: str, site: str) -> set[str]:
    answer = httpx.get(f"{lab.url}/_lab/records/{service}/{site}", trust_env=False)
    return set(answer.raise_for_status().json()["ids"])
