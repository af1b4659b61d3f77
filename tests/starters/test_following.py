"""How a recovery's log is told: each sentence once."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.starters.cli.durations import allowed, taken
from holdfast.starters.cli.following import NewSentences
from holdfast.workflows.model.recovery import LogEntry, Mode, Phase, Progress, RecoveryStatus

START = datetime(2026, 1, 1, tzinfo=UTC)


def status(*sentences: str) -> RecoveryStatus:
    log = tuple(
        LogEntry(at=START + timedelta(seconds=int(sentence)), sentence=sentence)
        for sentence in sentences
    )
    return RecoveryStatus(
        workflow_id="id",
        run_id="run",
        estate="estate",
        site="site",
        mode=Mode.UNPLANNED,
        phase=Phase.RECOVERING,
        progress=Progress.STEPS,
        waits_for="the steps",
        started_at=START,
        log=log,
    )


def test_each_sentence_is_new_once() -> None:
    new = NewSentences()

    told = [
        [entry.sentence for entry in new.of(seen)]
        for seen in (status(), status("1", "2"), status("1", "2"), status("1", "2", "3"))
    ]

    assert told == [[], ["1", "2"], [], ["3"]]


def test_a_log_that_forgets_its_beginning_is_told_on_from_where_it_was() -> None:
    new = NewSentences()
    new.of(status("1", "2"))

    assert [entry.sentence for entry in new.of(status("2", "3", "4"))] == ["3", "4"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (125, "2 min 05 s")],
)
def test_a_measured_time_reads_as_people_say_it(seconds: float | None, text: str) -> None:
    assert taken(seconds) == text


def test_an_objective_reads_as_the_estate_writes_it() -> None:
    assert (allowed(900.0), allowed(None)) == ("15m", "none")
