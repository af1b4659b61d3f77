"""`holdfast freeze` as a user has it: nothing new begins until it is lifted."""

import json

from support.processes import Lab
from support.shell import Shell

ESTATE = "acme-manufacturing"
MILAN = f"site-recovery/{ESTATE}/plant-milan"


def test_a_frozen_estate_lets_a_recovery_wait_and_a_thaw_lets_it_go_on(
    shell: Shell, lab: Lab, manufacturer: str
) -> None:
    frozen = shell.run(
        "freeze", "on", "--estate", manufacturer, "--reason", "storm", "--actor", "ana", "--json"
    )
    again = shell.run("freeze", "on", "--estate", ESTATE, "--reason", "storm", "--json")
    recovery = shell.run("recover", "--estate", manufacturer, "--site", "plant-milan", "--wait")
    status = json.loads(shell.run("status", MILAN, "--json").stdout)
    thawed = shell.run("freeze", "off", "--estate", ESTATE, "--reason", "calm", "--json")
    ended = shell.run("watch", MILAN, "--json")

    assert (frozen.returncode, json.loads(frozen.stdout)["accepted"]) == (0, True), frozen.stderr
    assert again.returncode == 1
    assert "is frozen already" in json.loads(again.stdout)["sentence"]
    assert recovery.returncode == 3, recovery.stdout
    assert status["phase"] == "waiting"
    assert "by ana: storm" in status["sentence"]
    assert thawed.returncode == 0, thawed.stderr
    assert json.loads(ended.stdout)["outcome"] == "recovered", ended.stderr


def test_a_thaw_of_what_is_not_frozen_is_refused(shell: Shell, lab: Lab, manufacturer: str) -> None:
    on = ("freeze", "on", "--estate", manufacturer, "--reason", "storm")
    off = ("freeze", "off", "--estate", ESTATE, "--reason", "calm", "--json")
    shell.run(*on)
    first, second = shell.run(*off), shell.run(*off)

    assert (first.returncode, second.returncode) == (0, 1)
    assert json.loads(second.stdout) == {
        "accepted": False,
        "sentence": f"{ESTATE} is not frozen",
    }
