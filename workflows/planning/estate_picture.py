"""Paints the picture of an estate with matplotlib, which is imported here and nowhere else."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path as Curve

from ..model.estate import Estate, Service, Site
from ..model.scalars import format_duration
from .estate_layout import Box, Layout, lay_out

TIER_COLOURS: Final = ("#b3261e", "#c96a12", "#2b6a99", "#5b6b78")
"""From the most critical tier; the last stands for all that follow. White text reads on each."""
INK: Final = "#22303c"
FAINT: Final = "#8795a1"
RECOVERY: Final = "#1b7f5c"
MARGIN: Final = 0.45
HEADER: Final = 0.95
FOOTER: Final = 0.6
DOTS_PER_INCH: Final = 150
MAX_PIXELS: Final = 16_000


@dataclass(frozen=True)
class _Flow:
    """The services of one site that may move to another."""

    source: str
    target: str
    services: int


def paint(estate: Estate, path: Path) -> None:
    """Write the picture of a valid estate in the format that the path's suffix names."""
    layout = lay_out(estate, _service_width(estate))
    width = max(layout.width, 9.5) + 2 * MARGIN
    height = layout.height + HEADER + FOOTER + MARGIN
    # The hash salt and the missing date make the same estate the same SVG, byte for byte.
    with rc_context({"svg.hashsalt": "holdfast", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        left = -(width - layout.width) / 2
        axes.set_xlim(left, left + width)
        axes.set_ylim(-FOOTER - MARGIN / 2, layout.height + HEADER + MARGIN / 2)
        axes.axis("off")
        _panels(axes, estate, layout)
        _flows(axes, estate, layout)
        _dependencies(axes, estate, layout)
        for service in estate.services:
            _service(axes, estate, service, layout.services[service.name])
        _title(axes, estate, layout.height)
        _legend(axes, estate, layout.width / 2)
        dots = min(DOTS_PER_INCH, MAX_PIXELS / max(width, height))
        svg = path.suffix.lower() == ".svg"
        with warnings.catch_warnings():
            # A jurisdiction may be written in letters that the font lacks; a box says enough.
            warnings.filterwarnings("ignore", message="Glyph")
            figure.savefig(path, dpi=dots, metadata={"Date": None} if svg else None)


def _service_width(estate: Estate) -> float:
    longest = max((len(service.name) for service in estate.services), default=0)
    return min(max(1.75, 0.3 + 0.092 * longest), 3.4)


def _text(axes: Any, x: float, y: float, text: str, **style: Any) -> None:
    style = {"color": INK, "va": "center", "ha": "left", "parse_math": False, **style}
    axes.text(x, y, text, **style)


def _cut(text: str, width: float, character: float) -> str:
    """The text, or as much of it as fits the width at so many inches a character."""
    room = int(width / character)
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def _rounded(axes: Any, box: Box, radius: float, **style: Any) -> Any:
    shape = FancyBboxPatch(
        (box.x + radius, box.y + radius),
        box.width - 2 * radius,
        box.height - 2 * radius,
        boxstyle=f"round,pad={radius}",
        **style,
    )
    axes.add_patch(shape)
    return shape


def _panels(axes: Any, estate: Estate, layout: Layout) -> None:
    for name, box in layout.regions.items():
        _rounded(axes, box, 0.12, facecolor="#eef2f5", edgecolor="none", zorder=0)
        _text(
            axes,
            box.x + 0.22,
            box.top - 0.26,
            _cut(name, box.width - 0.4, 0.09),
            fontsize=9.5,
            color="#5b6b78",
            zorder=4,
        )
    for site in estate.sites:
        box = layout.sites[site.name]
        _rounded(axes, box, 0.1, facecolor="white", edgecolor="#b9c4cd", linewidth=1.1, zorder=2)
        name = _cut(site.name, box.width - 0.4, 0.105)
        _text(axes, box.x + 0.22, box.top - 0.24, name, fontsize=11, weight="bold", zorder=4)
        details = _cut(_site_details(site), box.width - 0.4, 0.068)
        _text(axes, box.x + 0.22, box.top - 0.45, details, fontsize=7.5, color=FAINT, zorder=4)


def _site_details(site: Site) -> str:
    parts = [site.jurisdiction, f"zone {site.zone}" if site.zone else None]
    parts += [f"{amount} {resource}" for resource, amount in site.capacity.items()]
    return " · ".join(part for part in parts if part)


def _service(axes: Any, estate: Estate, service: Service, box: Box) -> None:
    colour = _colour(service)
    _rounded(axes, box, 0.07, facecolor=colour, edgecolor="white", linewidth=1.2, zorder=6)
    x, y = box.middle
    name = _cut(service.name, box.width - 0.16, 0.088)
    below = _cut(_service_details(estate, service), box.width - 0.12, 0.064)
    _text(
        axes,
        x,
        y + (0.1 if below else 0),
        name,
        ha="center",
        fontsize=9.5,
        weight="bold",
        color="white",
        zorder=7,
    )
    _text(axes, x, y - 0.13, below, ha="center", fontsize=7.2, color="#ffffffdd", zorder=7)


def _service_details(estate: Estate, service: Service) -> str:
    rto = service.objectives.rto
    targets = estate.candidates(service)
    more = f" +{len(targets) - 1}" if len(targets) > 1 else ""
    return "  ".join(
        part
        for part in (
            f"RTO {format_duration(rto)}" if rto else "",
            f"→ {targets[0].name}{more}" if targets else "",
        )
        if part
    )


def _colour(service: Service) -> str:
    return TIER_COLOURS[min(service.tier, len(TIER_COLOURS) - 1)]


def _dependencies(axes: Any, estate: Estate, layout: Layout) -> None:
    site_of = {service.name: service.site for service in estate.services}
    for service in estate.services:
        start = layout.services[service.name]
        for need in service.depends_on:
            end = layout.services[need]
            near = site_of[need] == service.site and end.right < start.x
            arrow = {"linewidth": 1.3, "arrowstyle": "-|>,head_length=4.5,head_width=2.2"}
            if near:
                curve = _level_curve((start.x, start.middle[1]), (end.right, end.middle[1]))
                axes.add_patch(FancyArrowPatch(path=curve, color=FAINT, zorder=5, **arrow))
            else:
                curve = _far_curve(start, end)
                axes.add_patch(
                    FancyArrowPatch(path=curve, color="#6d7f8e", zorder=3, alpha=0.75, **arrow)
                )


def _level_curve(start: tuple[float, float], end: tuple[float, float]) -> Curve:
    """From one side to another, leaving and arriving level."""
    bend = (start[0] - end[0]) / 2
    points = [start, (start[0] - bend, start[1]), (end[0] + bend, end[1]), end]
    return Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])


