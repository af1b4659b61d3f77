"""Makes sure the namespace knows our search attributes: a run that sets an unknown one hangs."""

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..workflows.search_attributes import SEARCH_ATTRIBUTES
from .connection import TemporalUnreachable

_VISIBLE_WITHIN_S = 20.0
_ANSWER_WITHIN = timedelta(seconds=10)
_NOT_ALLOWED = (
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
)


class SearchAttributesMissing(Exception):
    """The namespace lacks search attributes that this credential may not add, or not see."""


async def ensure_search_attributes(client: Client) -> None:
    """Add what is missing, and wait until it can be used.

    Raises:
        SearchAttributesMissing: they are not there and cannot be added, or this credential may
            not look; says the command.
        TemporalUnreachable: there is no such namespace, or Temporal stopped answering.
    """
    missing = await _missing(client)
    if not missing:
        return
    wanted = {
        key.name: IndexedValueType.ValueType(key.indexed_value_type)
        for key in SEARCH_ATTRIBUTES
        if key.name in missing
    }
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
    try:
        await client.operator_service.add_search_attributes(request, timeout=_ANSWER_WITHIN)
    except RPCError as error:
        # Another worker that starts at the same moment may have been first.
        if error.status is not RPCStatusCode.ALREADY_EXISTS and await _missing(client):
            raise SearchAttributesMissing(_remedy(client.namespace, missing, error)) from None
    end = asyncio.get_running_loop().time() + _VISIBLE_WITHIN_S
    while await _missing(client):
        if asyncio.get_running_loop().time() > end:
            raise SearchAttributesMissing(_remedy(client.namespace, missing, None))
        await asyncio.sleep(0.05)


async def _missing(client: Client) -> set[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        known = await client.operator_service.list_search_attributes(
            request, timeout=_ANSWER_WITHIN
        )
    except RPCError as error:
        raise not_listed(client.namespace, error) from None
    return _all() - set(known.custom_attributes)


def not_listed(namespace: str, error: RPCError) -> SearchAttributesMissing | TemporalUnreachable:
    """What it means that Temporal did not list a namespace's search attributes, with the remedy."""
    if error.status is RPCStatusCode.NOT_FOUND:
        return TemporalUnreachable(
            f"Temporal has no namespace {namespace} ({error.message}); correct TEMPORAL_NAMESPACE,"
            f" or create it: temporal operator namespace create --namespace {namespace}"
        )
    if error.status in _NOT_ALLOWED:
        return SearchAttributesMissing(
            f"Temporal does not let this worker see the search attributes of namespace {namespace}"
            f" ({error.message}); give its credential access to the namespace, and if they are"
            f" missing there, add them: {_command(namespace, _all())}"
        )
    return TemporalUnreachable(
        f"Temporal does not say which search attributes namespace {namespace} has"
        f" ({error.message}); check that it is well, then start the worker again"
    )


def _all() -> set[str]:
    return {key.name for key in SEARCH_ATTRIBUTES}


def _remedy(namespace: str, missing: set[str], error: RPCError | None) -> str:
    because = f" ({error.message})" if error else ""
    return (
        f"namespace {namespace} lacks search attributes and they could not be added{because};"
        f" add them: {_command(namespace, missing)}"
    )


def _command(namespace: str, missing: set[str]) -> str:
    flags = " ".join(
        f"--name {key.name} --type {'Int' if key.name.endswith('Seconds') else 'Keyword'}"
        for key in SEARCH_ATTRIBUTES
        if key.name in missing
    )
    return f"temporal operator search-attribute create --namespace {namespace} {flags}"
