"""Readiness as people at a shell ask for it, against the lab."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.processes import Lab
from support.shell import Shell

SITES = {"plant-lyon", "plant-milan", "plant-munich", "dc-frankfurt"}


@pytest.fixture
def plants(manufacturer: str, tmp_path: Path) -> str:
    """The manufacturer's estate file, under a name of its own."""
    name = f"acme-{uuid4().hex[:8]}"
    text = Path(manufacturer).read_text().replace("name: acme-manufacturing", f"name: {name}")
    file = tmp_path / f"{name}.yaml"
    file.write_text(text)
    return str(file)


def evaluated(shell: Shell, *arguments: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code, what was found, and the same by site."""
    told = shell.run("evaluate", *arguments, "--json")
    assert told.stdout, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return told.returncode, found, {site["site"]: site for site in found["sites"]}


def test_an_estate_that_is_ready_is_evaluated_without_changing_anything(
    shell: Shell, lab: Lab, plants: str
) -> None:
    code, found, sites = evaluated(shell, plants)

    assert (code, found["verdict"], set(sites)) == (0, "QUALIFIED", SITES)
    assert sites["plant-lyon"]["services_qualified"] == 6
    assert sites["plant-lyon"]["steps_qualified"] == sites["plant-lyon"]["steps"] > 6
    assert lab.journal() == []


def test_what_was_found_is_read_again_without_looking(shell: Shell, lab: Lab, plants: str) -> None:
    _, found, _ = evaluated(shell, plants)
    for site in SITES:
        lab.reach(site, reachable=False)
    again = shell.run("readiness", Path(plants).stem, "--json")
    shown = shell.run("readiness", Path(plants).stem)

    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["sites"] == found["sites"]
    assert "QUALIFIED: 4 sites: 4 QUALIFIED; evaluated" in shown.stdout


def test_a_recovery_site_that_does_not_answer_leaves_those_that_need_it_not_ready(
    shell: Shell, lab: Lab, plants: str
) -> None:
    lab.reach("plant-milan", reachable=False)
    code, found, sites = evaluated(shell, plants)

    assert code == 1
    assert found["verdict"] != "QUALIFIED"
    assert found["sites"][0]["verdict"] == found["verdict"]
    assert sites["plant-lyon"]["verdict"] != "QUALIFIED"
    assert sites["plant-lyon"]["services_qualified"] < 6
    assert "plant-milan" in sites["plant-lyon"]["reasons"][0]


def test_a_worker_that_may_not_scale_is_found_before_the_disaster(
    shell: Shell, lab: Lab, plants: str
) -> None:
    lab.fault("error", {"system": "kubernetes", "site": "plant-milan"}, status=403)
    code, _, sites = evaluated(shell, plants)
    told = shell.run("readiness", Path(plants).stem)

    assert (code, sites["plant-lyon"]["verdict"]) == (1, "NOT_QUALIFIED")
    assert "Unauthorized" in sites["plant-lyon"]["reasons"][0]
    assert told.returncode == 1
    assert told.stdout.index("NOT_QUALIFIED") < told.stdout.index(" QUALIFIED")


def test_a_site_by_name_is_told_step_by_step(shell: Shell, lab: Lab, plants: str) -> None:
    code, found, sites = evaluated(shell, plants, "--site", "plant-lyon")
    told = shell.run("readiness", Path(plants).stem, "--site", "plant-lyon")

    assert (code, set(sites)) == (0, {"plant-lyon"})
    steps = {step["step"]: step["verdict"] for step in found["details"]["steps"]}
    assert steps["message-bus/scale-up"] == "QUALIFIED"
    assert "message-bus/scale-up" in told.stdout


def test_a_schedule_is_set_and_ended(shell: Shell, lab: Lab, plants: str) -> None:
    _, found, _ = evaluated(shell, plants, "--every", "1h")
    ended = shell.run("evaluate", plants, "--every", "off")
    after = json.loads(shell.run("readiness", Path(plants).stem, "--json").stdout)

    assert found["every_s"] == 3600
    assert found["due_at"] is not None
    assert "is evaluated only when asked" in ended.stdout
    assert (after["every_s"], after["due_at"]) == (None, None)


def test_an_estate_that_has_not_changed_need_not_be_evaluated(
    shell: Shell, lab: Lab, plants: str
) -> None:
    _, first, _ = evaluated(shell, plants)
    _, same, _ = evaluated(shell, plants, "--if-changed")
    text = Path(plants).read_text()
    Path(plants).write_text(text.replace("replicas: 3", "replicas: 2", 1))
    _, changed, _ = evaluated(shell, plants, "--if-changed")

    assert (same["number"], changed["number"]) == (first["number"], first["number"] + 1)
    assert same["estate_hash"] != changed["estate_hash"]


def test_a_verdict_that_is_too_old_is_unknown(shell: Shell, lab: Lab, plants: str) -> None:
    evaluated(shell, plants, "--stale-after", "1ms")
    told = shell.run("readiness", Path(plants).stem)

    assert told.returncode == 1
    assert "UNKNOWN: 4 sites: 4 UNKNOWN" in told.stdout
    assert "was QUALIFIED" in " ".join(told.stdout.split())


def test_of_an_estate_that_was_never_evaluated_nothing_is_known(shell: Shell) -> None:
    told = shell.run("readiness", "atlantis")

    assert told.returncode == 1
    assert "the estate atlantis was never evaluated; run `holdfast evaluate FILE`" in told.stderr


def test_wrong_usage_is_said_before_anything_is_asked(lone_shell: Shell, plants: str) -> None:
    for options, word in (
        (("--site", "atlantis"), "has no site 'atlantis'"),
        (("--every", "soon"), "--every: not a duration"),
        (("--every", "1s"), "from 10s to 31d"),
    ):
        told = lone_shell.run("evaluate", plants, *options)
        assert told.returncode == 2
        assert word in told.stderr
