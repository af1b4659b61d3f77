"""Compiles the plans of many sites for their evaluation, a portion at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from temporalio import activity

from ..workflows.model.estate import Estate
from ..workflows.model.readiness import CompileSites, PackedEstate, SitePlan, SitePlans
from ..workflows.names import COMPILE_SITES
from ..workflows.readiness.compiling import SiteCompiler, checks_of
from ..workflows.readiness.packing import unpack_estate

LARGEST_ANSWER = 500_000
"""Characters of JSON; Temporal takes 2 MB at once."""
LONGEST_S = 10.0
"""No further plan is begun after so long."""


@lru_cache(maxsize=2)
def _estate(packed: PackedEstate) -> Estate:
    return unpack_estate(packed)


@activity.defn(name=COMPILE_SITES)
async def compile_sites(asked: CompileSites) -> SitePlans:
    """Compile the plans of the first of these sites, as many as fit into one answer. Idempotent.

    It leaves the event loop to others meanwhile: a recovery may run in the same process.
    """
    began, size = time.monotonic(), 0
    estate = await asyncio.to_thread(_estate, asked.estate)
    compiler = await asyncio.to_thread(SiteCompiler, estate, asked.facts)
    plans: list[SitePlan] = []
    for site in asked.sites:
        plan = await asyncio.to_thread(compiler.plan, site)
        size += len(plan.model_dump_json())
        if plans and size > LARGEST_ANSWER:
            break
        plans.append(plan)
        if time.monotonic() - began > LONGEST_S:
            break
    checks = await asyncio.to_thread(checks_of, estate, plans)
    return SitePlans(plans=tuple(plans), checks=checks, edge=estate.policy.edge)


EVALUATION_ACTIVITIES: tuple[Callable[..., Awaitable[Any]], ...] = (compile_sites,)
