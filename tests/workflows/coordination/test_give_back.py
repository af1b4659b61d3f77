"""What a run that never acted leaves of the budget."""

from datetime import UTC, datetime, timedelta

from holdfast.workflows.coordination.ledger import EstateLedger
from holdfast.workflows.coordination.memory import Memory
from holdfast.workflows.coordination.records import Asked
from holdfast.workflows.model.coordination import Application, Question, Release
from holdfast.workflows.model.policy import BudgetPolicy
from holdfast.workflows.model.recovery import Action, Mode

AT = datetime(2026, 1, 1, tzinfo=UTC)
ONE = BudgetPolicy(sites=1, window=timedelta(minutes=15))


def asked(run: str, number: int, ask: Application | Release) -> Asked:
    return Asked(Question(workflow_id=run, run_id=run, run=run, number=number, ask=ask))


def lost(site: str) -> Application:
    return Application(
        site=site,
        action=Action.RECOVER,
        mode=Mode.UNPLANNED,
        actor="noc",
        reason="silent",
        detected_at=AT,
        budget=ONE,
    )


def test_a_recovery_that_changed_nothing_uses_up_no_budget() -> None:
    for acted, granted in ((False, True), (True, False)):
        ledger = EstateLedger(Memory(estate="e"))
        ledger.handle(asked("first", 1, lost("a")), AT)
        ended = Release(outcome="rolled_back", acted=acted)
        ledger.handle(asked("first", 2, ended), AT + timedelta(seconds=1))
        ledger.handle(asked("second", 1, lost("b")), AT + timedelta(seconds=2))
        assert ("second" in ledger.memory.holders) is granted
