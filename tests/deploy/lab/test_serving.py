"""The lab as a process: its files, its ports, its latency, its ready line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
import yaml

from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate


def read(path: str) -> str:
    return Path(path).read_text()


async def test_the_env_file_can_be_sourced_and_leads_to_everything(
    lab: Lab, tmp_path: Path
) -> None:
    lab.write_env_file(tmp_path / "with space" / "env")

    command = f"set -a; . '{tmp_path}/with space/env'; env"
    shell = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=subprocess.PIPE)
    sourced, _ = await shell.communicate()

    found = dict(line.split("=", 1) for line in sourced.decode().splitlines())
    assert found["HOLDFAST_LAB_URL"] == lab.url
    kubeconfig = yaml.safe_load(read(found["KUBECONFIG"]))
    assert [context["name"] for context in kubeconfig["contexts"]] == ["ctx-lyon", "ctx-milan"]
    assert kubeconfig["clusters"][1]["cluster"]["server"] == lab.site_urls["milan"]


async def test_latency_is_added_to_every_answer_but_the_admin_api_s(estate: Estate) -> None:
    lab = Lab(estate, latency_ms=200)
    await lab.start()
    async with aiohttp.ClientSession() as http:
        started = time.monotonic()
        await http.get(f"{lab.url}/_lab/state")
        admin = time.monotonic() - started
        await http.get(f"{lab.url}/-/ready")
        served = time.monotonic() - started - admin
    await lab.stop()

    assert admin < 0.2 <= served


async def test_a_taken_port_is_an_error_and_a_taken_site_port_is_not(
    lab: Lab, estate: Estate
) -> None:
    other = Lab(estate)
    with pytest.raises(OSError, match="in use"):
        await other.start(int(lab.url.rpartition(":")[2]))
    await other.stop()


async def test_a_service_is_reached_through_the_proxy_as_the_world_is(lab: Lab) -> None:
    async with aiohttp.ClientSession() as http:
        home = await http.get("http://historian.lyon.example/healthz", proxy=lab.url)
        away = await http.get("http://historian.milan.example/healthz", proxy=lab.url)

    assert (home.status, away.status) == (200, 503)


async def test_the_process_says_when_it_is_ready_and_stops_when_told(
    estate: Estate, tmp_path: Path
) -> None:
    file = tmp_path / "estate.yaml"
    file.write_text(yaml.safe_dump(estate.document()))
    arguments = ["--estate", str(file), "--env-file", str(tmp_path / "env")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast.deploy.lab", *arguments, stdout=subprocess.PIPE
    )
    assert process.stdout is not None

    ready = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession() as http:
        state = await http.get(f"{ready['url']}/_lab/state")
    written = (tmp_path / "env").exists()
    os.kill(process.pid, signal.SIGTERM)

    assert (state.status, written) == (200, True)
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_an_estate_that_is_none_is_said_in_one_line_each_and_nothing_is_served(
    tmp_path: Path,
) -> None:
    file = tmp_path / "estate.yaml"
    file.write_text("kind: Nonsense\n")
    arguments = ["--estate", str(file), "--env-file", str(tmp_path / "env")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast.deploy.lab", *arguments, stderr=subprocess.PIPE
    )

    _, said = await process.communicate()

    assert process.returncode == 2
    assert all(line.startswith(f"{file}:1: ") for line in said.decode().splitlines())
    assert not (tmp_path / "env").exists()
