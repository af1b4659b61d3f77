"""Storage accounts with geo-redundancy: the provider whose account failover is long-running.

An unplanned failover makes the secondary the primary and leaves the account locally redundant; a
planned one swaps the two, which only works while the primary is there. While one runs, a second is
refused: a failover is not idempotent, and the next one would fail back.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import hdrs, web

from .. import journal
from .errors import ArmError, resource_not_found
from .fencing import fencing_of, without_fencing
from .fields import child, tags, text
from .front import Call, Verb
from .operations import Failure, Follow, Operations, Outcome

PROVIDER: Final = "Microsoft.Storage"
TYPE: Final = f"{PROVIDER}/storageAccounts"
_ACCOUNTS: Final = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}"
_ACCOUNT: Final = f"{_ACCOUNTS}/{{account}}"
_PAIRED: Final = {
    "westeurope": "northeurope",
    "northeurope": "westeurope",
    "eastus": "westus",
    "westus": "eastus",
}
_GEO: Final = {"Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"}


@dataclass(frozen=True, slots=True)
class AccountSeed:
    """One storage account of the initial world."""

    resource_group: str
    name: str
    location: str
    secondary: str
    sku: str = "Standard_RAGRS"


class StorageAccounts:
    """Serves ``Microsoft.Storage/storageAccounts``: create, read, list and fail over."""

    def __init__(
        self,
        seeds: Sequence[AccountSeed],
        operations: Operations,
        *,
        subscription_id: str,
        follow: Follow,
    ) -> None:
        self._seeds = seeds
        self._operations = operations
        self._subscription = subscription_id
        self._follow = follow
        self._accounts: dict[tuple[str, str], dict[str, Any]] = {}
        self._lost: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Go back to the seeded accounts, with every region there."""
        self._lost.clear()
        self._accounts = {
            (seed.resource_group.lower(), seed.name.lower()): self._account(
                seed.resource_group, seed.name, seed.location, seed.secondary, seed.sku, {}
            )
            for seed in self._seeds
        }

    def verbs(self) -> list[Verb]:
        """The provider's operations."""
        return [
            Verb(hdrs.METH_GET, _ACCOUNTS, self._list),
            Verb(hdrs.METH_GET, _ACCOUNT, self._get),
            Verb(hdrs.METH_PUT, _ACCOUNT, self._put),
            Verb(hdrs.METH_POST, f"{_ACCOUNT}/failover", self._failover),
        ]

    def lose_region(self, location: str) -> None:
        """Lose an Azure region: a primary there is unavailable, and cannot fail over as planned."""
        self._lost.add(location)

    def state(self, *, canonical: bool) -> dict[str, Any]:
        """The accounts by group and name; without times and fencing tags when canonical."""
        return {
            f"{group}/{name}": _canonical(account) if canonical else self._shown(account)
            for (group, name), account in sorted(self._accounts.items())
        }

    def _list(self, call: Call) -> web.Response:
        group = call.values["group"].lower()
        found = [self._shown(each) for key, each in self._accounts.items() if key[0] == group]
        return web.json_response({"value": found})

    def _get(self, call: Call) -> web.Response:
        account = self._shown(self._existing(call))
        if "geoReplicationStats" in call.request.query.get("$expand", ""):
            account["properties"]["geoReplicationStats"] = self._geo_stats(account)
        return web.json_response(account)

    def _put(self, call: Call) -> web.Response:
        body, key = call.document(), _key(call)
        before = self._accounts.get(key)
        location = text(body, "location") or ""
        sku = text(child(body, "sku"), "name") or "Standard_RAGRS"
        if location not in _PAIRED:
            raise ArmError(
                400,
                "LocationNotAvailableForResourceType",
                f"The provided location '{location}' is not available for resource type '{TYPE}'. "
                f"List of available regions for the resource type is '{','.join(_PAIRED)}'.",
            )
        if before is not None:
            account = {**before, "tags": tags(body) or {}}
            self._store(call, key, account)
            return web.json_response(self._shown(account))
        name, group = call.values["account"], call.values["group"]
        account = self._account(
            group, name, location, _PAIRED[location], sku, tags(body) or {}, state="Creating"
        )
        self._store(call, key, account)

        def finish() -> Outcome:
            self._accounts[key] = _changed(self._accounts[key], provisioningState="Succeeded")
            return self._shown(self._accounts[key])

        operation = self._operations.start(PROVIDER, location, finish)
        return self._operations.accepted(call, operation, self._follow)

    def _failover(self, call: Call) -> web.Response:
        account, key = self._existing(call), _key(call)
        properties = account["properties"]
        planned = call.request.query.get("failoverType", "").lower() == "planned"
        if properties.get("failoverInProgress") or properties["provisioningState"] != "Succeeded":
            raise ArmError(
                409,
                "StorageAccountOperationInProgress",
                "An operation is currently performing on this storage account that requires "
                "exclusive access.",
            )
        if "secondaryLocation" not in properties:
            raise ArmError(
                409,
                "AccountNotGeoRedundant",
                f"Storage account '{account['name']}' has no secondary to fail over to.",
            )
        self._store(call, key, _changed(account, failoverInProgress=True))

        def finish() -> Outcome:
            current = _changed(self._accounts[key], failoverInProgress=None)
            outcome: Outcome = None
            if planned and properties["primaryLocation"] in self._lost:
                outcome = Failure(
                    "PlannedFailoverUnavailable",
                    "The primary region is unavailable: only an unplanned failover is possible.",
                )
            else:
                current = _failed_over(current, planned=planned)
            self._accounts[key] = current
            return outcome

        operation = self._operations.start(PROVIDER, properties["primaryLocation"], finish)
        return self._operations.accepted(call, operation, self._follow)

    def _store(self, call: Call, key: tuple[str, str], account: dict[str, Any]) -> None:
        before = self._accounts.get(key)
        self._accounts[key] = account
        key_given, epoch = fencing_of(call)
        journal.note(
            call.request,
            key=key_given,
            epoch=epoch,
            before=copy.deepcopy(before),
            after=copy.deepcopy(account),
            applied=account != before,
        )

    def _existing(self, call: Call) -> dict[str, Any]:
        account = self._accounts.get(_key(call))
        if account is None:
            raise resource_not_found(TYPE, call.values["account"], call.values["group"])
        return account

    def _shown(self, account: dict[str, Any]) -> dict[str, Any]:
        properties = dict(account["properties"])
        for role in ("Primary", "Secondary"):
            location = properties.get(f"{role.lower()}Location")
            if location is not None:
                lost = location in self._lost
                properties[f"statusOf{role}"] = "unavailable" if lost else "available"
        return {**account, "properties": properties}

    def _geo_stats(self, account: dict[str, Any]) -> dict[str, Any] | None:
        if "secondaryLocation" not in account["properties"]:
            return None
        lost = account["properties"]["statusOfPrimary"] == "unavailable"
        return {
            "status": "Unavailable" if lost else "Live",
            "lastSyncTime": _now(),
            "canFailover": True,
            "canPlannedFailover": not lost,
            "postFailoverRedundancy": "Standard_LRS",
            "postPlannedFailoverRedundancy": account["sku"]["name"],
        }

    def _account(
        self,
        group: str,
        name: str,
        location: str,
        secondary: str,
        sku: str,
        given_tags: dict[str, str],
        *,
        state: str = "Succeeded",
    ) -> dict[str, Any]:
        properties = {"provisioningState": state, "primaryLocation": location}
        if sku in _GEO:
            properties["secondaryLocation"] = secondary
        return {
            "id": f"/subscriptions/{self._subscription}/resourceGroups/{group}"
            f"/providers/{TYPE}/{name}",
            "name": name,
            "type": TYPE,
            "kind": "StorageV2",
            "location": location,
            "tags": given_tags,
            "sku": {"name": sku, "tier": "Standard"},
            "properties": properties,
        }


def _key(call: Call) -> tuple[str, str]:
    return call.values["group"].lower(), call.values["account"].lower()


def _changed(account: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The account with properties set, or removed where None is given."""
    merged = {**account["properties"], **given}
    return {**account, "properties": {k: v for k, v in merged.items() if v is not None}}


def _failed_over(account: dict[str, Any], *, planned: bool) -> dict[str, Any]:
    primary = account["properties"]["primaryLocation"]
    secondary = account["properties"]["secondaryLocation"]
    sku = account["sku"] if planned else {**account["sku"], "name": "Standard_LRS"}
    changed = _changed(
        account,
        primaryLocation=secondary,
        secondaryLocation=primary if planned else None,
        lastGeoFailoverTime=_now(),
    )
    return {**changed, "location": secondary, "sku": sku}


def _canonical(account: dict[str, Any]) -> dict[str, Any]:
    timeless = _changed(account, lastGeoFailoverTime=None)
    return {**timeless, "tags": without_fencing(account["tags"])}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
