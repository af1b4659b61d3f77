"""The peers: which program, in which environment, with which servers."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import servers
from bench.peers.servers import Servers


@dataclass(frozen=True)
class Peer:
    """A peer: its program is a module of this package."""

    name: str
    module: str
    variant: str
    servers: Callable[[Path], AbstractContextManager[Servers]]
    requirements: str | None
    """The pinned requirement file; None runs on the project's own Python."""
    durable: bool = True
    """It carries on after kill -9."""
    light: bool = True
    """It finishes the largest plans in about a minute."""
    slow_kill: str = ""
    """Why a quick run does not wait for its end after kill -9."""
    kill_env: Mapping[str, str] = field(default_factory=dict)
    """What its program is told besides where it is to be killed."""
    kill_configured: str = ""
    """The same in words, for the table."""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("asyncio", "asyncio_floor", "the floor", servers.nothing, None, durable=False),
        Peer(
            "temporal",
            "temporal_naive",
            "naive",
            servers.temporal,
            "temporal",
            slow_kill="it stands still for the 30 s of start_to_close; not in a quick run",
        ),
        Peer("dbos", "dbos_steps", "steps", servers.postgres, "dbos"),
        Peer(
            "celery",
            "celery_dag",
            "dag by hand",
            servers.redis,
            "celery",
            kill_env={"BENCH_CELERY_VISIBILITY_S": "3"},
            kill_configured="visibility_timeout 3 s and a sweep each second; the default is 1 h",
        ),
        Peer(
            "prefect",
            "prefect_tasks",
            "async tasks",
            servers.prefect,
            "prefect",
            durable=False,
            light=False,
        ),
        Peer("restate", "restate_flat", "runs", servers.restate, "restate"),
    )
}
