"""The graph of an estate: as Mermaid text, or as a picture where matplotlib is installed."""

from pathlib import Path
from typing import Final

from ..model.estate import Estate, Service

DRAWN: Final = (".svg", ".png")
"""The suffixes that `draw` knows."""

_TIER_CLASSES: Final = (
    "classDef tier0 fill:#b3261e,stroke:#7d1a15,color:#fff",
    "classDef tier1 fill:#c96a12,stroke:#8d4a0c,color:#fff",
    "classDef tier2 fill:#2b6a99,stroke:#1e4a6b,color:#fff",
    "classDef tier3 fill:#5b6b78,stroke:#404b54,color:#fff",
)


class DrawingUnavailable(Exception):
    """A picture was asked for, but what draws it is not installed."""


def mermaid(estate: Estate) -> str:
    """A Mermaid flowchart: sites with their services, a solid arrow from each service to what it
    depends on, a dashed one to each of its recovery sites, numbered where there are several."""
    site_ids = {site.name: f"site{index}" for index, site in enumerate(estate.sites)}
    ids = {service.name: f"service{index}" for index, service in enumerate(estate.services)}
    lines = ["flowchart LR"]
    for site in estate.sites:
        details = " · ".join(part for part in (site.region, site.jurisdiction) if part)
        label = f"{_escaped(site.name)}<br/>{_escaped(details)}"
        lines.append(f'  subgraph {site_ids[site.name]}["{label}"]')
        here = estate.services_at(site.name)
        lines += [f'    {ids[s.name]}["{_escaped(s.name)}"]:::{_tier(s)}' for s in here]
        if not here:
            # Mermaid leaves out a subgraph without a node, and the arrows to it.
            lines.append(f'    {site_ids[site.name]}_idle["no service"]:::idle')
        lines.append("  end")
    for service in estate.services:
        start = ids[service.name]
        lines += [f"  {start} --> {ids[need]}" for need in service.depends_on]
        targets = estate.candidates(service)
        for rank, target in enumerate(targets, start=1):
            label = f"|{rank}|" if len(targets) > 1 else ""
            lines.append(f"  {start} -.->{label} {site_ids[target.name]}")
    lines += [f"  {line}" for line in _TIER_CLASSES]
    lines.append("  classDef idle fill:none,stroke:none,color:#888")
    return "\n".join(lines)


def draw(estate: Estate, path: Path) -> None:
    """Write a picture of a valid estate; the suffix, `.svg` or `.png`, chooses the format.

    Raises:
        DrawingUnavailable: matplotlib is not installed.
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() not in DRAWN:
        raise ValueError(f"{path}: can draw {' and '.join(DRAWN)} only")
    try:
        from .estate_picture import paint
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("matplotlib"):
            raise
        raise DrawingUnavailable(
            "a picture needs matplotlib: pip install 'holdfast[graph]', or write Mermaid (.mmd)"
        ) from error
    paint(estate, path)


def _tier(service: Service) -> str:
    return f"tier{min(service.tier, len(_TIER_CLASSES) - 1)}"


def _escaped(text: str) -> str:
    """Text as a quoted Mermaid label takes it: no quotes, no markup, on one line."""
    special = '"#<>&`|\\{}[]();%'
    return "".join(
        f"#{ord(char)};" if char in special or not char.isprintable() else char for char in text
    )
