"""What an estate file may say today although nothing acts on it yet."""

from collections.abc import Iterable, Iterator

from ..model.estate import Estate
from ..model.policy import Approval


def notices(estate: Estate) -> tuple[str, ...]:
    """One sentence for each thing that is accepted but without effect, if the file sets it."""
    return (*_of_policy(estate), *_of_sites(estate), *_of_services(estate))


def _of_policy(estate: Estate) -> Iterator[str]:
    policy = estate.policy
    asked = {getattr(policy.approval, kind) for kind in policy.approval.model_fields_set}
    if asked - {Approval.NONE}:
        yield "policy.approval has no effect yet: a recovery starts without being approved."
    if policy.budget is not None:
        yield "policy.budget has no effect yet: any number of sites may be recovered at once."
    if policy.commit is not None:
        yield "policy.commit has no effect yet: a recovery that succeeds is final."
    if policy.cooldown is not None:
        yield "policy.cooldown has no effect yet: a site may be recovered again at once."


def _of_sites(estate: Estate) -> Iterator[str]:
    if named := _names(site.name for site in estate.sites if site.capacity):
        yield f"capacity has no effect yet: placement does not weigh it ({named})."
    if named := _names(site.name for site in estate.sites if site.task_queue is not None):
        yield f"task_queue has no effect yet: steps run on the common queue ({named})."


def _of_services(estate: Estate) -> Iterator[str]:
    services = estate.services
    if named := _names(service.name for service in services if service.demand):
        yield f"demand has no effect yet: placement does not weigh it ({named})."
    if named := _names(service.name for service in services if service.residency):
        yield f"residency has no effect yet beyond the check of recovery sites ({named})."
    if named := _names(s.name for s in services if "approach" in s.model_fields_set):
        yield f"approach has no effect yet: the recovery's steps alone say what is done ({named})."
    if named := _names(s.name for s in services if s.objectives.rpo is not None):
        yield f"objectives.rpo has no effect yet: recovery points are not measured ({named})."


def _names(found: Iterable[str], shown: int = 3) -> str:
    names = list(found)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