def _far_curve(start: Box, end: Box) -> Curve:
    """Between services of two sites: from edge to facing edge, upright where one is above."""
    (x0, y0), (x1, y1) = start.middle, end.middle
    if start.y > end.top or end.y > start.top:
        y0, y1 = (start.y, end.top) if y0 > y1 else (start.top, end.y)
        middle = (y0 + y1) / 2
        points = [(x0, y0), (x0, middle), (x1, middle), (x1, y1)]
    else:
        x0, x1 = (start.x, end.right) if x0 > x1 else (start.right, end.x)
        middle = (x0 + x1) / 2
        points = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
    return Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])


def _recovery_flows(estate: Estate) -> Iterator[_Flow]:
    """By pair of sites, how many services may move; one arrow each keeps the picture readable."""
    counts: dict[tuple[str, str], int] = {}
    for service in estate.services:
        for target in estate.candidates(service):
            pair = service.site, target.name
            counts[pair] = counts.get(pair, 0) + 1
    return (_Flow(*pair, count) for pair, count in counts.items())


def _flows(axes: Any, estate: Estate, layout: Layout) -> None:
    flows = list(_recovery_flows(estate))
    ends = _anchors(flows, layout)
    for index, flow in enumerate(flows):
        start, end = ends[index, "out"], ends[index, "in"]
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>,head_length=6,head_width=3",
                shrinkA=2,
                shrinkB=2,
                color=RECOVERY,
                linewidth=1.2 + 0.3 * min(flow.services, 6),
                linestyle=(0, (3.2, 1.6)),
                zorder=4,
            )
        )
        # Off the middle, so that the labels of arrows that cross do not meet.
        x, y = (start[0] * 0.58 + end[0] * 0.42, start[1] * 0.58 + end[1] * 0.42)
        _text(
            axes,
            x,
            y,
            str(flow.services),
            ha="center",
            fontsize=7.5,
            weight="bold",
            color=RECOVERY,
            bbox={"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": RECOVERY},
            zorder=8,
        )


