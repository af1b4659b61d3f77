"""Where everything stands in the picture of an estate: pure geometry, in inches, y upwards.

Regions are panels, packed in rows; sites are boxes in their region; a site's services stand in
columns, what they depend on to the left of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final, NamedTuple

from ..model.estate import Estate, Service

SERVICE_HEIGHT: Final = 0.56
COLUMN_GAP: Final = 0.62
ROW_GAP: Final = 0.26
PADDING: Final = 0.26
SITE_HEADER: Final = 0.52
REGION_HEADER: Final = 0.34
SITE_GAP: Final = 0.8
REGION_GAP: Final = 0.95
PAGE_RATIO: Final = 1.78
"""Width to height of a page that fits a screen and a slide."""
REGION_RATIO: Final = 4.0
"""Of the sites within a region: rather side by side, so that arrows meet fewer boxes."""


class Box(NamedTuple):
    """A rectangle by its lower left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width


@dataclass(frozen=True)
class Layout:
    """The boxes of an estate's picture, by name."""

    width: float
    height: float
    regions: Mapping[str, Box]
    sites: Mapping[str, Box]
    services: Mapping[str, Box]


class _Packed(NamedTuple):
    width: float
    height: float
    boxes: tuple[Box, ...]
    """Here y is measured downwards from the top."""


def lay_out(estate: Estate, service_width: float) -> Layout:
    """Place the regions, sites and services of a valid estate."""
    inside = {site.name: _columns(estate.services_at(site.name)) for site in estate.sites}
    sizes = {name: _site_size(columns, service_width) for name, columns in inside.items()}
    by_region: dict[str, list[str]] = {}
    for site in estate.sites:
        by_region.setdefault(site.region, []).append(site.name)
    packed = {
        region: _pack([sizes[name] for name in names], SITE_GAP, REGION_RATIO)
        for region, names in by_region.items()
    }
    panels = [
        (part.width + 2 * PADDING, part.height + 2 * PADDING + REGION_HEADER)
        for part in packed.values()
    ]
    page = _justified(_pack(panels, REGION_GAP, PAGE_RATIO))
    regions = {
        name: Box(box.x, page.height - box.y - box.height, box.width, box.height)
        for name, box in zip(by_region, page.boxes, strict=True)
    }
    sites: dict[str, Box] = {}
    for region, names in by_region.items():
        sites |= _sites_in(regions[region], names, packed[region])
    services: dict[str, Box] = {}
    for name, columns in inside.items():
        services |= _services_in(sites[name], columns, service_width)
    return Layout(page.width, page.height, regions, sites, services)


def _columns(services: Sequence[Service]) -> list[list[str]]:
    """Names in columns: each right of all it depends on at its site, near their rows."""
    here = {service.name: service for service in services}
    needs = {
        name: [need for need in service.depends_on if need in here]
        for name, service in here.items()
    }
    depth: dict[str, int] = {}
    for name in TopologicalSorter(needs).static_order():
        depth[name] = 1 + max((depth[need] for need in needs[name]), default=-1)
    tallest = max(4, math.ceil(math.sqrt(len(here))))
    row: dict[str, float] = {}
    columns: list[list[str]] = []
    for level in range(max(depth.values(), default=-1) + 1):
        layer = [name for name in here if depth[name] == level]
        layer.sort(key=_nearness(row, needs, here))
        for start in range(0, len(layer), tallest):
            column = layer[start : start + tallest]
            columns.append(column)
            row |= {name: index - (len(column) - 1) / 2 for index, name in enumerate(column)}
    return columns


def _nearness(
    row: Mapping[str, float], needs: Mapping[str, list[str]], here: Mapping[str, Service]
) -> Callable[[str], tuple[float, int]]:
    def key(name: str) -> tuple[float, int]:
        rows = [row[need] for need in needs[name]]
        return (sum(rows) / len(rows) if rows else 0.0, here[name].tier)

    return key


def _site_size(columns: list[list[str]], service_width: float) -> tuple[float, float]:
    across = max(len(columns), 1)
    down = max((len(column) for column in columns), default=1)
    return (
        across * service_width + (across - 1) * COLUMN_GAP + 2 * PADDING,
        down * SERVICE_HEIGHT + (down - 1) * ROW_GAP + 2 * PADDING + SITE_HEADER,
    )


def _pack(sizes: Sequence[tuple[float, float]], gap: float, ratio: float) -> _Packed:
    """Rows in the order given, of the width at which the whole comes nearest to a good page."""
    widest = max(width for width, _ in sizes)
    area = sum((width + gap) * (height + gap) for width, height in sizes)
    best = math.sqrt(area * ratio)
    tries = [_rows(sizes, gap, max(widest, best * factor)) for factor in (0.8, 1.0, 1.2, 1.4, 1.7)]
    return min(
        tries,
        key=lambda page: (
            page.width * page.height * (1 + abs(math.log(page.width / page.height / ratio)))
        ),
    )


def _rows(sizes: Sequence[tuple[float, float]], gap: float, limit: float) -> _Packed:
    boxes: list[Box] = []
    x = y = tallest = right = 0.0
    for width, height in sizes:
        if x and x + width > limit + 1e-6:
            x, y, tallest = 0.0, y + tallest + gap, 0.0
        boxes.append(Box(x, y, width, height))
        right = max(right, x + width)
        x += width + gap
        tallest = max(tallest, height)
    return _Packed(right, y + tallest, tuple(boxes))


def _justified(page: _Packed) -> _Packed:
    """Every row as wide as the page, every box of a row as high as the row."""
    rows: dict[float, list[Box]] = {}
    for box in page.boxes:
        rows.setdefault(box.y, []).append(box)
    boxes: list[Box] = []
    for row in rows.values():
        spare = (page.width - row[-1].right) / len(row)
        height = max(box.height for box in row)
        boxes += [
            Box(box.x + index * spare, box.y, box.width + spare, height)
            for index, box in enumerate(row)
        ]
    return _Packed(page.width, page.height, tuple(boxes))


def _sites_in(region: Box, names: Sequence[str], packed: _Packed) -> dict[str, Box]:
    left = region.x + (region.width - packed.width) / 2
    spare = region.height - REGION_HEADER - packed.height
    top = region.top - REGION_HEADER - spare / 2
    return {
        name: Box(left + box.x, top - box.y - box.height, box.width, box.height)
        for name, box in zip(names, packed.boxes, strict=True)
    }


def _services_in(site: Box, columns: list[list[str]], service_width: float) -> dict[str, Box]:
    """A site's services: each column centred on the same line."""
    boxes: dict[str, Box] = {}
    centre = site.y + (site.height - SITE_HEADER) / 2
    for across, column in enumerate(columns):
        x = site.x + PADDING + across * (service_width + COLUMN_GAP)
        height = len(column) * (SERVICE_HEIGHT + ROW_GAP) - ROW_GAP
        for down, name in enumerate(column):
            y = centre + height / 2 - down * (SERVICE_HEIGHT + ROW_GAP) - SERVICE_HEIGHT
            boxes[name] = Box(x, y, service_width, SERVICE_HEIGHT)
    return boxes
