"""Keeps a returning site on standby: fences, whenever it comes back, what could not be fenced.

A recovery goes on without a site that does not answer, where its estate says that it may; and ends.
The site may come back weeks later, with everything it ran. This workflow waits for that moment.
"""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import mutation_options
    from .coordinator_link import CoordinatorLink
    from .failures import failure_of
    from .model.coordination import StandbyReached
    from .model.recovery import LogEntry
    from .model.standby import StandbyRequest, StandbyStatus, StandbyStep
    from .model.step import ApplyInput, Evidence, FencingToken, Observation, StepToProbe, Verb
    from .names import COORDINATOR_SAYS
    from .returning import AGAIN_AFTER_S, await_return
    from .saga.rollback import FENCED_OUT
    from .saga.source import has_no_proof
    from .search_attributes import ESTATE, SITE


@workflow.defn(name="StandbyGuard")
class StandbyGuard:
    """Fences the services of one site as they come back, under the epoch that replaced them."""

    @workflow.init
    def __init__(self, request: StandbyRequest) -> None:
        self._request = request
        self._sequence = request.sequence
        self._owed = {step.step: step for step in request.steps}
        self._fenced: list[str] = []
        self._superseded: list[str] = []
        self._log: list[LogEntry] = []
        self._link = CoordinatorLink(request.estate, f"{request.run}/standby")

    @workflow.run
    async def run(self, request: StandbyRequest) -> StandbyStatus:
        """Wait for the site and fence it; ends once nothing is owed."""
        workflow.upsert_search_attributes(
            [ESTATE.value_set(request.estate), SITE.value_set(request.site)]
        )
        self._say(f"{request.site} may still run {self._services()}: it is fenced when it is back")
        # What answers again is not to wait for what does not.
        fencing = [asyncio.create_task(self._fence(action)) for action in self._actions()]
        await workflow.wait_condition(lambda: not self._owed or self._long())
        if self._owed:
            for task in fencing:
                task.cancel()
            await asyncio.gather(*fencing, return_exceptions=True)
        if self._owed:
            steps = tuple(self._owed.values())
            workflow.continue_as_new(
                request.model_copy(update={"sequence": self._sequence, "steps": steps})
            )
        await asyncio.gather(*fencing)
        return self.status()

    def _long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    @workflow.signal(name=COORDINATOR_SAYS, description="What the estate's coordinator answered")
    def coordinator_says(self, says: Any) -> None:
        """Take the coordinator's word; nobody else sends this."""
        self._link.heard(says)

    @workflow.query(description="What is fenced, and what is still owed")
    def status(self) -> StandbyStatus:
        """How far the fencing is."""
        return StandbyStatus(
            estate=self._request.estate,
            site=self._request.site,
            owed=tuple(self._owed),
            fenced=tuple(self._fenced),
            superseded=tuple(self._superseded),
            log=tuple(self._log),
        )

    def _actions(self) -> list[str]:
        return list(dict.fromkeys(step.run for step in self._owed.values()))

    async def _fence(self, action: str) -> None:
        while owed := [step for step in self._owed.values() if step.run == action]:
            await self._fence_returned(action, owed)

    async def _fence_returned(self, action: str, owed: list[StandbyStep]) -> None:
        asked = tuple(
            StepToProbe(step=step.step, inputs=step.inputs, key=step.key) for step in owed
        )
        returned = await await_return(action, self._request.site, asked)
        results = await asyncio.gather(
            *(self._apply(self._owed[seen.step], seen) for seen in returned)
        )
        if not all(results):
            await workflow.sleep(AGAIN_AFTER_S, summary="before what failed is fenced again")

    async def _apply(self, step: StandbyStep, seen: Observation) -> bool:
        self._sequence += 1
        token = FencingToken(
            epoch=self._request.epoch,
            sequence=self._sequence,
            run=self._request.run,
            key=step.key,
        )
        wanted = ApplyInput(
            step=step.step,
            inputs=step.inputs,
            before_image=seen.before_image,
            token=token,
            timeout=step.timeout,
        )
        try:
            answer: Any = await workflow.execute_activity(
                f"{step.run}.{Verb.APPLY}",
                wanted,
                result_type=Any,
                summary=f"{step.service}: {self._request.site} is back, and stays on standby",
                **mutation_options(step.timeout),
            )
            evidence = Evidence.model_validate(answer)
        except ActivityError as error:
            failure = failure_of(error)
            if failure.kind == FENCED_OUT:
                self._superseded.append(step.step)
                return await self._settled(
                    step, f"{step.step} belongs to a newer recovery: {failure}"
                )
            self._say(f"{step.step} is not fenced yet, and is tried again: {failure}")
            return False
        except ValidationError as error:
            self._say(f"{step.step}: the answer cannot be read: {error.error_count()} faults")
            return False
        if has_no_proof(evidence):
            self._say(f"{step.step} is not fenced yet: {evidence.sentence}")
            return False
        self._fenced.append(step.step)
        return await self._settled(step, f"{step.step}: {evidence.sentence}")

    async def _settled(self, step: StandbyStep, sentence: str) -> bool:
        self._say(sentence)
        if not any(
            other.service == step.service and other is not step for other in self._owed.values()
        ):
            reached = StandbyReached(services=(step.service,), site=self._request.site)
            await self._link.standby(reached)
        del self._owed[step.step]
        return True

    def _services(self) -> str:
        return ", ".join(dict.fromkeys(step.service for step in self._owed.values()))

    def _say(self, sentence: str) -> None:
        workflow.logger.info(sentence)
        self._log.append(LogEntry(at=workflow.now(), sentence=sentence))
        workflow.set_current_details(
            f"{sentence}\n\nOwed: {', '.join(self._owed) or 'nothing more'}."
        )
