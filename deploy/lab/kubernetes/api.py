"""The HTTP face of one site's Kubernetes: authentication, verbs, and the journal's notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from ..journal import note
from . import requests
from .cluster import Cluster
from .kinds import CRDS
from .reading import listing, one, presented
from .scale import scale_of, scaled
from .shapes import check_kind
from .status import ApiError, deleted, failure, method_not_allowed, unauthorized
from .target import Target, resolve
from .watching import watch
from .writes import Outcome

Document = dict[str, Any]

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""A question put as a POST: the lab's only credential may do everything."""
_HEALTH_PATHS = frozenset({"healthz", "livez", "readyz"})


class KubernetesApi:
    """Serves one site's cluster; ``token`` is the bearer token that clients must show."""

    def __init__(self, cluster: Cluster, token: str) -> None:
        """Serve this cluster."""
        self._cluster = cluster
        self._authorization = f"Bearer {token}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        try:
            return await self._answer(request)
        except ApiError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
            return _json(error.document(), error.code, headers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        if parts and parts[0] in _HEALTH_PATHS:
            return web.Response(text="ok")
        if request.headers.get("Authorization", "") != self._authorization:
            raise unauthorized()
        if (request.method, request.path) == ("POST", REVIEWS):
            return _json({**await request.json(), "status": {"allowed": True}}, 201)
        document = self._cluster.registry.discovery(parts)
        if document is not None:
            if request.method != "GET":
                raise method_not_allowed()
            return _json(document)
        target = resolve(self._cluster.registry, parts)
        if request.method == "GET":
            return await self._read(request, target)
        raw = await request.read()
        return _Mutation(self._cluster, target, request, raw).answer()

    async def _read(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.name is not None:
            return _json(one(self._cluster, target))
        if request.query.get("watch") in ("true", "1"):
            return await watch(self._cluster, target, request)
        return _json(listing(self._cluster, target, request.query))


class _Mutation:
    """One mutating request, from its bytes to its answer, without an await in between."""

    def __init__(self, cluster: Cluster, target: Target, request: web.Request, raw: bytes) -> None:
        self._cluster = cluster
        self._target = target
        self._request = request
        self._raw = raw
        self._marks = requests.Marks(None, None)

    def answer(self) -> web.Response:
        verb = self._verb()
        try:
            return verb()
        except ApiError:
            # A refusal is in the journal with the marks of who was refused.
            marks = self._marks
            note(
                self._request,
                key=marks.key,
                epoch=marks.epoch,
                before=None,
                after=None,
                applied=False,
            )
            raise

    def _verb(self) -> Callable[[], web.Response]:
        target = self._target
        on_collection = {"POST": self._create, "DELETE": self._delete_collection}
        on_object = {"PUT": self._replace, "PATCH": self._patch, "DELETE": self._delete}
        verbs = on_collection if target.name is None else on_object
        everywhere = target.resource.namespaced and target.namespace is None
        verb = verbs.get(self._request.method)
        if verb is None or everywhere or (target.subresource and verb == self._delete):
            raise method_not_allowed()
        return verb

    def _create(self) -> web.Response:
        target = self._target
        body = self._body()
        outcome = self._cluster.writer.create(
            target.resource, target.namespace, body, dry_run=self._dry_run()
        )
        return self._done(outcome, 201)

    def _replace(self) -> web.Response:
        body = self._body()
        target = self._target
        if target.subresource == "scale":
            return self._update(partial(scaled, target.resource, scale=body))
        # Custom resources and CRDs are never replaced blindly; most built-in kinds may be.
        versioned = not target.resource.builtin or target.resource == CRDS
        return self._update(lambda _: body, versioned=versioned)

    def _patch(self) -> web.Response:
        target = self._target
        content_type = self._request.content_type
        scale = target.subresource == "scale"
        body = requests.patch_body(target.resource, content_type, self._raw, scale=scale)
        self._marks = requests.marks_of(body)
        if content_type == requests.APPLY:
            return self._apply(body)
        change = requests.patch_change(content_type, body)
        if scale:
            return self._update(
                lambda current: scaled(
                    target.resource, current, change(scale_of(target.resource, current))
                )
            )
        return self._update(change)

    def _apply(self, body: Document) -> web.Response:
        target, name = self._target, self._target.name or ""
        requests.check_apply(target.resource, name, body, self._request.query)
        try:
            return self._update(requests.apply_change(target.resource, body))
        except ApiError as error:
            if error.code != 404 or target.subresource:
                raise
        named = {**body, "metadata": {**body["metadata"], "name": name}}
        outcome = self._cluster.writer.create(
            target.resource, target.namespace, named, dry_run=self._dry_run()
        )
        return self._done(outcome, 201)

    def _update(
        self, change: Callable[[Document], Document], *, versioned: bool = False
    ) -> web.Response:
        target = self._target
        outcome = self._cluster.writer.update(
            target.resource,
            target.namespace,
            target.name or "",
            change,
            status=target.subresource == "status",
            versioned=versioned,
            dry_run=self._dry_run(),
        )
        return self._done(outcome, 200)

    def _delete(self) -> web.Response:
        target, name = self._target, self._target.name or ""
        options = self._options()
        preconditions = options.get("preconditions") or {}
        outcome = self._cluster.writer.delete(
            target.resource,
            target.namespace,
            name,
            uid=preconditions.get("uid"),
            version=preconditions.get("resourceVersion"),
            dry_run=self._dry_run() or options.get("dryRun") == ["All"],
        )
        if outcome.after is not None or outcome.before is None:
            return self._done(outcome, 200)
        self._note(outcome)
        return _json(deleted(target.resource, name, outcome.before["metadata"]["uid"]))

    def _delete_collection(self) -> web.Response:
        target = self._target
        if target.resource.kind == "Namespace":
            raise method_not_allowed()
        options = self._options()
        dry = self._dry_run() or options.get("dryRun") == ["All"]
        found = listing(self._cluster, target, self._request.query)
        for item in found["items"]:
            self._cluster.writer.delete(
                target.resource, target.namespace, item["metadata"]["name"], dry_run=dry
            )
        applied = bool(found["items"]) and not dry
        self._note(Outcome(found, None if applied else found, applied))
        return _json(found)

    def _body(self) -> Document:
        body = requests.decoded(self._request.content_type, self._raw)
        self._marks = requests.marks_of(body)
        return body

    def _options(self) -> Document:
        if not self._raw:
            return {}
        options = requests.decoded(self._request.content_type, self._raw)
        self._marks = requests.marks_of(options)
        check_kind("DeleteOptions", options)
        return options

    def _dry_run(self) -> bool:
        return requests.dry_run(self._request.query)

    def _note(self, outcome: Outcome) -> None:
        note(
            self._request,
            key=self._marks.key,
            epoch=self._marks.epoch,
            before=outcome.before,
            after=outcome.after if outcome.applied else outcome.before,
            applied=outcome.applied,
        )

    def _done(self, outcome: Outcome, code: int) -> web.Response:
        self._note(outcome)
        resource = self._target.resource
        document = outcome.after or {}
        if self._target.subresource == "scale":
            return _json(scale_of(resource, document), code)
        return _json(presented(resource, document), code)


def trouble(status: int, message: str) -> Document:
    """Return the ``Status`` body of an injected error."""
    reasons = {
        400: "BadRequest",
        401: "Unauthorized",
        403: "Forbidden",
        404: "NotFound",
        409: "Conflict",
        410: "Expired",
        422: "Invalid",
        429: "TooManyRequests",
        500: "InternalError",
        503: "ServiceUnavailable",
        504: "Timeout",
    }
    return failure(status, reasons.get(status, "Unknown"), message)


def _json(
    document: Document, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=json.dumps(document).encode(),
        status=status,
        headers=headers,
        content_type="application/json",
    )
