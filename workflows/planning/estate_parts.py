"""What of a faulty estate can still be judged: its sites and services, each with its path.

A part that does not fit its model is read again without its faulty keys; what was left out is
remembered, so that no check takes for absent what is only misspelt.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from ..model.document import Document
from ..model.estate import Estate, Metadata, Service, Site, Step
from ..model.policy import Policy
from .estate_shape import misfits, read_document
from .yaml_reader import Path

D = TypeVar("D", bound=Document)

_STEPS: Final = ("recovery", "give_way")
"""The keys of a service that hold steps."""


@dataclass(frozen=True)
class Part(Generic[D]):
    """A site, service or step, where it stands, and which of its keys could not be read."""

    path: Path
    value: D
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ServicePart(Part[Service]):
    """A service with its steps of both kinds, each at the index the file gives it."""

    steps: tuple[Part[Step], ...] = ()
    give_way: tuple[Part[Step], ...] = ()


@dataclass(frozen=True)
class Parts:
    """The readable parts of an estate."""

    sites: tuple[Part[Site], ...] = ()
    services: tuple[ServicePart, ...] = ()
    unread_sites: frozenset[str] = frozenset()
    """Names of sites of which no more than the name, or not every key, could be read."""
    unread_services: frozenset[str] = frozenset()
    """Names of services of which no more could be read."""
    sites_complete: bool = True
    """Every site could be read in full; else nothing can be said about what a site lacks."""
    name: str = "estate"
    estate: Estate = field(init=False)
    """The readable parts as one estate; not validated as a whole."""

    def __post_init__(self) -> None:
        estate = Estate.model_construct(
            api_version="holdfast.dev/v1",
            kind="Estate",
            metadata=Metadata.model_construct(name=self.name),
            policy=Policy(),
            sites=tuple(part.value for part in self.sites),
            services=tuple(part.value for part in self.services),
        )
        object.__setattr__(self, "estate", estate)


def whole(estate: Estate) -> Parts:
    """All parts of an estate that has no misfit."""
    return Parts(
        sites=tuple(Part(("sites", i), site) for i, site in enumerate(estate.sites)),
        services=tuple(
            ServicePart(
                path,
                service,
                steps=tuple(_whole_steps(path, "recovery", service.recovery)),
                give_way=tuple(_whole_steps(path, "give_way", service.give_way)),
            )
            for path, service in _numbered("services", estate.services)
        ),
        name=estate.name,
    )


def readable(data: Any) -> Parts:
    """The parts of plain data that can be read as sites and services."""
    raw_sites = list(_numbered("sites", _list_in(data, "sites")))
    raw_services = list(_numbered("services", _list_in(data, "services")))
    read_sites = [_read(Site, path, raw) for path, raw in raw_sites]
    sites = [part for part in read_sites if part is not None]
    read_services = [_service(path, raw) for path, raw in raw_services]
    services = [service for service in read_services if service is not None]
    known_sites = {part.value.name for part in sites}
    known_services = {part.value.name for part in services}
    return Parts(
        sites=tuple(sites),
        services=tuple(services),
        unread_sites=frozenset(_names(raw_sites)) - known_sites,
        unread_services=frozenset(_names(raw_services)) - known_services,
        sites_complete=len(sites) == len(raw_sites) > 0 and not any(part.unread for part in sites),
    )


def _whole_steps(path: Path, key: str, steps: Iterable[Step]) -> Iterator[Part[Step]]:
    return (Part((*path, key, i), step) for i, step in enumerate(steps))


def _numbered(key: str, items: Iterable[Any]) -> Iterator[tuple[Path, Any]]:
    return (((key, index), item) for index, item in enumerate(items))


def _list_in(data: Any, key: str) -> list[Any]:
    found = data.get(key) if isinstance(data, Mapping) else None
    return found if isinstance(found, list) else []


def _names(raw: Iterable[tuple[Path, Any]]) -> Iterator[str]:
    for _, item in raw:
        name = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(name, str):
            yield name


def _service(path: Path, raw: Any) -> ServicePart | None:
    if not isinstance(raw, Mapping):
        return None
    part = _read(Service, path, {key: raw[key] for key in raw if key not in _STEPS})
    if part is None:
        return None
    read = {key: _steps(path, key, raw) for key in _STEPS}
    values = {key: tuple(step.value for step in steps) for key, (steps, _) in read.items()}
    return ServicePart(
        path,
        part.value.model_copy(update=values),
        part.unread | {key for key, (_, complete) in read.items() if not complete},
        read["recovery"][0],
        read["give_way"][0],
    )


def _steps(path: Path, key: str, raw: Mapping[str, Any]) -> tuple[tuple[Part[Step], ...], bool]:
    """The steps below `key` that can be read, and whether these are all."""
    raw_steps = _list_in(raw, key)
    read = [_read(Step, (*path, key, i), step) for i, step in enumerate(raw_steps)]
    steps = tuple(step for step in read if step is not None)
    return steps, len(steps) == len(raw_steps) and isinstance(raw.get(key, []), list)


def _read(model: type[D], path: Path, raw: Any) -> Part[D] | None:
    """One part, without its faulty keys if need be; None if it cannot be read even so."""
    try:
        return Part(path, read_document(model, raw))
    except ValidationError as error:
        faulty = {str(misfit.path[0]) for misfit in misfits(model, raw, error) if misfit.path}
    if not isinstance(raw, Mapping):
        return None
    try:
        kept = {key: value for key, value in raw.items() if key not in faulty}
        return Part(path, read_document(model, kept), frozenset(faulty))
    except ValidationError:
        return None
