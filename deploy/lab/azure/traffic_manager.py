"""The Traffic Manager provider: profiles, endpoints and the name check, as verbs of the front.

Every write goes one way: preconditions, the new document, the journal's note, the answer. A write
that changes nothing keeps the etag and is noted as not applied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import hdrs, web

from .. import journal
from .endpoints import TYPE_PREFIX, kind_of, new_endpoint, patched_endpoint
from .errors import ArmError, precondition_failed, resource_not_found
from .fencing import fencing_of
from .fields import text
from .front import Call, Verb
from .profiles import (
    DOMAIN,
    TYPE,
    find_endpoint,
    new_profile,
    patched_profile,
    with_endpoints,
)
from .store import Profiles, Stored

_SUBSCRIPTION: Final = "/subscriptions/{subscription}"
_GROUP: Final = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_PROFILES: Final = f"/providers/{TYPE}"
_PROFILE: Final = f"{_GROUP}{_PROFILES}/{{profile}}"
_ENDPOINT: Final = f"{_PROFILE}/{{kind}}/{{endpoint}}"
_NAME_CHECK: Final = "/providers/Microsoft.Network/checkTrafficManagerNameAvailability"

_Change = Callable[[Stored | None], dict[str, Any] | None]


class TrafficManager:
    """Serves ``Microsoft.Network/trafficManagerProfiles`` over the stored profiles."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def verbs(self) -> list[Verb]:
        """The provider's operations."""
        return [
            Verb(hdrs.METH_GET, f"{_SUBSCRIPTION}{_PROFILES}", self._list),
            Verb(hdrs.METH_GET, f"{_GROUP}{_PROFILES}", self._list),
            Verb(hdrs.METH_GET, _PROFILE, self._get),
            Verb(hdrs.METH_PUT, _PROFILE, self._put),
            Verb(hdrs.METH_PATCH, _PROFILE, self._patch),
            Verb(hdrs.METH_DELETE, _PROFILE, self._delete),
            Verb(hdrs.METH_GET, _ENDPOINT, self._get_endpoint),
            Verb(hdrs.METH_PUT, _ENDPOINT, self._put_endpoint),
            Verb(hdrs.METH_PATCH, _ENDPOINT, self._patch_endpoint),
            Verb(hdrs.METH_DELETE, _ENDPOINT, self._delete_endpoint),
            Verb(hdrs.METH_POST, _NAME_CHECK, self._check_name),
            Verb(hdrs.METH_POST, f"{_SUBSCRIPTION}{_NAME_CHECK}V2", self._check_name),
        ]

    def _list(self, call: Call) -> web.Response:
        found = self._profiles.every(call.values.get("group"))
        return web.json_response({"value": [self._profiles.shown(stored) for stored in found]})

    def _get(self, call: Call) -> web.Response:
        return self._answer(self._existing(call))

    def _put(self, call: Call) -> web.Response:
        body, name = call.document(), call.values["profile"]
        created = self._found(call) is None

        def change(before: Stored | None) -> dict[str, Any]:
            profile = new_profile(name, body, before.document if before else None)
            self._refuse_taken_name(before, profile)
            return profile

        return self._answer(self._commit(call, change), status=201 if created else 200)

    def _patch(self, call: Call) -> web.Response:
        self._existing(call)
        body = call.document()
        return self._answer(
            self._commit(call, lambda before: patched_profile(_there(before), body))
        )

    def _delete(self, call: Call) -> web.Response:
        existed = self._found(call) is not None
        self._commit(call, lambda _: None)
        return web.json_response({}) if existed else web.Response(status=204)

    def _get_endpoint(self, call: Call) -> web.Response:
        stored = self._existing(call)
        endpoint = _endpoint(call, stored)
        if endpoint is None:
            raise _endpoint_not_found(call)
        return self._answer_endpoint(stored, endpoint)

    def _put_endpoint(self, call: Call) -> web.Response:
        created = _endpoint(call, self._existing(call)) is None
        kind, body = kind_of(call.values["kind"]), call.document()

        def change(before: Stored | None) -> dict[str, Any]:
            profile = _there(before)
            old = find_endpoint(profile, kind, call.values["endpoint"])
            name = old["name"] if old else call.values["endpoint"]
            new = new_endpoint(kind, name, body, old)
            return with_endpoints(profile, _replaced(profile, old, new))

        return self._commit_endpoint(call, change, status=201 if created else 200)

    def _patch_endpoint(self, call: Call) -> web.Response:
        if _endpoint(call, self._existing(call)) is None:
            raise _endpoint_not_found(call)
        body = call.document()

        def change(before: Stored | None) -> dict[str, Any]:
            profile = _there(before)
            old = find_endpoint(profile, call.values["kind"], call.values["endpoint"])
            new = patched_endpoint(old, body) if old else None
            return with_endpoints(profile, _replaced(profile, old, new))

        return self._commit_endpoint(call, change, status=200)

    def _delete_endpoint(self, call: Call) -> web.Response:
        existed = _endpoint(call, self._existing(call)) is not None

        def change(before: Stored | None) -> dict[str, Any]:
            profile = _there(before)
            old = find_endpoint(profile, call.values["kind"], call.values["endpoint"])
            return with_endpoints(profile, _replaced(profile, old, None))

        self._commit(call, change)
        return web.json_response({}) if existed else web.Response(status=204)

    def _check_name(self, call: Call) -> web.Response:
        name = text(call.document(), "name") or ""
        answer: dict[str, Any] = {"name": name, "type": TYPE, "nameAvailable": True}
        if self._profiles.by_relative_name(name) is not None:
            answer |= {"nameAvailable": False, "reason": "AlreadyExists", "message": _taken(name)}
        return web.json_response(answer)

    def _commit(self, call: Call, change: _Change) -> Stored | None:
        """Apply a change to the profile that the call names, and note it in the journal.

        Raises:
            ArmError: the preconditions or the change refuse; that is noted as well.
        """
        group, name = call.values["group"], call.values["profile"]
        before = self._found(call)
        was = self._profiles.configuration(before)
        key, epoch = fencing_of(call)
        try:
            _check_preconditions(call.request, before)
            document = change(before)
        except ArmError:
            journal.note(call.request, key=key, epoch=epoch, before=was, after=was, applied=False)
            raise
        after = before
        if document is None and before is not None:
            self._profiles.remove(group, name)
            after = None
        elif document is not None and (before is None or document != before.document):
            after = self._profiles.put(before.group if before else group, name, document)
        journal.note(
            call.request,
            key=key,
            epoch=epoch,
            before=was,
            after=self._profiles.configuration(after),
            applied=after is not before,
        )
        return after

    def _commit_endpoint(self, call: Call, change: _Change, *, status: int) -> web.Response:
        stored = self._commit(call, change)
        endpoint = _endpoint(call, stored) if stored else None
        if stored is None or endpoint is None:
            raise _endpoint_not_found(call)
        return self._answer_endpoint(stored, endpoint, status=status)

    def _found(self, call: Call) -> Stored | None:
        return self._profiles.find(call.values["group"], call.values["profile"])

    def _existing(self, call: Call) -> Stored:
        stored = self._found(call)
        if stored is None:
            raise resource_not_found(TYPE, call.values["profile"], call.values["group"])
        return stored

    def _answer(self, stored: Stored | None, *, status: int = 200) -> web.Response:
        shown = self._profiles.shown(stored) if stored else {}
        headers = {hdrs.ETAG: stored.etag} if stored else {}
        return web.json_response(shown, status=status, headers=headers)

    def _answer_endpoint(
        self, stored: Stored, endpoint: dict[str, Any], *, status: int = 200
    ) -> web.Response:
        shown = self._profiles.shown_endpoint(stored, endpoint)
        return web.json_response(shown, status=status, headers={hdrs.ETAG: stored.etag})

    def _refuse_taken_name(self, before: Stored | None, profile: dict[str, Any]) -> None:
        name = profile["properties"]["dnsConfig"]["relativeName"]
        if self._profiles.by_relative_name(name) not in (None, before):
            raise ArmError(409, "Conflict", _taken(name))


