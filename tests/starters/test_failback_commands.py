"""The way home, as people at a shell walk it."""

import json

from support.estate_files import Write, ended, until
from support.processes import Lab
from support.shell import Shell


def test_services_come_home_with_the_consent_of_two_and_are_protected_again(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    lyon, failback = estate.recovery("plant-lyon"), f"failback/{estate.name}/plant-lyon"
    home = ("failback", "--estate", estate.file, "--site", "plant-lyon", "--actor", "ana", "--wait")
    lab.reach("plant-lyon", reachable=False)
    shell.run("recover", "--estate", estate.file, "--site", "plant-lyon", "--wait", "--json")

    too_early = shell.run(*home)
    shell.run("commit", lyon, "--reason", "it runs")
    until(shell, lyon, ended)
    lab.reach("plant-lyon", reachable=True)
    waits = shell.run(*home, "--reason", "repaired")
    own = shell.run("approve", failback, "--actor", "ana", "--reason", "it is mine", "--json")
    first = shell.run("approve", failback, "--actor", "bo", "--reason", "looked", "--json")
    twice = shell.run("approve", failback, "--actor", "bo", "--reason", "again", "--json")
    second = shell.run("approve", failback, "--actor", "cy", "--reason", "looked too", "--json")
    arrived = shell.run("watch", failback)
    shown = shell.run("status", failback)
    shell.run("commit", failback, "--actor", "ana", "--reason", "all is well")
    done = shell.run("watch", failback, "--json")

    assert too_early.returncode == 1
    assert f"holdfast commit {lyon}" in too_early.stderr
    assert waits.returncode == 3, waits.stderr
    assert "by two other people than ana" in waits.stdout
    assert [each.returncode for each in (own, first, twice, second)] == [1, 0, 1, 0]
    assert arrived.returncode == 0, arrived.stderr
    assert f'  holdfast commit {lyon} --reason "…"' in arrived.stdout.splitlines()
    assert "message-bus/scale-up: message-bus/broker on plant-lyon" in arrived.stdout
    assert "the way back is kept until" in shown.stdout
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["outcome"], told["protected"]) == ("recovered", True)
    assert told["sentence"] == "6 services of plant-lyon are home, and protected again"


def test_a_failback_of_a_site_that_is_at_home_says_so_and_changes_nothing(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()

    done = shell.run("failback", "--estate", estate.file, "--site", "plant-milan", "--wait")
    early = shell.run(
        "approve", f"failback/{estate.name}/plant-milan", "--reason", "now", "--actor", "bo"
    )

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("every service of plant-milan is at home")
    assert early.returncode == 1
    assert "the move home has not begun" in early.stderr
    assert lab.journal() == []


def test_writes_that_only_the_home_site_holds_are_given_up_by_name_only(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()

    refused = shell.run(
        "accept-divergence", f"failback/{estate.name}/plant-lyon", "--reason", "they are old"
    )

    assert refused.returncode == 1
    assert "there is no recovery" in refused.stderr
