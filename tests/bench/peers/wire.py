"""What a peer's program reads and says: JSON lines, and one line per step for the effects.

The standard library alone: it runs in every peer's environment.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

EFFECTS = "BENCH_EFFECTS"
"""The environment variable that names the file of effects; unset where no effects are counted."""


@dataclass(frozen=True)
class Service:
    """A service: what it waits for, and how long each of its steps waits, in seconds."""

    name: str
    depends_on: tuple[str, ...]
    steps_s: tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """A plan under an id of its own; dependencies come before those who need them."""

    id: str
    services: tuple[Service, ...]


def plan_of(document: dict[str, Any]) -> Plan:
    """The plan in a request, or in what `document_of` made of one."""
    return Plan(
        id=document.get("id") or f"{document['name']}-{uuid.uuid4().hex[:12]}",
        services=tuple(
            Service(
                name=service["name"],
                depends_on=tuple(service["depends_on"]),
                steps_s=tuple(duration / 1000 for duration in service["steps_ms"]),
            )
            for service in document["services"]
        ),
    )


def document_of(plan: Plan) -> dict[str, Any]:
    """A plan as plain JSON, for engines that carry it to another process."""
    return {
        "id": plan.id,
        "services": [
            {
                "name": service.name,
                "depends_on": list(service.depends_on),
                "steps_ms": [1000 * duration for duration in service.steps_s],
            }
            for service in plan.services
        ],
    }


class Effects:
    """Says when a step begins and ends, if anyone asked for it."""

    def __init__(self) -> None:
        path = os.environ.get(EFFECTS)
        append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(path, append, 0o644) if path else None

    def say(self, what: str, service: str, step: int) -> None:
        """Add a line; one write, so lines of several processes never mix."""
        if self._file is not None:
            line = f"{what} {service} {step} {os.getpid()} {time.monotonic():.6f}\n"
            os.write(self._file, line.encode())


async def wait_step(effects: Effects, service: str, step: int, duration_s: float) -> None:
    """The work of one step, the same for every engine that has coroutines."""
    effects.say("begin", service, step)
    await asyncio.sleep(duration_s)
    effects.say("end", service, step)


class Program(Protocol):
    """One engine, started and ready for plans."""

    async def run(self, plan: Plan) -> None:
        """Submit a plan and wait for its end."""

    async def settle(self) -> None:
        """Wait until the engine has done all the work that the plans gave it."""

    async def events(self, plans: list[Plan]) -> int | None:
        """How many events or rows the engine keeps of these plans; None if it keeps none."""


class Answers:
    """Takes the standard output for answers; whatever else is printed goes to the log."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(self, document: dict[str, Any]) -> None:
        """Say one thing."""
        self._out.write(json.dumps(document) + "\n")
        self._out.flush()


async def serve(program: Program, answers: Answers) -> None:
    """Answer requests until the input ends: the times first, then what was kept."""
    answers.say({"ready": True, "pid": os.getpid()})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        plans = [plan_of(document) for document in request["plans"]]
        walls_s: list[float] = []

        async def run(plan: Plan, walls_s: list[float] = walls_s) -> None:
            began = time.perf_counter()
            await program.run(plan)
            walls_s.append(time.perf_counter() - began)

        began = time.perf_counter()
        if request["together"]:
            await asyncio.gather(*(run(plan) for plan in plans))
        else:
            for plan in plans:
                await run(plan)
        wall_s = time.perf_counter() - began
        await program.settle()
        answers.say({"walls_s": walls_s, "wall_s": wall_s, "pids": [os.getpid()]})
        answers.say({"events": await program.events(plans)})
