"""Celery and Redis: a message per step, and dependency counters by hand.

A step is acknowledged after it has ended, so a step that was running when its worker died comes
back. The counters move in one script: a message that comes twice counts once.
"""

import asyncio
import functools
import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import redis
from celery import Celery

from bench.peers.wire import Answers, Effects, Plan, Service, document_of, plan_of, serve

URL = os.environ["BENCH_REDIS"]
VISIBILITY_S = os.environ.get("BENCH_CELERY_VISIBILITY_S")
THREADS = 200
OVER = "over"
SERVICE_ENDED = """
local missing, ended, over = KEYS[1], KEYS[2], KEYS[3]
if redis.call('SADD', ended, ARGV[2]) == 1 then
  for i = 4, #ARGV do redis.call('HINCRBY', missing, ARGV[i], -1) end
  if redis.call('SCARD', ended) == tonumber(ARGV[3]) then redis.call('LPUSH', over, ARGV[1]) end
end
local ready = {}
for i = 4, #ARGV do
  if redis.call('HGET', missing, ARGV[i]) == '0' then table.insert(ready, ARGV[i]) end
end
return ready
"""

app = Celery("bench", broker=URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
if VISIBILITY_S:
    app.conf.broker_transport_options = {
        "visibility_timeout": float(VISIBILITY_S),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }
_store = redis.Redis.from_url(URL, decode_responses=True)
_service_ended = _store.register_script(SERVICE_ENDED)
_effects = Effects()


class Laid:
    """A plan as the steps need it: services by name, and who waits for each."""

    def __init__(self, plan: Plan) -> None:
        self.services: Mapping[str, Service] = {each.name: each for each in plan.services}
        self.dependents: dict[str, list[str]] = {name: [] for name in self.services}
        for each in plan.services:
            for name in each.depends_on:
                self.dependents[name].append(each.name)


@functools.lru_cache(maxsize=1000)
def _laid(plan_id: str) -> Laid:
    return Laid(plan_of(json.loads(str(_store.get(f"{plan_id}:plan")))))


def perform_step(plan_id: str, service: str, step: int) -> None:
    """Do one step; then send the service's next one, or the services that were waiting for it."""
    laid = _laid(plan_id)
    steps_s = laid.services[service].steps_s
    _effects.say("begin", service, step)
    time.sleep(steps_s[step])
    _effects.say("end", service, step)
    if step + 1 < len(steps_s):
        perform.delay(plan_id, service, step + 1)
        return
    keys = [f"{plan_id}:missing", f"{plan_id}:ended", OVER]
    arguments = [plan_id, service, len(laid.services), *laid.dependents[service]]
    for ready in _service_ended(keys=keys, args=arguments):
        perform.delay(plan_id, ready, 0)


perform: Any = app.task(name="perform")(perform_step)


class Dag:
    """A client of the broker: a thread listens for the plans that are over."""

    def __init__(self) -> None:
        self._over: dict[str, asyncio.Event] = {}
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, daemon=True).start()

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        over = self._over[plan.id] = asyncio.Event()
        await asyncio.to_thread(self._submit, plan)
        await over.wait()

    async def settle(self) -> None:
        """All was done when the plans ended."""

    async def events(self, plans: list[Plan]) -> int | None:
        """Messages are deleted as they are acknowledged: nothing is kept."""
        return None

    def _listen(self) -> None:
        while True:
            heard: Any = _store.blpop([OVER], timeout=1)
            if heard and (over := self._over.pop(heard[1], None)):
                self._loop.call_soon_threadsafe(over.set)

    @staticmethod
    def _submit(plan: Plan) -> None:
        _store.set(f"{plan.id}:plan", json.dumps(document_of(plan)))
        waiting = {each.name: len(each.depends_on) for each in plan.services if each.depends_on}
        if waiting:
            _store.hset(f"{plan.id}:missing", mapping=waiting)
        for service in plan.services:
            if not service.depends_on:
                perform.delay(plan.id, service.name, 0)


async def _serve(answers: Answers) -> None:
    await serve(Dag(), answers)


def _drive(answers: Answers) -> None:
    asyncio.run(_serve(answers))
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_drive, args=[Answers()], daemon=True).start()
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", *quiet])
