"""The arrows of an estate's picture: what depends on what, and where services may recover."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path as Curve

from ..model.estate import Estate
from .estate_layout import Box, Layout

DEPENDENCY: Final = "#7b8b98"
RECOVERY: Final = "#1b7f5c"
RECOVERY_DASHES: Final = (0, (3.2, 1.6))
SPACING: Final = 0.45
"""At least so far apart do recovery arrows leave or reach one side of a site."""

Point = tuple[float, float]


@dataclass(frozen=True)
class _Flow:
    """The services of one site that may move to another."""

    source: str
    target: str
    services: int


def paint_dependencies(axes: Any, estate: Estate, layout: Layout) -> None:
    """A grey arrow from each service to each that it depends on."""
    site_of = {service.name: service.site for service in estate.services}
    for service in estate.services:
        start = layout.services[service.name]
        for need in service.depends_on:
            end = layout.services[need]
            local = site_of[need] == service.site
            sites = () if local else (layout.sites[service.site], layout.sites[site_of[need]])
            axes.add_patch(
                FancyArrowPatch(
                    path=_curve(start, end, _obstacle(layout, *sites) if sites else None),
                    arrowstyle="-|>,head_length=4.5,head_width=2.2",
                    color=DEPENDENCY,
                    linewidth=1.3,
                    zorder=5 if local else 3,
                )
            )


def paint_recoveries(axes: Any, estate: Estate, layout: Layout) -> None:
    """One dashed arrow for each pair of sites, with the number of services that may go."""
    flows = list(_flows(estate))
    sides = [_sides(layout, flow) for flow in flows]
    ends = _anchors(flows, sides, layout)
    for index, flow in enumerate(flows):
        start, end = ends[index, 0], ends[index, 1]
        curve, label = _line(start, end)
        if sides[index] == ("top", "top"):
            curve, label = _arch(start, end)
        axes.add_patch(
            FancyArrowPatch(
                path=curve,
                arrowstyle="-|>,head_length=6,head_width=3",
                color=RECOVERY,
                linewidth=1.2 + 0.3 * min(flow.services, 6),
                linestyle=RECOVERY_DASHES,
                zorder=4,
            )
        )
        axes.text(
            *label,
            str(flow.services),
            ha="center",
            va="center",
            fontsize=7.5,
            weight="bold",
            color=RECOVERY,
            bbox={"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": RECOVERY},
            zorder=8,
        )


def _bezier(*points: Point) -> Curve:
    return Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])


def _line(start: Point, end: Point) -> tuple[Curve, Point]:
    # The label is off the middle, so that those of arrows that cross do not meet.
    label = (start[0] * 0.58 + end[0] * 0.42, start[1] * 0.58 + end[1] * 0.42)
    return Curve([start, end]), label


def _arch(start: Point, end: Point) -> tuple[Curve, Point]:
    height = max(start[1], end[1]) + 0.8
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 8 + height * 0.75)
    return _bezier(start, (start[0], height), (end[0], height), end), middle


def _curve(start: Box, end: Box, obstacle: Box | None) -> Curve:
    """From edge to facing edge; upright between rows, below whatever stands between in one row."""
    (x0, y0), (x1, y1) = start.middle, end.middle
    if start.y > end.top or end.y > start.top:
        beside = end.right < start.x or start.right < end.x
        if not beside or abs(y0 - y1) > 2 * start.height:
            y0, y1 = (start.y, end.top) if y0 > y1 else (start.top, end.y)
            half = (y0 + y1) / 2
            return _bezier((x0, y0), (x0, half), (x1, half), (x1, y1))
    if obstacle is not None:
        return _detour(start, end, obstacle)
    to = 1 if x1 > x0 else -1
    x0, x1 = (start.right, end.x) if to > 0 else (start.x, end.right)
    # It turns to the height of its end at once: between columns, not behind a service.
    bend = x0 + to * min(abs(x1 - x0) / 2, 0.9)
    return _bezier((x0, y0), (bend, y0), (bend, y1), (x1, y1))


def _detour(start: Box, end: Box, obstacle: Box) -> Curve:
    """Out of the bottom of `start`, level below the obstacle, and up to the side of `end`."""
    to = 1 if end.x > start.x else -1
    low = min(obstacle.y, start.y) - 0.14
    left = (start.middle[0], start.y)
    turn = obstacle.right if to > 0 else obstacle.x
    arrive = end.x if to > 0 else end.right
    points = [
        left,
        (left[0], low),
        (left[0] + to * 0.4, low),
        (left[0] + to * 1.2, low),
        (turn, low),
        (turn + to * 0.5, low),
        (arrive - to * 0.5, end.middle[1]),
        (arrive, end.middle[1]),
    ]
    return Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3])


def _obstacle(layout: Layout, one: Box, other: Box) -> Box | None:
    """The lowest site that stands between two sites of one row."""
    left, right = sorted((one, other))
    if left.top < right.y or right.top < left.y:
        return None
    between = [
        box
        for box in layout.sites.values()
        if box.x > left.x and box.right < right.right and box not in (one, other)
        if box.y < min(left.top, right.top) and box.top > max(left.y, right.y)
    ]
    return min(between, key=lambda box: box.y, default=None)


def _flows(estate: Estate) -> Iterator[_Flow]:
    counts: dict[tuple[str, str], int] = {}
    for service in estate.services:
        for target in estate.candidates(service):
            pair = service.site, target.name
            counts[pair] = counts.get(pair, 0) + 1
    return (_Flow(*pair, count) for pair, count in counts.items())


def _sides(layout: Layout, flow: _Flow) -> tuple[str, str]:
    """The sides at which an arrow leaves and arrives."""
    source, target = layout.sites[flow.source], layout.sites[flow.target]
    if _obstacle(layout, source, target):
        return "top", "top"
    return _facing(source, target), _facing(target, source)


def _facing(box: Box, other: Box) -> str:
    if other.y > box.top + 0.05:
        return "top"
    if other.top < box.y - 0.05:
        return "bottom"
    return "right" if other.x >= box.right else "left"


def _anchors(
    flows: Sequence[_Flow], sides: Sequence[tuple[str, str]], layout: Layout
) -> dict[tuple[int, int], Point]:
    """By arrow and end (0 leaves, 1 arrives): the point, near the other end and clear of others."""
    wanted: dict[tuple[str, str], list[tuple[float, int, int]]] = {}
    for index, flow in enumerate(flows):
        for end, (name, other) in enumerate(
            ((flow.source, flow.target), (flow.target, flow.source))
        ):
            side = sides[index][end]
            axis = 0 if side in ("top", "bottom") else 1
            # Of two opposite arrows the same one must come first at both of their ends.
            nudge = 0.01 if flow.source < flow.target else -0.01
            along = _between_middles(layout.sites[name], layout.sites[other], axis) + nudge
            wanted.setdefault((name, side), []).append((along, index, end))
    points: dict[tuple[int, int], Point] = {}
    for (name, side), places in wanted.items():
        box = layout.sites[name]
        places.sort()
        low, size = (box.x, box.width) if side in ("top", "bottom") else (box.y, box.height)
        spread = _spread([along for along, _, _ in places], low + 0.25, low + size - 0.25)
        for (_, index, end), along in zip(places, spread, strict=True):
            points[index, end] = {
                "top": (along, box.top + 0.03),
                "bottom": (along, box.y - 0.03),
                "left": (box.x - 0.03, along),
                "right": (box.right + 0.03, along),
            }[side]
    return points


def _between_middles(box: Box, other: Box, axis: int) -> float:
    """Where along a side of `box` an arrow to `other` is shortest: the middle of what they share,
    or else the end that is nearer."""
    low, high = max(box[axis], other[axis]), min(_far(box, axis), _far(other, axis))
    return (low + high) / 2


def _far(box: Box, axis: int) -> float:
    return box.top if axis else box.right


def _spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """The wanted places, moved apart as far as the side has room."""
    gap = min(SPACING, (high - low) / max(len(wanted), 1))
    places: list[float] = []
    for place in wanted:
        # Neighbours that want one place share it evenly: half of the gap goes to the left.
        places.append(max(place - gap / 2, places[-1] + gap) if places else place - gap / 2)
    if len(places) == 1:
        places = [wanted[0]]
    excess = max(places[-1] - high, 0.0)
    shifted = [place - excess for place in places]
    return [min(max(place, low + index * gap), high) for index, place in enumerate(shifted)]
