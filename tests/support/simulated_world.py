"""Resources in memory, guarded by the product's own fencing rule."""

from dataclasses import dataclass, field

from holdfast.activities.fencing import Admission, Mark, from_labels, judge, to_labels
from holdfast.workflows.model.errors import Conflict
from holdfast.workflows.model.step import FencingToken


@dataclass
class Resource:
    """What a step changes."""

    value: str = "before"
    mark: Mark | None = None


@dataclass(frozen=True)
class Change:
    """One entry of the journal: a resource really changed."""

    resource: str
    key: str
    sequence: int
    before: str
    after: str


@dataclass
class World:
    """All resources, guarded by the product's fencing rule in one conditional write."""

    fenced: bool = True
    resources: dict[str, Resource] = field(default_factory=dict)
    journal: list[Change] = field(default_factory=list)

    def apply(self, name: str, value: str, token: FencingToken, before: str) -> None:
        """Move a resource on from its before-image, or raise FencedOut or Conflict."""
        resource = self.resources[name]
        ours = resource.mark is not None and resource.mark.key == token.key
        if self.fenced and judge(resource.mark, token, name) is Admission.DONE:
            return
        if self.fenced and not ours and resource.value != before:
            raise Conflict(f"{name} is {resource.value}, not {before}")
        self._write(resource, name, value, token)

    def revert(
        self, name: str, before: str, token: FencingToken, apply_key: str, known: bool
    ) -> None:
        """Put a before-image back if the step was applied; else only raise the sequence."""
        resource = self.resources[name]
        if self.fenced and judge(resource.mark, token, name) is Admission.DONE:
            return
        mark = resource.mark
        if known or (mark is not None and mark.last_change in (apply_key, token.key)):
            self._write(resource, name, before, token)
        else:
            sealed = from_labels(to_labels(token, "", sealing=mark), "")
            resource.mark = sealed

    def _write(self, resource: Resource, name: str, value: str, token: FencingToken) -> None:
        if resource.value != value:
            self.journal.append(Change(name, token.key, token.sequence, resource.value, value))
        resource.value = value
        resource.mark = Mark(token.epoch, token.sequence, token.run, token.key)
