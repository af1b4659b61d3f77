"""Looking at what many isolations need, in as few calls as serve."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...workflows.model.errors import ActionError, TemporaryError, Unauthorized
from .cluster import Cluster
from .inputs import IsolateInputs, WorkloadRef
from .objects import (
    CLUSTER_WIDE,
    NAMESPACE,
    NETWORK_POLICY,
    WORKLOADS,
    Document,
    Namespace,
    ObjectKind,
    Objects,
)

ONE_BY_ONE_MAX = 3
"""Of more namespaces than these the whole cluster is listed."""


@dataclass(frozen=True)
class Sight:
    """What there is for one isolation."""

    source: Namespace | None
    into: Namespace | None
    originals: dict[WorkloadRef, Document | None]
    copied: int
    """How many of the copies are there."""
    not_allowed: str
    """What the credential may not do; empty if nothing is known against it."""


async def look(
    objects: Objects, cluster: Cluster, asked: Sequence[IsolateInputs]
) -> list[Sight | ActionError]:
    """What there is for each isolation, or why it cannot be seen.

    Raises:
        TemporaryError: a cluster does not answer for now.
    """
    contexts = list(dict.fromkeys(inputs.context for inputs in asked))
    seen: dict[str, _Context | ActionError] = {}
    for context in contexts:
        of_context = [inputs for inputs in asked if inputs.context == context]
        try:
            seen[context] = await _look_at(objects, cluster, context, of_context)
        except TemporaryError:
            raise
        except ActionError as error:
            seen[context] = error
    return [_sight(inputs, seen[inputs.context]) for inputs in asked]


@dataclass(frozen=True)
class _Context:
    namespaces: dict[str, Namespace]
    workloads: dict[tuple[str, str, str], Document]
    not_allowed: str


def _sight(inputs: IsolateInputs, seen: _Context | ActionError) -> Sight | ActionError:
    if isinstance(seen, ActionError):
        return seen
    at = seen.workloads
    return Sight(
        source=seen.namespaces.get(inputs.namespace),
        into=seen.namespaces.get(inputs.into),
        originals={ref: at.get((ref.kind, ref.namespace, ref.name)) for ref in inputs.originals},
        copied=sum((ref.kind, inputs.into, ref.name) in at for ref in inputs.originals),
        not_allowed=seen.not_allowed,
    )


async def _look_at(
    objects: Objects, cluster: Cluster, context: str, asked: Sequence[IsolateInputs]
) -> _Context:
    names = {name for inputs in asked for name in (inputs.namespace, inputs.into)}
    found = await _namespaces(objects, context, sorted(names))
    namespaces = {each.name: each for each in found}
    kinds = {ref.kind for inputs in asked for ref in inputs.originals}
    lists = [_listed(objects, context, WORKLOADS[kind], sorted(namespaces)) for kind in kinds]
    listed, not_allowed = await asyncio.gather(
        asyncio.gather(*lists), _not_allowed(cluster, context, asked[0].into)
    )
    workloads: dict[tuple[str, str, str], Document] = {
        (kind, item["metadata"]["namespace"], item["metadata"]["name"]): item
        for kind, items in zip(kinds, listed, strict=True)
        for item in items
    }
    return _Context(namespaces, workloads, not_allowed)


async def _namespaces(objects: Objects, context: str, names: list[str]) -> list[Namespace]:
    if len(names) > ONE_BY_ONE_MAX:
        try:
            found = await objects.list(context, NAMESPACE, CLUSTER_WIDE)
        except Unauthorized:
            # A credential may be bound to some; then each is asked alone.
            pass
        else:
            return [Namespace.parse(item) for item in found]
    each = await asyncio.gather(*(objects.namespace(context, name) for name in names))
    return [namespace for namespace in each if namespace is not None]


async def _listed(
    objects: Objects, context: str, kind: ObjectKind, namespaces: Iterable[str]
) -> list[Document]:
    where = list(namespaces)
    if len(where) > ONE_BY_ONE_MAX:
        try:
            return await objects.list(context, kind, CLUSTER_WIDE)
        except Unauthorized:
            pass
    lists: list[list[Any]] = await asyncio.gather(
        *(objects.list(context, kind, namespace) for namespace in where)
    )
    return [item for items in lists for item in items]


async def _not_allowed(cluster: Cluster, context: str, into: str) -> str:
    wanted = [(verb, NAMESPACE, "") for verb in ("create", "patch", "delete")]
    wanted += [("create", NETWORK_POLICY, into)]
    wanted += [("create", kind, into) for kind in WORKLOADS.values()]
    answers = await asyncio.gather(
        *(
            cluster.may(context, verb, kind.group, kind.plural, namespace)
            for verb, kind, namespace in wanted
        )
    )
    refused = zip(wanted, answers, strict=True)
    return ", ".join(f"{verb} {kind.plural}" for (verb, kind, _), may in refused if may is False)


__all__ = ["Sight", "look"]
