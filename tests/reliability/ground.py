"""What cells stand on: one Temporal server, and rigs that are made when they are first needed."""

import contextlib
import itertools
from pathlib import Path
from types import TracebackType

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.workers.search_attributes import ensure_search_attributes
from support.processes import Lab, TemporalServer, lab_server
from support.rig import Rig
from support.wounds import Guard

from .terrain import EXAMPLE, MANUFACTURER, Terrain

READY_AFTER_MS = 200


RigKey = tuple[int, int, Guard, Terrain]
"""Slot, workers, guard, terrain."""


class Ground:
    """Processes that cells share; all of them end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._exits = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        self._server: TemporalServer | None = None
        self._client: Client | None = None
        self._rigs: dict[RigKey, tuple[Rig, contextlib.ExitStack]] = {}

    def __enter__(self) -> "Ground":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for key in list(self._rigs):
            self._drop(key)
        self._exits.close()

    def room(self, name: str) -> Path:
        """A new folder below this ground's own."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder

    @property
    def address(self) -> str:
        """The address of the Temporal server."""
        if self._server is None:
            self._server = TemporalServer(self.room("temporal"))
            self._exits.callback(self._server.kill)
            self._server.start()
        return self._server.address

    async def temporal(self) -> Client:
        """A client of the Temporal server, which has the search attributes."""
        if self._client is None:
            self._client = await Client.connect(
                self.address, data_converter=pydantic_data_converter
            )
            await ensure_search_attributes(self._client)
        return self._client

    def lab(self, *, ready_after_ms: int = READY_AFTER_MS) -> Lab:
        """A new lab of the example estate."""
        options = ("--ready-after-ms", str(ready_after_ms))
        return self._exits.enter_context(lab_server(EXAMPLE, self.room("lab"), *options))

    async def rig(
        self,
        slot: int,
        *,
        workers: int = 1,
        guard: Guard = Guard.FULL,
        terrain: Terrain = MANUFACTURER,
    ) -> Rig:
        """The rig of a slot: its own lab, queue and workers."""
        key = (slot, workers, guard, terrain)
        if key not in self._rigs:
            exits = contextlib.ExitStack()
            folder = self.room("rig")
            options = ("--ready-after-ms", str(READY_AFTER_MS))
            file = terrain.file(folder)
            lab = exits.enter_context(lab_server(file, folder, *options))
            rig = Rig(self.address, lab, folder, file, guard=guard, refusal=terrain.refusal)
            exits.callback(rig.end)
            self._rigs[key] = (rig, exits)
            await rig.start(workers)
        return self._rigs[key][0]

    def drop_rigs(self, slot: int) -> None:
        """End the rigs of a slot: what a cell left there must not meet the next one."""
        for key in list(self._rigs):
            if key[0] == slot:
                self._drop(key)

    def drop_special_rigs(self) -> None:
        """End all rigs but the example's with one guarded worker, which most properties use."""
        for key in list(self._rigs):
            if key[1:] != (1, Guard.FULL, MANUFACTURER):
                self._drop(key)

    def rigs_of(self, slot: int) -> list[Rig]:
        """The rigs of a slot that have been made."""
        return [rig for key, (rig, _) in self._rigs.items() if key[0] == slot]

    def _drop(self, key: RigKey) -> None:
        _, exits = self._rigs.pop(key)
        exits.close()
