"""What waits for a person's consent, as people at a shell give or refuse it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.processes import Lab
from support.shell import Shell

ANSWERS_WITHIN_S = 60.0
Moved = Callable[[str], str]


@pytest.fixture
def moved(shell: Shell, lab: Lab, manufacturer: str, tmp_path: Path) -> Moved:
    """Starts, as ana, a recovery of plant-milan that so many people must approve; its id."""

    def start(needed: str) -> str:
        name = f"acme-{uuid4().hex[:8]}"
        text = Path(manufacturer).read_text().replace("name: acme-manufacturing", f"name: {name}")
        file = tmp_path / f"{name}.yaml"
        file.write_text(text.replace("unplanned: none", f"unplanned: {needed}"))
        lab.reach("plant-milan", reachable=False)
        arguments = ("--estate", str(file), "--site", "plant-milan", "--actor", "ana", "--json")
        started = shell.run("recover", *arguments)
        assert started.returncode == 0, started.stderr
        recovery: str = json.loads(started.stdout)["workflow_id"]
        return recovery

    return start


def until(shell: Shell, recovery: str, arrived: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status, once it is as it is waited for."""
    give_up = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        told = shell.run("status", recovery, "--json")
        status: dict[str, Any] = json.loads(told.stdout) if told.returncode == 0 else {}
        if status and arrived(status):
            return status
        assert time.monotonic() < give_up, (
            told.stderr,
            status.get("phase"),
            status.get("waits_for"),
            status.get("log", [])[-3:],
        )
        time.sleep(0.2)


def waits_for_approval(status: dict[str, Any]) -> bool:
    return bool(status["phase"] == "approving" and status["approval"]["state"] == "pending")


def test_somebody_else_approves_what_is_shown_and_then_it_is_committed(
    shell: Shell, moved: Moved, lab: Lab
) -> None:
    recovery = moved("one")
    plan = until(shell, recovery, waits_for_approval)["plan_hash"]

    own = shell.run("approve", recovery, "--actor", "ANA", "--reason", "it is my own", "--json")
    stale = shell.run(
        "approve", recovery, "--plan", "77aa77aa77aa", "--actor", "bo", "--reason", "fine"
    )
    changed = [entry for entry in lab.journal() if entry["applied"]]
    given = shell.run(
        "approve", recovery, "--plan", plan[:12], "--actor", "bo", "--reason", "looked at it"
    )

    assert (own.returncode, json.loads(own.stdout)["accepted"]) == (1, False)
    assert "asked for it and cannot approve it" in json.loads(own.stdout)["sentence"]
    assert stale.returncode == 1
    assert f"the plan has changed since: it is now {plan[:12]}" in stale.stderr
    assert changed == []
    assert given.returncode == 0, given.stderr
    assert f"plan {plan[:12]} for plant-milan, asked for by ana" in given.stdout
    assert "plant-milan → " in given.stdout
    assert given.stdout.rstrip().endswith("looked at it")

    until(shell, recovery, lambda status: status["phase"] == "commit_window")
    again = shell.run("approve", recovery, "--actor", "cy", "--reason", "me too")
    kept = shell.run("commit", recovery, "--actor", "bo", "--reason", "it runs", "--json")
    ended = until(shell, recovery, lambda status: status["ended_at"] is not None)

    assert again.returncode == 1
    assert "nothing waits for approval, it is approved: bo approves plan" in again.stderr
    assert json.loads(kept.stdout)["accepted"] is True
    assert (ended["outcome"], ended["commit"]["by"]) == ("recovered", "bo")
    assert [each["actor"] for each in ended["approval"]["given"]] == ["bo"]


def test_a_rejected_recovery_ends_with_nothing_changed(
    shell: Shell, moved: Moved, lab: Lab
) -> None:
    recovery = moved("one")
    until(shell, recovery, waits_for_approval)

    refused = shell.run("reject", recovery, "--actor", "bo", "--reason", "not tonight")
    ended = until(shell, recovery, lambda status: status["ended_at"] is not None)

    assert refused.returncode == 0, refused.stderr
    assert "nothing is changed" in ended["approval"]["sentence"]
    assert ended["outcome"] == "rolled_back"
    assert [entry for entry in lab.journal() if entry["applied"]] == []


def test_in_an_emergency_one_breaks_the_glass_and_the_review_stays_in_the_report(
    shell: Shell, moved: Moved, lab: Lab
) -> None:
    recovery = moved("two")
    until(shell, recovery, waits_for_approval)
    glass = ("approve", recovery, "--break-glass", "--actor", "ana", "--reason")

    weak = shell.run(*glass, "urgent")
    broken = shell.run(*glass, "the plant burns")
    until(shell, recovery, lambda status: status["phase"] == "commit_window")
    shell.run("commit", recovery, "--actor", "ana", "--reason", "it runs")
    ended = until(shell, recovery, lambda status: status["ended_at"] is not None)

    assert weak.returncode == 1
    assert "at least 10 characters" in weak.stderr
    assert broken.returncode == 0, broken.stderr
    assert ended["approval"]["break_glass"] is True
    assert ended["approval"]["review"]["owner"] == "the estate's owner"


def test_where_nothing_waits_for_consent_the_refusal_says_so(
    shell: Shell, moved: Moved, lab: Lab
) -> None:
    recovery = moved("none")
    until(shell, recovery, lambda status: status["phase"] == "commit_window")

    for command in ("approve", "reject"):
        told = shell.run(command, recovery, "--actor", "bo", "--reason", "looked at it")
        assert told.returncode == 1
        assert "nothing waits for" in told.stderr
    assert shell.run("commit", recovery, "--actor", "bo", "--reason", "it runs").returncode == 0
