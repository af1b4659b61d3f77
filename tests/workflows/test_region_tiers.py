"""In which order the sites of a region act."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflows.model.region import SiteProgress
from holdfast.workflows.region_tiers import RegionTiers


def tells(
    site: str, through: int, tiers: tuple[int, ...] = (0, 1), *, held: bool = False
) -> SiteProgress:
    return SiteProgress(site=site, tiers=tiers, through=through, held=held)


def test_no_tier_opens_before_every_site_that_is_coming_has_begun() -> None:
    tiers = RegionTiers()
    tiers.expects(["a", "b"])
    assert tiers.progressed(tells("a", -1)) == {}
    assert tiers.progressed(tells("b", -1)) == {"a": 0, "b": 0}
    assert tiers.news() == "tier 0 may act: a, b"


def test_the_next_tier_opens_once_every_site_is_through_this_one() -> None:
    tiers = RegionTiers()
    tiers.expects(["a", "b"])
    tiers.progressed(tells("a", -1))
    tiers.progressed(tells("b", -1))
    assert tiers.progressed(tells("a", 0)) == {}
    assert tiers.progressed(tells("b", 0)) == {"a": 1, "b": 1}


def test_a_site_that_waits_for_a_person_holds_up_nobody_and_catches_up_later() -> None:
    tiers = RegionTiers()
    tiers.expects(["a", "b"])
    tiers.progressed(tells("a", -1, (), held=True))
    assert tiers.progressed(tells("b", -1)) == {"b": 0}
    assert tiers.progressed(tells("b", 0)) == {"b": 1}
    assert tiers.progressed(tells("a", -1)) == {"a": 1}


def test_a_site_whose_recovery_is_over_is_waited_for_no_longer() -> None:
    tiers = RegionTiers()
    tiers.expects(["a", "b"])
    tiers.progressed(tells("a", -1))
    assert tiers.ended("b") == {"a": 0}


@given(st.data())
def test_no_site_acts_on_a_tier_before_every_other_is_through_the_ones_before(
    data: st.DataObject,
) -> None:
    sites = [f"s{number}" for number in range(data.draw(st.integers(1, 5)))]
    has = {site: tuple(sorted(data.draw(st.sets(st.integers(0, 4), min_size=1)))) for site in sites}
    tiers = RegionTiers()
    tiers.expects(sites)
    opened = dict.fromkeys(sites, -1)
    through = dict.fromkeys(sites, -1)
    inbox = [tells(site, -1, has[site]) for site in sites]
    while inbox:
        told = inbox.pop(data.draw(st.integers(0, len(inbox) - 1)))
        through[told.site] = told.through
        for site, tier in tiers.progressed(told).items():
            assert tier > opened[site]
            opened[site] = tier
            for other in sites:
                before = [each for each in has[other] if each < tier]
                assert all(each <= through[other] for each in before)
            inbox.append(tells(site, tier, has[site]))
    assert all(opened[site] >= max(has[site]) for site in sites)
