"""The search attributes by which recoveries are found."""

from temporalio.common import SearchAttributeKey

ESTATE = SearchAttributeKey.for_keyword("HoldfastEstate")
SITE = SearchAttributeKey.for_keyword("HoldfastSite")
PHASE = SearchAttributeKey.for_keyword("HoldfastPhase")
MODE = SearchAttributeKey.for_keyword("HoldfastMode")
OUTCOME = SearchAttributeKey.for_keyword("HoldfastOutcome")
RTO_SECONDS = SearchAttributeKey.for_int("HoldfastRtoSeconds")
"""The tightest recovery time objective of the plan."""

SEARCH_ATTRIBUTES = (ESTATE, SITE, PHASE, MODE, OUTCOME, RTO_SECONDS)
