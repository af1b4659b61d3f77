"""The control of the zombie tests was satisfied by workers that left no keys, whatever they did.

With keys off every run was called broken because its mutations carried none; that late writes were
still refused by conditional writes went unnoticed. A control is judged by effects alone.
"""

from datetime import UTC, datetime

from holdfast.workflows.model.recovery import (
    Mode,
    Outcome,
    Phase,
    Progress,
    RecoveryStatus,
)
from support.judging import Run, broken_promises

UNMARKED = {"seq": 1, "applied": True, "key": None, "path": "/x", "site": "a", "system": "k"}


def run(**more: object) -> Run:
    status = RecoveryStatus(
        workflow_id="w",
        run_id="r",
        estate="e",
        site="a",
        mode=Mode.UNPLANNED,
        phase=Phase.ROLLED_BACK,
        progress=Progress.NOTHING,
        waits_for="nothing",
        outcome=Outcome.ROLLED_BACK,
        started_at=datetime.now(UTC),
    )
    world: dict[str, list[str]] = {"workloads": []}
    return Run(status, world, world, [UNMARKED], struck=True, **more)  # type: ignore[arg-type]


def test_a_missing_key_alone_does_not_satisfy_a_control() -> None:
    assert broken_promises(run(), keyed=False) == []


def test_a_late_change_does() -> None:
    assert broken_promises(run(late=["#9 api on a (None)"]), keyed=False) != []


def test_with_guards_on_a_missing_key_is_a_broken_promise() -> None:
    assert broken_promises(run()) == ["a mutation carried no idempotency key"]
