"""The loss of a region, as people at a shell deal with it."""

import json

from support.estate_files import Write, ended, until
from support.processes import Lab
from support.shell import Shell

ONE_REGION = {
    "region: italynorth\n    zone": "region: south\n    zone",
    "name: dc-frankfurt\n    region: germanywestcentral": "name: dc-frankfurt\n    region: south",
}
"""plant-milan and dc-frankfurt, in a region of theirs."""


def test_a_region_waits_where_a_site_does_and_is_recovered_when_all_its_services_are(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written(ONE_REGION)
    region = f"region-recovery/{estate.name}/south"
    milan, frankfurt = estate.recovery("plant-milan"), estate.recovery("dc-frankfurt")
    recover = ("region", "recover", "--estate", estate.file, "--region", "south", "--actor", "ana")
    for site in ("plant-milan", "dc-frankfurt"):
        lab.reach(site, reachable=False)

    held = shell.run(*recover, "--wait", "--reason", "flood")
    joined = shell.run(*recover, "--json")
    steered = shell.run("pause", region, "--reason", "wait")
    shell.run("skip-step", frankfurt, "order-database/fence", "--reason", "it is off")
    back = shell.run("watch", region, "--json")
    shown = shell.run("status", region)
    shell.run("commit", milan, "--reason", "it runs")
    final = until(shell, region, ended)
    lab.reach("dc-frankfurt", reachable=True)
    until(shell, f"estate/{estate.name}", lambda state: not state["unfenced"])

    assert held.returncode == 3, held.stdout
    assert f"  holdfast status {frankfurt}" in held.stdout.splitlines()
    assert "plant-milan: paint-line-broker/scale-up: " in held.stdout
    assert json.loads(joined.stdout)["joined"] is True
    assert steered.returncode == 1
    assert milan in steered.stderr
    assert frankfurt in steered.stderr
    assert back.returncode == 0, back.stderr
    told = json.loads(back.stdout)
    assert told["outcome"] == "recovered"
    assert {site["site"]: (site["recovered"], site["services"]) for site in told["sites"]} == {
        "plant-milan": (2, 2),
        "dc-frankfurt": (3, 3),
    }
    assert f'  holdfast commit {milan} --reason "…"' in shown.stdout.splitlines()
    assert (final["outcome"], final["sentence"]) == (
        "recovered",
        "5 of 5 services of south are recovered",
    )


def test_a_region_of_which_a_site_has_nowhere_to_go_exits_with_1_and_says_why(
    shell: Shell, lab: Lab, written: Write
) -> None:
    estate = written()
    lab.reach("plant-munich", reachable=False)

    done = shell.run(
        "region", "recover", "--estate", estate.file, "--region", "germanywestcentral",
        "--site", "plant-munich", "--lost", "dc-frankfurt", "--wait",
    )  # fmt: skip

    assert done.returncode == 1
    assert "body-shop-scheduler" in done.stdout
    assert "no recovery site left" in " ".join(done.stdout.split())
    assert lab.journal() == []
