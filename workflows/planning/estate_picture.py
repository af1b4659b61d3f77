"""Paints the picture of an estate with matplotlib, which is imported here and nowhere else."""

import warnings
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from ..model.estate import Estate, Service, Site
from ..model.scalars import format_duration
from .estate_arrows import (
    DEPENDENCY,
    RECOVERY,
    RECOVERY_DASHES,
    paint_dependencies,
    paint_recoveries,
)
from .estate_layout import Box, Layout, lay_out

TIER_COLOURS: Final = ("#b3261e", "#c96a12", "#2b6a99", "#5b6b78")
"""From the most critical tier; the last stands for all that follow. White text reads on each."""
INK: Final = "#22303c"
PANEL: Final = "#eef2f5"
FAINT: Final = "#8795a1"
MARGIN: Final = 0.45
HEADER: Final = 0.95
FOOTER: Final = 0.6
DOTS_PER_INCH: Final = 150
MAX_PIXELS: Final = 16_000


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
        paint_recoveries(axes, estate, layout)
        paint_dependencies(axes, estate, layout)
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
        _rounded(axes, box, 0.12, facecolor=PANEL, edgecolor="none", zorder=0)
        _text(
            axes,
            box.x + 0.22,
            box.top - 0.26,
            _cut(name, box.width - 0.4, 0.09),
            fontsize=9.5,
            color="#5b6b78",
            bbox={"boxstyle": "square,pad=0.15", "facecolor": PANEL, "edgecolor": "none"},
            zorder=5,
        )
    for site in estate.sites:
        box = layout.sites[site.name]
        _rounded(axes, box, 0.1, facecolor="white", edgecolor="#b9c4cd", linewidth=1.1, zorder=2)
        name = _cut(site.name, box.width - 0.4, 0.105)
        _text(axes, box.x + 0.22, box.top - 0.24, name, fontsize=11, weight="bold", zorder=4)
        details = _site_details(site, int((box.width - 0.4) / 0.062))
        _text(axes, box.x + 0.22, box.top - 0.45, details, fontsize=7.5, color=FAINT, zorder=4)
        if not estate.services_at(site.name):
            x, y = box.middle
            idle = {"ha": "center", "fontsize": 8, "style": "italic", "color": FAINT, "zorder": 4}
            _text(axes, x, y - 0.25, "no service of its own", **idle)


def _site_details(site: Site, room: int) -> str:
    """Jurisdiction, zone and capacity, as much as there is room for."""
    parts = [site.jurisdiction, f"zone {site.zone}" if site.zone else None]
    parts += [f"{amount} {resource}" for resource, amount in site.capacity.items()]
    text = ""
    for part in filter(None, parts):
        longer = f"{text} · {part}" if text else part
        text = longer if len(longer) <= room else text
    return text


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
        Line2D([], [], color=DEPENDENCY, linewidth=1.3, marker="<", markersize=4, markevery=(0, 2),
               label="depends on"),
        Line2D([], [], color=RECOVERY, linewidth=1.8, linestyle=RECOVERY_DASHES,
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
