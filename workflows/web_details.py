"""The run as Markdown, for its page in Temporal's Web UI."""

from .model.scalars import format_duration
from .story import Story

MOST_ROWS = 60
"""Services in the table; the rest is counted. It is made anew at every turn of the run."""


def details(story: Story) -> str:
    """The run as Markdown, for Temporal's Web UI."""
    _, waits_for = story.progress()
    lines = [
        f"**{story.phase.replace('_', ' ')}** · {story.last_sentence}",
        "",
        f"Waits for: {waits_for}.",
    ]
    for refusal in story.refusals:
        lines.append(f"- {refusal}")
    if story.graph and story.saga:
        lines += ["", "| service | tier | to | state | RTO |", "|---|---|---|---|---|"]
        rows = list(story.graph.services.values())
        for service in rows[:MOST_ROWS]:
            outcome = story.service_outcome(service.name)
            rto = format_duration(service.rto) if service.rto else "–"
            lines.append(
                f"| {service.name} | {service.tier} | {service.target} | {outcome} | {rto} |"
            )
        if len(rows) > MOST_ROWS:
            lines.append(f"\n… and {len(rows) - MOST_ROWS} more services")
        for residue in story.saga.rollback.residue:
            lines.append(f"\n**Residue** {residue.step}: {residue.reason}\n`{residue.command}`")
    return "\n".join(lines)
