"""Lists, pages and single objects as clients see them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from .cluster import Cluster
from .kinds import Resource
from .scale import scale_of
from .selectors import Matches, by_fields, by_labels
from .status import ApiError, bad_request, expired, not_found
from .store import key_of
from .target import Target

Document = dict[str, Any]


def presented(resource: Resource, document: Document) -> Document:
    """Return a stored object in the version that was asked for."""
    if document.get("apiVersion") == resource.api_version:
        return document
    return {**document, "apiVersion": resource.api_version}


def one(cluster: Cluster, target: Target) -> Document:
    """Return an object, or its scale; raise ``NotFound``."""
    name = target.name or ""
    document = cluster.store.get(key_of(target.resource, target.namespace, name))
    if document is None:
        raise not_found(target.resource, name)
    if target.subresource == "scale":
        return scale_of(target.resource, document)
    return presented(target.resource, document)


def selection(query: Mapping[str, str]) -> Matches:
    """Return the test of a query's selectors."""
    labels = by_labels(query.get("labelSelector", ""))
    fields = by_fields(query.get("fieldSelector", ""))
    return lambda document: labels(document) and fields(document)


def version_of(query: Mapping[str, str]) -> int:
    """Return the ``resourceVersion`` of a query, 0 where there is none."""
    text = query.get("resourceVersion") or "0"
    if not text.isdigit():
        raise bad_request(f'invalid resource version: strconv.ParseUint: parsing "{text}"')
    return int(text)


def listing(cluster: Cluster, target: Target, query: Mapping[str, str]) -> Document:
    """Return a list, or one page of it.

    All pages show the collection as it was at the first one; a page that comes after the event
    window has moved on is refused as ``Expired``.
    """
    store = cluster.store
    version, after = store.version, None
    if token := query.get("continue"):
        version, after = _decoded(token)
    else:
        asked = version_of(query)
        if asked > version:
            raise _too_large(asked, version)
        if query.get("resourceVersionMatch") == "Exact" and asked:
            version = asked
    if version < store.compacted:
        raise expired(version, store.compacted)
    matches = selection(query)
    objects = store.snapshot(target.resource.storage, target.namespace, version)
    found = [(key, document) for key, document in objects if matches(document)]
    if after is not None:
        found = [(key, document) for key, document in found if key[1:] > after]
    metadata: Document = {"resourceVersion": str(version)}
    limit = _limit(query)
    if limit and len(found) > limit:
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
        metadata["continue"] = _encoded(version, found[-1][0][1:])
    return {
        "kind": target.resource.list_kind or f"{target.resource.kind}List",
        "apiVersion": target.resource.api_version,
        "metadata": metadata,
        "items": [_item(target.resource, document) for _, document in found],
    }


def _item(resource: Resource, document: Document) -> Document:
    if not resource.builtin:
        return presented(resource, document)
    return {name: value for name, value in document.items() if name not in ("apiVersion", "kind")}


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit") or "0"
    if not text.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _encoded(version: int, last: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": list(last)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(token: str) -> tuple[int, tuple[str, str]]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        fields = json.loads(text)
        namespace, name = fields["start"]
        return int(fields["rv"]), (str(namespace), str(name))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request("continue key is not valid") from error


def _too_large(asked: int, current: int) -> ApiError:
    return ApiError(
        504,
        "Timeout",
        f"Too large resource version: {asked}, current: {current}",
        details={
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
        retry_after=1,
    )
