"""Makes sure the namespace knows our search attributes: a run that sets an unknown one hangs."""

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..workflows.search_attributes import SEARCH_ATTRIBUTES

_VISIBLE_WITHIN_S = 20.0


class SearchAttributesMissing(Exception):
    """The namespace lacks search attributes that this credential may not add."""


async def ensure_search_attributes(client: Client) -> None:
    """Add what is missing, and wait until it can be used.

    Raises:
        SearchAttributesMissing: they are not there and cannot be added; says the command.
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
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        # Another worker that starts at the same moment may have been first.
        if error.status is not RPCStatusCode.ALREADY_EXISTS and await _missing(client):
            raise SearchAttributesMissing(_remedy(client, missing, error)) from None
    end = asyncio.get_running_loop().time() + _VISIBLE_WITHIN_S
    while await _missing(client):
        if asyncio.get_running_loop().time() > end:
            raise SearchAttributesMissing(_remedy(client, missing, None))
        await asyncio.sleep(0.05)


async def _missing(client: Client) -> set[str]:
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {key.name for key in SEARCH_ATTRIBUTES} - set(known.custom_attributes)


def _remedy(client: Client, missing: set[str], error: RPCError | None) -> str:
    flags = " ".join(
        f"--name {key.name} --type {'Int' if key.name.endswith('Seconds') else 'Keyword'}"
        for key in SEARCH_ATTRIBUTES
        if key.name in missing
    )
    because = f" ({error.message})" if error else ""
    return (
        f"namespace {client.namespace} lacks search attributes and they could not be added"
        f"{because}; add them: temporal operator search-attribute create"
        f" --namespace {client.namespace} {flags}"
    )
