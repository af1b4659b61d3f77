"""Verdicts: which is worse, how many reasons are kept, and what age does to them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ..model.readiness import EstateReadiness, SiteReadiness
from ..model.scalars import format_duration
from ..model.step import Qualification

WORST_FIRST = (
    Qualification.NOT_QUALIFIED,
    Qualification.UNKNOWN,
    Qualification.QUALIFIED,
    Qualification.EXCLUDED,
)
GOOD = frozenset({Qualification.QUALIFIED, Qualification.EXCLUDED})
LONGEST_SENTENCE = 200
"""Characters; what is longer is cut where a thousand sites are kept."""

Reason = tuple[Qualification, str]


def worst(verdicts: Iterable[Qualification]) -> Qualification:
    """The worst of them; of none, that there is nothing to judge."""
    return min(verdicts, key=WORST_FIRST.index, default=Qualification.EXCLUDED)


def worst_first(reasons: Iterable[Reason]) -> list[str]:
    """The sentences, those of the worst verdicts first, each once."""
    ordered = sorted(reasons, key=lambda reason: WORST_FIRST.index(reason[0]))
    return list(dict.fromkeys(sentence for _, sentence in ordered))


def kept(sentences: Sequence[str], most: int) -> tuple[str, ...]:
    """The first few, cut to length."""
    return tuple(_cut(sentence) for sentence in sentences[:most])


def read_at(found: EstateReadiness, now: datetime) -> EstateReadiness:
    """An estate's readiness as it counts at a time: a verdict that is too old is unknown then."""
    limit = timedelta(seconds=found.stale_after_s)
    sites = [_aged(site, now, limit) for site in found.sites]
    sites.sort(key=lambda site: WORST_FIRST.index(site.verdict))
    verdict = worst(site.verdict for site in sites)
    return found.model_copy(
        update={"sites": tuple(sites), "verdict": verdict, "sentence": summary(sites)}
    )


def summary(sites: Sequence[SiteReadiness]) -> str:
    """How many sites have which verdict, in one sentence."""
    counts = [
        f"{count} {verdict}"
        for verdict in WORST_FIRST
        if (count := sum(site.verdict is verdict for site in sites))
    ]
    return f"{len(sites)} site{'' if len(sites) == 1 else 's'}: {', '.join(counts) or 'none'}"


def _aged(site: SiteReadiness, now: datetime, limit: timedelta) -> SiteReadiness:
    age = now - site.observed_at
    if age <= limit or site.verdict is Qualification.UNKNOWN:
        return site
    old = timedelta(minutes=age // timedelta(minutes=1)) or timedelta(seconds=int(age.seconds))
    was = f"was {site.verdict} {format_duration(old)} ago, and that is too old; evaluate it again"
    return site.model_copy(
        update={"verdict": Qualification.UNKNOWN, "reasons": (was, *site.reasons)}
    )


def _cut(sentence: str) -> str:
    plain = " ".join(sentence.split())
    return plain if len(plain) <= LONGEST_SENTENCE else plain[: LONGEST_SENTENCE - 1] + "…"
