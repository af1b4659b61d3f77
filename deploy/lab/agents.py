"""Agents of sites: each keeps its site's lease at a witness, and stops the site when it cannot.

While site and witness reach each other, the agent renews a Lease at the witness every third of its
TTL. When it could not for the whole TTL, it scales the site's services to zero by itself: whoever
reads at the witness that the lease expired more than its TTL ago may then take them over. The agent
never starts anything again. Whether the site still owns its services is not for it to judge: it
comes back as standby, and shows the newer epochs that it finds at the witness.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .journal import Journal
from .kubernetes.cluster import Cluster
from .kubernetes.kinds import LEASES
from .kubernetes.requests import epoch_of
from .kubernetes.store import Key, key_of
from .seed import WorkloadSeed
from .world import World

Document = dict[str, Any]

PATH: Final = "/_lab/agents"
RENEWALS_PER_TTL: Final = 3


class AgentOrder(BaseModel):
    """One agent, as ``POST /_lab/agents`` takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    witness: str
    ttl_s: Annotated[float, Field(ge=0.1, le=3600)]
    namespace: str = "kube-node-lease"


@dataclass
class _Agent:
    order: AgentOrder
    task: asyncio.Task[None] | None = None
    renewed: str = ""
    renewals: int = 0
    stopped: list[Key] = field(default_factory=list)


class Agents:
    """The agents of the lab's sites, a :class:`~.parts.Part`; there are none unless asked for."""

    system = "kubernetes"

    def __init__(self, world: World, journal: Journal) -> None:
        """Watch over this world; what an agent stops is told to the journal."""
        self._world = world
        self._journal = journal
        self._agents: dict[str, _Agent] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the admin API for agents."""
        return [web.get(PATH, self._get), web.post(PATH, self._post)]

    def state(self, *, canonical: bool) -> Document:
        """Return what each agent did; nothing in the canonical world."""
        return {} if canonical else {"agents": [self._shown(a) for a in self._agents.values()]}

    def reset(self) -> None:
        """Go back to a world without agents."""
        for agent in self._agents.values():
            if agent.task is not None:
                agent.task.cancel()
        self._agents.clear()

    def start(self, order: AgentOrder) -> None:
        """Start a site's agent, in place of the one it had.

        Raises:
            KeyError: there is no such site or witness.
        """
        for site in (order.site, order.witness):
            self._world.links[site]
        former = self._agents.pop(order.site, None)
        if former is not None and former.task is not None:
            former.task.cancel()
        agent = self._agents[order.site] = _Agent(order)
        agent.task = asyncio.create_task(self._watch_over(agent))

    async def _watch_over(self, agent: _Agent) -> None:
        loop, ttl = asyncio.get_running_loop(), agent.order.ttl_s
        last = loop.time()
        while True:
            if self._connected(agent):
                self._renew(agent)
                last = loop.time()
            elif loop.time() - last >= ttl:
                self._stop_services(agent)
            until_stop = last + ttl - loop.time()
            pause = ttl / RENEWALS_PER_TTL
            await asyncio.sleep(min(pause, until_stop) if until_stop > 0 else pause)

    def _connected(self, agent: _Agent) -> bool:
        return self._world.reachable(agent.order.site) and self._world.reachable(
            agent.order.witness
        )

    def _renew(self, agent: _Agent) -> None:
        order, cluster = agent.order, self._world.clusters[agent.order.witness]
        agent.renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        agent.renewals += 1
        # Written into the store: a renewal is no request of anybody's, and would fill the journal.
        spec = {
            "holderIdentity": order.site,
            "leaseDurationSeconds": ceil(order.ttl_s),
            "renewTime": agent.renewed,
        }
        if cluster.store.get(key_of(LEASES, order.namespace, order.site)) is None:
            body: Document = {"metadata": {"name": order.site}, "spec": spec}
            body["spec"]["acquireTime"] = agent.renewed
            cluster.writer.create(LEASES, order.namespace, body)
            return
        cluster.writer.update(
            LEASES,
            order.namespace,
            order.site,
            lambda lease: {**lease, "spec": {**lease["spec"], **spec}},
        )

    def _stop_services(self, agent: _Agent) -> None:
        cluster = self._world.clusters[agent.order.site]
        for seed in cluster.seeds():
            document = cluster.workload(seed)
            if document is not None and document["spec"]["replicas"]:
                self._stop_one(agent, cluster, seed)

    def _stop_one(self, agent: _Agent, cluster: Cluster, seed: WorkloadSeed) -> None:
        resource, key = cluster.place(seed)
        outcome = cluster.writer.update(
            resource,
            seed.namespace,
            seed.name,
            lambda workload: {**workload, "spec": {**workload["spec"], "replicas": 0}},
        )
        agent.stopped.append(key)
        entry = self._journal.append(
            site=agent.order.site,
            system=self.system,
            method="PATCH",
            path=f"/apis/apps/v1/namespaces/{seed.namespace}/{resource.plural}/{seed.name}",
            key=f"agent/{agent.order.site}/{len(agent.stopped)}",
            before=outcome.before,
            after=outcome.after,
        )
        entry.status = 200

    def _shown(self, agent: _Agent) -> Document:
        return {
            **agent.order.model_dump(),
            "renewed": agent.renewed or None,
            "renewals": agent.renewals,
            "stopped": ["/".join(key) for key in agent.stopped],
            "newer_epochs": dict(self._newer_epochs(agent)) if self._connected(agent) else {},
        }

    def _newer_epochs(self, agent: _Agent) -> Iterator[tuple[str, int]]:
        """Return the epochs of this site's services at its witness, where they are newer."""
        here = self._world.clusters[agent.order.site]
        there = self._world.clusters[agent.order.witness]
        for seed in here.seeds():
            epoch = _epoch(there, seed)
            if epoch > _epoch(here, seed):
                yield seed.service, epoch

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response([self._shown(agent) for agent in self._agents.values()])

    async def _post(self, request: web.Request) -> web.Response:
        try:
            order = AgentOrder.model_validate(await request.json())
            self.start(order)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            said = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)
            raise _bad(said) from None
        except KeyError as error:
            raise _bad(f"no such site: {error.args[0]}") from None
        except ValueError as error:
            raise _bad(f"not JSON: {error}") from None
        return web.json_response(order.model_dump(), status=201)


def _epoch(cluster: Cluster, seed: WorkloadSeed) -> int:
    document = cluster.workload(seed)
    annotations = (document or {"metadata": {}})["metadata"].get("annotations") or {}
    return epoch_of(annotations) or 0


def _bad(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")
