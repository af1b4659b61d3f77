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
    if story.approval is not None and story.graph is not None:
        lines.append(f"\nPlan `{story.graph.plan.hash[:12]}`: {story.approval.sentence}.")
    if story.prediction:
        lines.append(f"\n{story.prediction}")
    for left in story.graph.plan.left_out if story.graph else ():
        lines.append(f"\n**Left out** {left.service} (tier {left.tier}): {left.sentence}")
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
        for step, run in story.saga.source.unfenced.items():
            if run.step.service in story.saga.rollback.services:
                continue
            lines.append(f"\n**Not fenced** {step}: fenced when its site is back")
        for residue in story.saga.rollback.residue:
            lines.append(f"\n**Residue** {residue.step}: {residue.reason}\n`{residue.command}`")
    return "\n".join(lines)
