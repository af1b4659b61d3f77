"""What a site serves at the moment: the built-in kinds and those of its established CRDs."""

from __future__ import annotations

from typing import Any, Final

from .kinds import BUILT_IN, Resource, of_crd

_VERSION: Final = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+holdfast-lab",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2025-08-27T10:09:04Z",
    "goVersion": "go1.24.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}


class Registry:
    """The resources of one site, by group, version and plural."""

    def __init__(self) -> None:
        """Start with the built-in kinds."""
        self._served = {(r.group, r.version, r.plural): r for r in BUILT_IN}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return what is served under such a path."""
        return self._served.get((group, version, plural))

    def of_storage(self, storage: str) -> Resource | None:
        """Return one version of the kind that is stored under a key."""
        return next((r for r in self._served.values() if r.storage == storage), None)

    def serve(self, crd: dict[str, Any]) -> None:
        """Serve the versions of a CRD as it is now, and no others."""
        self.withdraw(crd)
        for resource in of_crd(crd):
            self._served[resource.group, resource.version, resource.plural] = resource

    def withdraw(self, crd: dict[str, Any]) -> None:
        """Serve a CRD no longer."""
        mine = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        self._served = {
            at: resource for at, resource in self._served.items() if (at[0], at[2]) != mine
        }

    def discovery(self, parts: list[str]) -> dict[str, Any] | None:
        """Return the discovery document for a path, null where there is none."""
        match parts:
            case ["version"]:
                return dict(_VERSION)
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case ["apis"]:
                groups = sorted({group for group, _, _ in self._served if group})
                return {
                    "kind": "APIGroupList",
                    "apiVersion": "v1",
                    "groups": [self._group(group) for group in groups],
                }
            case ["api", version]:
                return self._resources("", version)
            case ["apis", group]:
                known = any(served == group for served, _, _ in self._served)
                return (
                    {"kind": "APIGroup", "apiVersion": "v1", **self._group(group)}
                    if known
                    else None
                )
            case ["apis", group, version]:
                return self._resources(group, version)
        return None

    def _group(self, group: str) -> dict[str, Any]:
        versions = sorted({version for served, version, _ in self._served if served == group})
        listed = [
            {"groupVersion": f"{group}/{version}", "version": version} for version in versions
        ]
        return {"name": group, "versions": listed, "preferredVersion": listed[0]}

    def _resources(self, group: str, version: str) -> dict[str, Any] | None:
        served = [
            resource
            for (in_group, in_version, _), resource in sorted(self._served.items())
            if (in_group, in_version) == (group, version)
        ]
        if not served:
            return None
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [entry for resource in served for entry in resource.documents()],
        }
