"""The admin API below ``/_lab/``: look at the world, break it, put it back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from .faults import Fault, Faults
from .journal import Journal
from .parts import Part

PREFIX: Final = "/_lab/"
_Body = TypeVar("_Body", bound=BaseModel)


class _Reachability(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reachable: StrictBool
    how: Literal["refuse", "hang"] = "refuse"


class Admin:
    """The lab's admin API."""

    def __init__(
        self,
        parts: Sequence[Part],
        journal: Journal,
        faults: Faults,
        *,
        lose: Callable[[str, Literal["refuse", "hang"]], Awaitable[None]],
        restore: Callable[[str], Awaitable[None]],
        compact: Callable[[str], None],
    ) -> None:
        """Administer these parts.

        Args:
            parts: whose state is shown and reset.
            journal: what is shown and cleared.
            faults: what is armed and deleted.
            lose: loses a site; ``KeyError`` for one that does not exist.
            restore: brings a site back; ``KeyError`` likewise.
            compact: expires a site's past versions; ``KeyError`` likewise.
        """
        self._parts = parts
        self._journal = journal
        self._faults = faults
        self._lose = lose
        self._restore = restore
        self._compact = compact

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the admin API."""
        return [
            web.get(f"{PREFIX}state", self._get_state),
            web.get(f"{PREFIX}journal", self._get_journal),
            web.post(f"{PREFIX}sites/{{site}}", self._post_site),
            web.post(f"{PREFIX}sites/{{site}}/compact", self._post_compact),
            web.get(f"{PREFIX}faults", self._get_faults),
            web.post(f"{PREFIX}faults", self._post_fault),
            web.delete(f"{PREFIX}faults", self._delete_faults),
            web.post(f"{PREFIX}reset", self._post_reset),
        ]

    def state(self, *, canonical: bool = False) -> dict[str, Any]:
        """Return the whole world."""
        world: dict[str, Any] = {}
        epochs: dict[str, int] = {}
        for part in self._parts:
            share = part.state(canonical=canonical)
            for service, epoch in share.pop("epochs", {}).items():
                epochs[service] = max(epoch, epochs.get(service, 0))
            world |= share
        world["workloads"] = [
            {"site": name, **workload}
            for name, site in world.get("sites", {}).items()
            for workload in site["workloads"]
        ]
        world["endpoints"] = [
            {"profile": name, "service": profile.get("service"), "endpoint": endpoint, **shown}
            for name, profile in world.get("profiles", {}).items()
            for endpoint, shown in profile["endpoints"].items()
        ]
        return world if canonical else {**world, "epochs": epochs}

    async def _get_state(self, request: web.Request) -> web.Response:
        canonical = request.query.get("canonical", "0")
        if canonical not in ("0", "1"):
            raise _bad("canonical must be 0 or 1")
        return web.json_response(self.state(canonical=canonical == "1"))

    async def _get_journal(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdecimal():
            raise _bad("since must be a sequence number")
        return web.json_response([entry.document() for entry in self._journal.since(int(since))])

    async def _post_site(self, request: web.Request) -> web.Response:
        asked = await _parsed(request, _Reachability)
        site = request.match_info["site"]
        try:
            if asked.reachable:
                await self._restore(site)
            else:
                await self._lose(site, asked.how)
        except KeyError:
            raise _no_site(site) from None
        return web.json_response({"site": site, **asked.model_dump()})

    async def _post_compact(self, request: web.Request) -> web.Response:
        site = request.match_info["site"]
        try:
            self._compact(site)
        except KeyError:
            raise _no_site(site) from None
        return web.json_response({"site": site})

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.documents())

    async def _post_fault(self, request: web.Request) -> web.Response:
        fault = await _parsed(request, Fault)
        self._faults.add(fault)
        return web.json_response(fault.model_dump(exclude_none=True), status=201)

    async def _delete_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response([])

    async def _post_reset(self, _: web.Request) -> web.Response:
        self._faults.clear()
        for part in self._parts:
            for site in part.state(canonical=True).get("sites", {}):
                await self._restore(site)
            part.reset()
        self._journal.clear()
        return web.json_response({"reset": True})


async def _parsed(request: web.Request, model: type[_Body]) -> _Body:
    try:
        return model.model_validate(await request.json())
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise _bad("; ".join(faults)) from None
    except ValueError as error:
        raise _bad(f"not JSON: {error}") from None


def _bad(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")


def _no_site(site: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(
        text=json.dumps({"error": f"no such site: {site}"}), content_type="application/json"
    )