def _there(stored: Stored | None) -> dict[str, Any]:
    """The document of a profile that the verb already found."""
    assert stored is not None
    return stored.document


def _endpoint(call: Call, stored: Stored) -> dict[str, Any] | None:
    kind = kind_of(call.values["kind"])
    return find_endpoint(stored.document, kind, call.values["endpoint"])


def _endpoint_not_found(call: Call) -> ArmError:
    kind, profile = kind_of(call.values["kind"]), call.values["profile"]
    name = f"{profile}/{call.values['endpoint']}"
    return resource_not_found(f"{TYPE_PREFIX}{kind}", name, call.values["group"])


def _replaced(
    profile: dict[str, Any], old: dict[str, Any] | None, new: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The profile's endpoints with one put in the place of another, added or left out."""
    kept = [new if each is old else each for each in profile["properties"]["endpoints"]]
    added = [new] if old is None else []
    return [each for each in (*kept, *added) if each is not None]


def _check_preconditions(request: web.Request, before: Stored | None) -> None:
    wanted = request.headers.get(hdrs.IF_MATCH)
    if wanted is not None:
        etags = {each.strip().removeprefix("W/").strip('"') for each in wanted.split(",")}
        if before is None or not etags & {"*", before.etag.strip('"')}:
            raise precondition_failed()
    if request.headers.get(hdrs.IF_NONE_MATCH, "").strip() == "*" and before is not None:
        raise precondition_failed()


def _taken(name: str) -> str:
    return f"Domain name {name}.{DOMAIN} already exists. Please choose a different DNS prefix."
