"""What a request path means: which resource, which object, which subresource."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import Resource
from .registry import Registry
from .status import no_such_path


@dataclass(frozen=True, slots=True)
class Target:
    """The object or collection that a request is about."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str | None


def resolve(registry: Registry, parts: list[str]) -> Target:
    """Return the target of a path below ``/api`` or ``/apis``; raise ``NotFound`` if not served."""
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise no_such_path()
    namespace: str | None = None
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        _, namespace, *rest = rest
    if not 1 <= len(rest) <= 3:
        raise no_such_path()
    resource = registry.find(group, version, rest[0])
    if resource is None or (namespace is not None and not resource.namespaced):
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if subresource is not None and subresource not in resource.subresources:
        raise no_such_path()
    if name is not None and resource.namespaced and namespace is None:
        raise no_such_path()
    return Target(resource, namespace, name, subresource)
