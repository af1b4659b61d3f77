"""The commands around recoveries, as a shell sees them: output, exit codes, remedies."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.estate_files import Write, ended, until
from support.processes import Lab
from support.shell import Shell

RUNS = 20 if os.environ.get("HOLDFAST_TEST_LANE") == "full" else 4
NOWHERE = "127.0.0.1:9"


def test_recover_wait_prints_exactly_the_promised_object_and_ends_well_before_the_commit(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    lab.reach("plant-milan", reachable=False)

    done = shell.run(
        "recover", "--estate", estate.file, "--site", "plant-milan", "--wait", "--json"
    )
    kept = shell.run("status", estate.recovery("plant-milan"))
    final = shell.run("commit", estate.recovery("plant-milan"), "--reason", "it runs", "--json")
    status = until(shell, estate.recovery("plant-milan"), ended)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {
        "outcome": "recovered",
        "workflow_id": estate.recovery("plant-milan"),
        "steps": [
            {"service": "paint-line-broker", "id": "scale-up", "state": "applied"},
            {"service": "paint-line-control", "id": "scale-up", "state": "applied"},
            {"service": "paint-line-control", "id": "verify", "state": "applied"},
        ],
        "residue": [],
    }
    assert "the way back is kept until" in kept.stdout
    assert json.loads(final.stdout)["accepted"] is True
    assert (status["phase"], status["progress"], status["outcome"]) == (
        "recovered",
        "nothing",
        "recovered",
    )
    assert {"conditions", "waits_for", "services", "steps", "residue", "log"} <= status.keys()


def test_recover_wait_tells_a_reader_each_step_then_the_outcome_then_what_to_type(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()

    done = shell.run("recover", "--estate", estate.file, "--site", "plant-milan", "--wait")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "paint-line-broker/scale-up: " in done.stdout
    assert "recovered 2 services of plant-milan" in lines
    assert lines[-2:] == [
        f'  holdfast {command} {estate.recovery("plant-milan")} --reason "…"'
        for command in ("commit", "roll-back")
    ]


def test_a_site_that_was_recovered_is_left_alone_until_its_cool_down_is_over_or_lifted(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    recover = ("recover", "--estate", estate.file, "--site", "plant-milan", "--wait")
    shell.run(*recover, "--json")
    shell.run("commit", estate.recovery("plant-milan"), "--reason", "it runs")
    until(shell, estate.recovery("plant-milan"), ended)

    refused = shell.run(*recover)
    for_a_program = shell.run(*recover, "--json")
    lift = f"holdfast allow --estate {estate.name} --site plant-milan"
    lifted = shell.run(*lift.split()[1:], "--reason", "it burns again", "--actor", "bo", "--json")
    again = shell.run(*recover, "--json")

    assert refused.returncode == 1
    assert "its cool-down lasts until" in refused.stdout
    assert lift in refused.stdout
    assert refused.stdout.rstrip().endswith("nothing was changed")
    assert (for_a_program.returncode, json.loads(for_a_program.stdout)["steps"]) == (1, [])
    assert lift in for_a_program.stderr
    assert lifted.returncode == 0, lifted.stderr
    assert "bo allows plant-milan past the budget and its cool-down" in lifted.stdout
    assert (again.returncode, json.loads(again.stdout)["outcome"]) == (0, "recovered")


def test_a_recovery_that_is_rolled_back_exits_with_1(
    shell: Shell, lab: Lab, written: Write
) -> None:
    before = lab.world()
    lab.fault("error", {"method": "PATCH", "site": "plant-lyon"}, status=403, times=1)

    done = shell.run(
        "recover", "--estate", written().file, "--site", "plant-milan", "--wait", "--json"
    )

    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (1, "rolled_back")
    assert lab.world() == before


def test_a_held_recovery_exits_with_3_and_goes_on_when_a_person_skips_the_step(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    frankfurt = estate.recovery("dc-frankfurt")
    lab.reach("dc-frankfurt", reachable=False)

    held = shell.run("recover", "--estate", estate.file, "--site", "dc-frankfurt", "--wait")
    refused = shell.run("skip-step", frankfurt, "order-database/nothing", "--reason", "why not")
    skipped = shell.run(
        "skip-step", frankfurt, "order-database/fence", "--reason", "it is off", "--actor", "ana"
    )
    ends = shell.run("watch", frankfurt, "--json")
    owed = json.loads(shell.run("status", f"estate/{estate.name}", "--json").stdout)["unfenced"]
    lab.reach("dc-frankfurt", reachable=True)
    until(shell, f"estate/{estate.name}", lambda state: not state["unfenced"])

    assert held.returncode == 3, held.stderr
    assert f"holdfast skip-step {frankfurt} order-database/fence" in held.stdout
    assert refused.returncode == 1
    assert "no step of this plan" in refused.stderr
    assert skipped.returncode == 0
    assert "no evidence that order-database no longer runs at dc-frankfurt" in skipped.stdout
    assert [(fact["service"], fact["site"]) for fact in owed] == [
        ("order-database", "dc-frankfurt")
    ]
    assert (ends.returncode, json.loads(ends.stdout)["outcome"]) == (0, "recovered")


def test_plan_shows_the_verdict_on_every_step_and_changes_nothing(
    shell: Shell, lab: Lab, written: Write
) -> None:
    plan = shell.run("plan", written().file, "--site", "plant-lyon")

    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.count("QUALIFIED") == 22
    assert "predicted recovery time in all:" in plan.stdout
    assert [entry for entry in lab.journal() if entry["applied"]] == []


def test_plan_exits_with_1_and_says_why_where_a_deployment_is_missing(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written({"deployment: control": "deployment: misnamed"})

    plan = shell.run("plan", "--estate", estate.file, "--site", "plant-milan", "--json")

    assert plan.returncode == 1
    verdicts = {
        f"{step['service']}/{step['id']}": (step["qualification"], step["sentence"])
        for step in json.loads(plan.stdout)["steps"]
    }
    verdict, reason = verdicts["paint-line-control/scale-up"]
    assert verdict == "NOT_QUALIFIED"
    assert "misnamed" in reason


def test_an_unknown_site_exits_with_2_and_names_the_sites(
    lone_shell: Shell, manufacturer: str
) -> None:
    done = lone_shell.run("recover", "--estate", manufacturer, "--site", "plant-nice")

    assert done.returncode == 2
    assert "plant-lyon, plant-milan, plant-munich, dc-frankfurt" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("recover", "--site", "plant-lion"), "plant-lyon"),
        (("recover", "--site", "plant-lyon", "--mode", "planed"), "planned"),
        (("recover", "--site", "plant-lyon", "--lost", "plant-milano"), "plant-milan"),
        (("plan", "--site", "plant-lyon", "--mode", "tests"), "test"),
        (("failback", "--site", "plant-lyonn"), "plant-lyon"),
        (("region", "recover", "--region", "italy-north"), "italynorth"),
        (("region", "recover", "--region", "italynorth", "--site", "plant-millan"), "plant-milan"),
        (("allow", "--site", "plant-munch", "--reason", "why"), "plant-munich"),
    ],
)
def test_a_misspelt_name_exits_with_2_and_is_answered_with_the_nearest(
    lone_shell: Shell, manufacturer: str, arguments: tuple[str, ...], meant: str
) -> None:
    done = lone_shell.run(*arguments, "--estate", manufacturer)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"did you mean {meant!r}?" in done.stderr


def test_an_unreachable_temporal_exits_with_4_and_says_what_to_do(
    lone_shell: Shell, shop: str
) -> None:
    arguments = ("recover", "--estate", shop, "--site", "store", "--wait", "--json")
    done = lone_shell.run(*arguments, TEMPORAL_ADDRESS=NOWHERE)

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
    assert NOWHERE in done.stderr
    assert "set TEMPORAL_ADDRESS" in done.stderr


def test_without_a_worker_it_says_so_and_waits(shell: Shell, lab: Lab, written: Write) -> None:
    arguments = ("recover", "--estate", written().file, "--site", "plant-munich", "--wait")
    waiting = shell.start(*arguments, HOLDFAST_TASK_QUEUE="nobody")
    assert waiting.stderr is not None

    said = waiting.stderr.readline()
    still_waits = waiting.poll() is None
    waiting.send_signal(signal.SIGINT)
    _, rest = waiting.communicate(timeout=30)

    assert "no worker answers on queue nobody; start one: holdfast worker" in said
    assert still_waits
    assert waiting.returncode == 130
    assert "the recovery goes on; holdfast watch" in rest


def test_a_worker_says_when_it_polls_and_ends_well_on_sigterm(shell: Shell) -> None:
    worker = shell.start("worker", "--json")
    assert worker.stdout is not None

    ready = json.loads(worker.stdout.readline())
    worker.terminate()
    _, errors = worker.communicate(timeout=30)

    assert ready == {
        "ready": True,
        "task_queue": "commands",
        "pid": worker.pid,
        "temporal": shell.env["TEMPORAL_ADDRESS"],
    }
    assert (worker.returncode, errors) == (0, "")


def test_a_worker_with_an_unknown_setting_exits_with_2(lone_shell: Shell) -> None:
    done = lone_shell.run("worker", HOLDFAST_TASK_QUEU="x")

    assert done.returncode == 2
    assert "did you mean HOLDFAST_TASK_QUEUE?" in done.stderr


def test_the_exit_code_is_true_every_time(shell: Shell, lab: Lab, written: Write) -> None:
    estate = written()
    shell.run("recover", "--estate", estate.file, "--site", "plant-milan", "--wait", "--json")
    asked = ["nothing-of-that-name", estate.recovery("plant-milan")] * (RUNS // 2)

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda recovery: shell.run("status", recovery).returncode, asked))

    assert codes == [1, 0] * (RUNS // 2)
