"""What a recovery can go through: one shape each, played on a scripted world."""

from collections.abc import Awaitable, Callable
from typing import Any

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Mode, Phase
from support.scripted import Stage, estate_of

SITE: dict[str, Any] = {"rollback": "site"}
THREE = {"bus": ["up", "check"], "mes<bus": ["up"], "ui<mes": ["up"]}


async def _plain(on: Stage, estate: Estate) -> None:
    await on.start(estate)


async def _dry_run(on: Stage, estate: Estate) -> None:
    await on.start(estate, Mode.DRY_RUN)


async def _skip(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.client.skip_step(on.workflow_id, "bus/up", actor="ana", reason="done by hand")


async def _retry(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.client.retry_step(on.workflow_id, "bus/up", actor="ana", reason="mended")


async def _pause(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/up apply begins")
    await on.client.pause(on.workflow_id, actor="ana", reason="wait")
    await on.ends()
    await on.client.resume(on.workflow_id, actor="ana", reason="go on")


async def _cancel(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/check apply begins")
    await on.temporal.get_workflow_handle(on.workflow_id).cancel()


async def _roll_back(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/check apply begins")
    await on.client.roll_back(on.workflow_id, actor="ana", reason="the site is back")


async def _answered(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    asked = (await on.ends()).approval
    assert asked is not None
    await on.client.approve(
        on.workflow_id,
        actor="ana",
        reason="looked at",
        plan_hash=asked.plan_hash,
        request=asked.request,
    )
    await _until(on, Phase.COMMIT_WINDOW)
    await on.client.commit(on.workflow_id, actor="ana", reason="all is well")


async def _rejected(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.client.reject(on.workflow_id, actor="ana", reason="the site is back")


async def _taken_back(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await _until(on, Phase.COMMIT_WINDOW)
    await on.client.roll_back(on.workflow_id, actor="ana", reason="the site is back")


async def _ungraceful(on: Stage, estate: Estate) -> None:
    await on.start(estate, Mode.PLANNED)
    await on.ends()
    await on.client.go_ungraceful(on.workflow_id, actor="ana", reason="the site is lost")


async def _test(on: Stage, estate: Estate) -> None:
    await on.start(estate, Mode.TEST)


async def _again(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.start(estate)


async def _until(on: Stage, phase: Phase) -> None:
    async for status in on.client.watch(on.workflow_id):
        if status.phase is phase:
            return


def _hold() -> Estate:
    return estate_of({"bus": ["up"]}, bus={"steps": {"up": {"on_failure": "hold"}}})


def _lost() -> Estate:
    return estate_of({"bus": ["up"]}, bus={"steps": {"up": {"timeout": "500ms"}}})


DRAIN: dict[str, Any] = {"steps": {"drain": {"graceful": True, "on_failure": "hold"}}}
Shape = tuple[Callable[[Stage, Estate], Awaitable[None]], Estate, dict[str, list[str]]]
NINE = {title: ["up", "check", "open"] for title in ("bus", "db<bus", "web<bus")}
SLOW = {"bus/check.apply": ["slow:1"]}
SHAPES: dict[str, Shape] = {
    "recovered": (_plain, estate_of(THREE), {}),
    "assessed": (_dry_run, estate_of(THREE), {}),
    "refused": (_plain, estate_of(THREE), {"mes/up.probe": ["missing"]}),
    "looked-again": (_plain, estate_of(THREE), {"mes/up.probe": ["unknown"]}),
    "service-rolled-back": (_plain, estate_of(THREE), {"mes/up.apply": ["conflict"]}),
    "site-rolled-back": (
        _plain, estate_of(THREE, policy=SITE), {"ui/up.apply": ["conflict"]},
    ),
    "residue": (
        _plain,
        estate_of(THREE, policy=SITE),
        {"ui/up.apply": ["conflict"], "bus/up.revert": ["unauthorized"]},
    ),
    "lost-answer": (_plain, _lost(), {"bus/up.apply": ["landed:unavailable"] * 9}),
    "skipped": (_skip, _hold(), {"bus/up.apply": ["unproved"]}),
    "retried": (_retry, _hold(), {"bus/up.apply": ["unproved"]}),
    "paused": (_pause, estate_of(THREE), {"bus/up.apply": ["slow:0.5"]}),
    "cancelled": (_cancel, estate_of(THREE), dict(SLOW)),
    "operator-rolled-back": (_roll_back, estate_of(THREE), dict(SLOW)),
    "approved-and-committed": (
        _answered,
        estate_of(THREE, policy={"approval": {"unplanned": "one"}, "commit": {"window": "1h"}}),
        {},
    ),
    "rejected": (_rejected, estate_of(THREE, policy={"approval": {"unplanned": "one"}}), {}),
    "expired": (
        _plain,
        estate_of(THREE, policy={"approval": {"unplanned": "one", "expires_after": "200ms"}}),
        {},
    ),
    "taken-back": (_taken_back, estate_of(THREE, policy={"commit": {"window": "1h"}}), {}),
    "window-over": (
        _plain,
        estate_of(THREE, policy={"commit": {"window": "200ms", "on_timeout": "roll_back"}}),
        {},
    ),
    "went-ungraceful": (
        _ungraceful,
        estate_of({"bus": ["drain", "up"]}, policy={"approval": {"planned": "none"}}, bus=DRAIN),
        {"bus/drain.apply": ["conflict"]},
    ),
    "rehearsed": (_test, estate_of({"bus": ["up"]}, bus={"steps": {"up": {"test": True}}}), {}),
    "cooled-down": (_again, estate_of(THREE, policy={"cooldown": "1h"}), {}),
    "held-down-and-warned": (
        _plain,
        estate_of(THREE, policy={"holddown": "300ms"}, bus={"objectives": {"rto": "600ms"}}),
        {"bus/up.apply": ["slow:0.6"]},
    ),
    "fenced-late": (
        _plain,
        estate_of({"bus": ["fence", "up"]}),
        {"bus/fence.apply": ["blind"], "bus/up.apply": ["slow:1.5"]},
    ),
    "shared-recovered": (_plain, estate_of(NINE), {"bus/check.apply": ["slow:1.2"]}),
    "shared-service-rolled-back": (_plain, estate_of(NINE), {"db/check.apply": ["conflict"]}),
    "shared-went-alone": (_plain, estate_of(NINE), {"db/check.apply": ["unavailable"]}),
    "shared-paused": (_pause, estate_of(NINE), {"bus/up.apply": ["slow:1.5"]}),
    "shared-cancelled": (_cancel, estate_of(NINE), {"bus/check.apply": ["slow:20"]}),
}  # fmt: skip
