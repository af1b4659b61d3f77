"""The queries that tell how far a service's data is behind where it goes."""

from datetime import timedelta

from ..model.estate import Estate
from ..model.failback import ReplicationCheck, ReplicationChecks, ReplicationInput
from .templates import TemplateError, render_text

WITHOUT_OBJECTIVE = timedelta(minutes=1)
"""How far a copy may be behind whose service has no recovery point objective."""


def replication_checks(asked: ReplicationInput) -> ReplicationChecks:
    """The checks of the services asked for; templates that cannot be rendered count as none."""
    checks, without = [], []
    estate: Estate = asked.estate
    for name, (source, target) in asked.moves.items():
        service = estate.service(name)
        if service.replication is None:
            without.append(name)
            continue
        at, to = estate.site(source), estate.site(target)
        queries = service.replication
        try:
            lag = render_text(estate, service, queries.lag, at, to)
            divergence = queries.divergence and render_text(
                estate, service, queries.divergence, at, to
            )
        except TemplateError:
            without.append(name)
            continue
        checks.append(
            ReplicationCheck(
                service=name,
                source=source,
                target=target,
                lag=lag,
                within_s=(service.objectives.rpo or WITHOUT_OBJECTIVE).total_seconds(),
                divergence=divergence,
            )
        )
    return ReplicationChecks(checks=tuple(checks), without=tuple(without))
