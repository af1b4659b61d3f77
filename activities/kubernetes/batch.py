"""Looking at many workloads in as few calls as serve.

One list per kind where a batch reaches over many namespaces, one per namespace and kind where it
reaches over a few, or where the credential may not list all.
"""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import groupby

from ...workflows.model.errors import ActionError, NotFound, TemporaryError, Unauthorized
from .cluster import Cluster
from .inputs import Kind, WorkloadRef
from .workload import Workload

NAMESPACES_ONE_BY_ONE_MAX = 3

Found = Mapping[WorkloadRef, Workload | ActionError]


async def find(cluster: Cluster, refs: Iterable[WorkloadRef]) -> Found:
    """Each workload asked for, or the error that says why it could not be seen.

    Raises:
        TemporaryError: a cluster does not answer for now.
    """
    ordered = sorted(set(refs), key=lambda ref: (ref.context, ref.kind, ref.namespace, ref.name))
    kinds = [list(group) for _, group in groupby(ordered, lambda ref: (ref.context, ref.kind))]
    found: dict[WorkloadRef, Workload | ActionError] = {}
    for part in await asyncio.gather(*(_of_kind(cluster, group) for group in kinds)):
        found.update(part)
    return found


async def _of_kind(cluster: Cluster, refs: list[WorkloadRef]) -> Found:
    context, kind = refs[0].context, refs[0].kind
    namespaces = [list(group) for _, group in groupby(refs, lambda ref: ref.namespace)]
    if len(namespaces) > NAMESPACES_ONE_BY_ONE_MAX:
        try:
            return _pick(refs, await cluster.list(context, kind, None))
        except Unauthorized:
            # A credential bound to its namespaces is the careful way; then each is asked alone.
            pass
    found: dict[WorkloadRef, Workload | ActionError] = {}
    for part in await asyncio.gather(*(_of_namespace(cluster, group) for group in namespaces)):
        found.update(part)
    return found


async def _of_namespace(cluster: Cluster, refs: list[WorkloadRef]) -> Found:
    first = refs[0]
    name = first.name if len(refs) == 1 else None
    try:
        seen, allowed = await asyncio.gather(
            cluster.list(first.context, first.kind, first.namespace, name),
            cluster.may_patch(first.context, first.kind, first.namespace),
        )
    except TemporaryError:
        raise
    except ActionError as error:
        return dict.fromkeys(refs, error)
    found = dict(_pick(refs, seen))
    if allowed is False:
        for ref in refs:
            if isinstance(found[ref], Workload):
                found[ref] = _not_allowed(ref)
    return found


def _pick(refs: list[WorkloadRef], seen: Mapping[WorkloadRef, Workload]) -> Found:
    return {ref: seen.get(ref) or _missing(ref) for ref in refs}


def _missing(ref: WorkloadRef) -> NotFound:
    return NotFound(
        f"{ref.kind} {ref} does not exist; create it, or correct the step's namespace and name"
    )


def _not_allowed(ref: WorkloadRef) -> Unauthorized:
    return Unauthorized(
        f"{ref.kind} {ref} can be read but not changed; grant the credential of context"
        f" {ref.context} patch on {Kind(ref.kind)}s in {ref.namespace}"
    )


__all__ = ["Found", "find"]
