"""What people at a shell order the coordinator of an estate."""

import json

from support.estate_files import Write
from support.processes import Lab
from support.shell import Shell


def test_a_frozen_estate_lets_a_recovery_wait_and_says_who_froze_it_until_somebody_thaws_it(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    milan = estate.recovery("plant-milan")
    recover = ("recover", "--estate", estate.file, "--site", "plant-milan", "--wait")

    frozen = shell.run(
        "freeze", "on", "--estate", estate.file, "--actor", "bo", "--reason", "new switches"
    )
    twice = shell.run("freeze", "on", "--estate", estate.name, "--reason", "me too", "--json")
    held = shell.run(*recover)
    for_a_program = shell.run(*recover, "--json")
    seen = shell.run("status", f"estate/{estate.name}")
    untouched = lab.journal() == []
    thawed = shell.run("freeze", "off", "--estate", estate.name, "--reason", "done", "--json")
    goes_on = shell.run("watch", milan, "--json")
    warm = shell.run("freeze", "off", "--estate", estate.name, "--reason", "done", "--json")

    assert frozen.returncode == 0, frozen.stderr
    assert f"bo freezes {estate.name}: new switches" in frozen.stdout
    assert (twice.returncode, json.loads(twice.stdout)["accepted"]) == (1, False)
    assert held.returncode == 3
    assert "by bo: new switches" in held.stdout
    assert f"holdfast freeze off --estate {estate.name}" in held.stdout
    assert (for_a_program.returncode, json.loads(for_a_program.stdout)["outcome"]) == (3, "held")
    assert "by bo: new switches" in for_a_program.stderr
    assert seen.stdout.startswith("frozen since ")
    assert f"{estate.name}: 0 running, 1 waiting" in seen.stdout
    assert untouched
    assert json.loads(thawed.stdout)["accepted"] is True
    assert (goes_on.returncode, json.loads(goes_on.stdout)["outcome"]) == (0, "recovered")
    assert "is not frozen" in json.loads(warm.stdout)["sentence"]


def test_an_estate_that_nobody_knows_is_neither_frozen_nor_allowed_anything_by_its_name(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    shell.run("freeze", "on", "--estate", estate.file, "--reason", "to be known")

    misspelt = shell.run("freeze", "on", "--estate", f"{estate.name}x", "--reason", "storm")
    nowhere = shell.run("allow", "--estate", estate.name, "--site", "plant-lyon", "--reason", "go")
    neither = shell.run("allow", "--estate", estate.name, "--reason", "go")
    missing = shell.run("status", f"estate/{estate.name}x")

    assert misspelt.returncode == 2
    assert "--estate FILE" in misspelt.stderr
    assert nowhere.returncode == 2
    assert "no site 'plant-lyon'" in nowhere.stderr
    assert neither.returncode == 2
    assert missing.returncode == 1
    assert "nothing has been recovered yet" in missing.stderr


def test_an_estate_tells_a_program_what_runs_in_it(shell: Shell, lab: Lab, written: Write) -> None:
    estate = written()
    shell.run("recover", "--estate", estate.file, "--site", "plant-milan", "--wait", "--json")

    told = json.loads(shell.run("status", f"estate/{estate.name}", "--json").stdout)
    watched = shell.run("watch", f"estate/{estate.name}")

    assert [holder["workflow_id"] for holder in told["holders"]] == [estate.recovery("plant-milan")]
    assert told["budget"]["used"] == ["plant-milan"]
    assert watched.returncode == 2
    assert f"holdfast status estate/{estate.name}" in watched.stderr
