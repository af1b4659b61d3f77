"""`holdfast demo`: what it promises to a program."""

import json
import os

import pytest

from support.shell import Shell

FULL = os.environ.get("HOLDFAST_TEST_LANE") == "full"


def test_demo_recovers_through_a_killed_worker_and_rolls_back_to_the_world_before(
    lone_shell: Shell, shop: str
) -> None:
    done = lone_shell.run("demo", "--json", "--estate", shop)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["outcome"] == "recovered"
    assert told["workflow_id"] == "site-recovery/corner-shop-loss/store"
    assert [service["name"] for service in told["services"]] == ["checkout"]
    assert 0 < told["critical_path_s"] <= told["actual_recovery_time_s"]
    assert told["worker_kills"] >= 1
    assert told["rollback"]["outcome"] == "rolled_back"
    assert told["rollback"]["world_restored"] is True


@pytest.mark.skipif(not FULL, reason="half a minute; `make demo` plays it too")
def test_demo_of_the_manufacturer_kills_a_worker_on_the_way_there_and_on_the_way_back(
    lone_shell: Shell,
) -> None:
    done = lone_shell.run("demo", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["worker_kills"] == 2
    assert len(told["services"]) == 6


def test_demo_of_a_site_without_services_exits_with_2(lone_shell: Shell, shop: str) -> None:
    done = lone_shell.run("demo", "--estate", shop, "--site", "cloud")

    assert done.returncode == 2
    assert "services run at store" in done.stderr
