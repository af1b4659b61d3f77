"""What is moved on purpose and what is rehearsed, as people at a shell do it."""

import json

from support.estate_files import Write, ended, until
from support.processes import Lab
from support.shell import Shell

NEVER_IN_STEP = {
    "value: 0\n        needs: [withdraw]\n        timeout: 1m": (
        "value: 77\n        needs: [withdraw]\n        timeout: 1s\n        on_failure: hold"
    )
}
"""No copy of the example lags by exactly 77 seconds: the final sync fails, and waits."""


def test_a_planned_move_waits_for_another_person_and_then_acts(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    milan = estate.recovery("plant-milan")
    move = ("recover", "--estate", estate.file, "--site", "plant-milan", "--mode", "planned")

    waits = shell.run(*move, "--wait", "--actor", "ana", "--reason", "new switches")
    own = shell.run("approve", milan, "--actor", "ana", "--reason", "it is my own", "--json")
    untouched = not any(entry["applied"] for entry in lab.journal())
    given = shell.run("approve", milan, "--actor", "bo", "--reason", "looked at it", "--json")
    moved = shell.run("watch", milan, "--json")

    assert waits.returncode == 3, waits.stderr
    assert "approval of plan" in waits.stdout
    assert "by another person than ana" in waits.stdout
    assert waits.stdout.rstrip().splitlines()[-2:] == [
        f'  holdfast {command} {milan} --reason "…"' for command in ("approve", "reject")
    ]
    assert (own.returncode, json.loads(own.stdout)["accepted"]) == (1, False)
    assert untouched
    assert (given.returncode, json.loads(given.stdout)["accepted"]) == (0, True)
    assert (moved.returncode, json.loads(moved.stdout)["outcome"]) == (0, "recovered")


def test_a_planned_move_that_is_rejected_exits_with_1_and_says_by_whom(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    milan = estate.recovery("plant-milan")
    move = ("recover", "--estate", estate.file, "--site", "plant-milan", "--mode", "planned")

    held = shell.run(*move, "--wait", "--json", "--actor", "ana")
    rejected = shell.run("reject", milan, "--actor", "bo", "--reason", "not tonight", "--json")
    told = shell.run("watch", milan)

    assert (held.returncode, json.loads(held.stdout)["outcome"]) == (3, "held")
    assert "by another person than ana" in held.stderr
    assert json.loads(rejected.stdout)["accepted"] is True
    assert told.returncode == 1
    assert told.stdout.splitlines()[-1].startswith("bo rejects plan")
    assert not any(entry["applied"] for entry in lab.journal())


def test_a_rehearsal_passes_on_copies_that_are_gone_afterwards_and_moves_no_traffic(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    before = lab.world()

    done = shell.run(
        "recover", "--estate", estate.file, "--site", "plant-lyon", "--mode", "test", "--wait"
    )

    journal = [entry for entry in lab.journal() if entry["applied"]]
    made = [
        e["path"] for e in journal if e["method"] == "POST" and e["path"].endswith("namespaces")
    ]
    assert done.returncode == 0, done.stdout
    assert "the test passed" in done.stdout.splitlines()[-1]
    assert "message-bus copied into message-bus-holdfast-test on plant-milan" in done.stdout
    assert len(made) == 6
    assert {entry["system"] for entry in journal} == {"kubernetes"}
    assert lab.world() == before


def test_a_rehearsal_that_fails_exits_with_1_and_is_cleaned_up_too(
    shell: Shell, lab: Lab, written: Write
) -> None:
    before = lab.world()
    lab.fault("error", {"method": "PATCH", "site": "plant-lyon"}, status=403, times=1)

    done = shell.run(
        "recover", "--estate", written().file, "--site", "plant-milan", "--mode", "test",
        "--wait", "--json",
    )  # fmt: skip

    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (1, "rolled_back")
    assert lab.world() == before


def test_a_move_that_waits_for_its_final_sync_goes_on_without_it_when_a_person_says_so(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written({**NEVER_IN_STEP, "planned: one": "planned: none"})
    lyon = estate.recovery("plant-lyon")
    move = ("recover", "--estate", estate.file, "--site", "plant-lyon", "--mode", "planned")

    held = shell.run(*move, "--wait")
    gone_on = shell.run(
        "go-ungraceful", lyon, "--actor", "ana", "--reason", "it is on fire now", "--json"
    )
    moved = until(shell, lyon, lambda status: status["phase"] == "commit_window")
    shell.run("roll-back", lyon, "--actor", "ana", "--reason", "put out")
    back = until(shell, lyon, ended)

    assert held.returncode == 3, held.stdout
    assert f'  holdfast go-ungraceful {lyon} --reason "…"' in held.stdout.splitlines()
    assert (gone_on.returncode, json.loads(gone_on.stdout)["accepted"]) == (0, True)
    passed_over = {
        f"{step['service']}/{step['id']}" for step in moved["steps"] if step["state"] == "skipped"
    }
    assert passed_over == {"message-bus/final-sync", "historian/final-sync"}
    assert back["outcome"] == "rolled_back"
