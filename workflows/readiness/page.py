"""An estate's readiness as Markdown, for Temporal's Web UI."""

from ..model.readiness import EstateReadiness
from ..model.step import Qualification

MOST_LINES = 20


def page(found: EstateReadiness) -> str:
    """How the estate stands; the worst sites with their first reason."""
    running = f"evaluating: {found.done} of {found.total} sites\n\n" if found.running else ""
    every = f"\n\nEvaluated every {found.every_s:.0f} s" if found.every_s else ""
    bad = (Qualification.NOT_QUALIFIED, Qualification.UNKNOWN)
    worst = [site for site in found.sites if site.verdict in bad]
    lines = [
        f"| {site.site} | {site.verdict} | {_cell(site.reasons[0] if site.reasons else '')} |"
        for site in worst[:MOST_LINES]
    ]
    table = ["| site | verdict | because |", "|---|---|---|", *lines] if lines else []
    more = f"\n\n{len(worst) - MOST_LINES} more" if len(worst) > MOST_LINES else ""
    return f"{running}**{found.verdict}**: {found.sentence}{every}\n\n" + "\n".join(table) + more


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