def _anchors(flows: list[_Flow], layout: Layout) -> dict[tuple[int, str], tuple[float, float]]:
    """Where each arrow leaves and arrives: spread over the facing sides, in an order that avoids
    crossings."""
    sides: dict[tuple[str, str], list[tuple[float, int, str]]] = {}
    for index, flow in enumerate(flows):
        source, target = layout.sites[flow.source], layout.sites[flow.target]
        for box, other, name, end in (
            (source, target, flow.source, "out"),
            (target, source, flow.target, "in"),
        ):
            side = _facing(box, other)
            along = other.middle[0] if side in ("top", "bottom") else other.middle[1]
            # Of two opposite arrows the same one must come first at both of their ends.
            nudge = 0.01 if flow.source < flow.target else -0.01
            sides.setdefault((name, side), []).append((along + nudge, index, end))
    points: dict[tuple[int, str], tuple[float, float]] = {}
    for (name, side), arrivals in sides.items():
        box = layout.sites[name]
        for place, (_, index, end) in enumerate(sorted(arrivals), start=1):
            share = place / (len(arrivals) + 1)
            points[index, end] = {
                "top": (box.x + share * box.width, box.top),
                "bottom": (box.x + share * box.width, box.y),
                "left": (box.x, box.y + share * box.height),
                "right": (box.right, box.y + share * box.height),
            }[side]
    return points


def _facing(box: Box, other: Box) -> str:
    """The side of `box` that looks at `other`."""
    if other.y >= box.top:
        return "top"
    if other.top <= box.y:
        return "bottom"
    return "right" if other.x >= box.right else "left"


def _title(axes: Any, estate: Estate, top: float) -> None:
    sites, services = len(estate.sites), len(estate.services)
    counts = f"{sites} site{'s' * (sites != 1)} · {services} service{'s' * (services != 1)}"
    _text(axes, 0, top + 0.72, estate.name, fontsize=17, weight="bold")
    _text(axes, 0, top + 0.38, counts, fontsize=9.5, color="#5b6b78")


def _legend(axes: Any, estate: Estate, centre: float) -> None:
    last = len(TIER_COLOURS) - 1
    tiers = sorted({min(service.tier, last) for service in estate.services})
    handles: list[Patch | Line2D] = [
        Patch(color=TIER_COLOURS[tier], label=f"tier {tier}" + (" and up" if tier == last else ""))
        for tier in tiers
    ]
    handles += [
        Line2D([], [], color="#6d7f8e", linewidth=1.3, marker="<", markersize=4, markevery=(0, 2),
               label="depends on"),
        Line2D([], [], color=RECOVERY, linewidth=1.8, linestyle=(0, (3.2, 1.6)),
               label="may recover at (number of services)"),
    ]  # fmt: skip
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(centre, -0.12),
        bbox_transform=axes.transData,
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        columnspacing=1.8,
    )
