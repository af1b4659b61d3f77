"""A run gives rows or reasons, never an end before its end."""

from pathlib import Path

import pytest

from bench import scenarios
from bench.environments import NotMeasured
from bench.peers.catalogue import PEERS, Peer
from bench.peers.servers import nothing
from bench.rows import Note, Row
from bench.scenarios import Run, perform


async def test_an_engine_that_cannot_run_leaves_a_note_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(folder: Path) -> object:
        raise NotMeasured("there is no such server here")

    broken = Peer("broken", "asyncio_floor", "none", unplugged, None)  # type: ignore[arg-type]
    monkeypatch.setitem(PEERS, "broken", broken)
    monkeypatch.setitem(PEERS, "asyncio", PEERS["asyncio"])
    monkeypatch.setattr(scenarios, "QUICK_SIZES", ((5, 2),))
    run = Run(("broken", "asyncio"), ("ratio",), 1, True, tmp_path)

    found = [each async for each in perform(run, lambda text: None)]

    note, row = found
    assert isinstance(note, Note)
    assert note.why == "there is no such server here"
    assert isinstance(row, Row)
    assert (row.engine, row.services) == ("asyncio", 5)


def test_every_peer_says_whether_it_survives_and_what_it_needs() -> None:
    for peer in PEERS.values():
        assert peer.requirements or peer.servers is nothing
        assert not peer.kill_env or peer.durable
