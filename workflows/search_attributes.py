"""The search attributes by which recoveries are found."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from .model.recovery import Phase, RecoveryRequest

ESTATE = SearchAttributeKey.for_keyword("HoldfastEstate")
SITE = SearchAttributeKey.for_keyword("HoldfastSite")
PHASE = SearchAttributeKey.for_keyword("HoldfastPhase")
MODE = SearchAttributeKey.for_keyword("HoldfastMode")
OUTCOME = SearchAttributeKey.for_keyword("HoldfastOutcome")
RTO_SECONDS = SearchAttributeKey.for_int("HoldfastRtoSeconds")
"""The tightest recovery time objective of the plan."""


def at_start(request: RecoveryRequest) -> TypedSearchAttributes:
    """By what a recovery is found before any worker has taken it up."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ESTATE, request.estate.name),
            SearchAttributePair(SITE, request.site),
            SearchAttributePair(MODE, request.mode.value),
            SearchAttributePair(PHASE, Phase.ASSESSING.value),
        ]
    )


SEARCH_ATTRIBUTES = (ESTATE, SITE, PHASE, MODE, OUTCOME, RTO_SECONDS)
