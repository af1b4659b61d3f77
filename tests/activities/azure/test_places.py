"""Where a profile's endpoints should stand."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.activities.azure.places import Endpoints, prioritised, weighted
from holdfast.activities.azure.profile import Endpoint

NAMES = ["a", "b", "c", "d"]


def endpoint(name: str, priority: int | None, status: str = "Enabled") -> Endpoint:
    return Endpoint(name, "externalEndpoints", status, priority, 1)


@st.composite
def profiles(draw: st.DrawFn) -> Endpoints:
    names = NAMES[: draw(st.integers(1, 4))]
    status = st.sampled_from(["Enabled", "Disabled"])
    priority = st.none() | st.integers(1, 1000)
    return {name: endpoint(name, draw(priority), draw(status)) for name in names}


@given(profiles(), st.data())
def test_the_preferred_comes_first_and_priorities_are_unique(
    places: Endpoints, data: st.DataObject
) -> None:
    preferred = data.draw(st.sampled_from(sorted(places)))
    wanted = prioritised(places, preferred)
    values = [each.priority for each in wanted.values()]
    assert None not in values
    assert len(set(values)) == len(values)
    assert wanted[preferred].priority == min(value for value in values if value is not None)
    assert wanted[preferred].status == "Enabled"


@given(profiles(), st.data())
def test_to_prefer_again_changes_nothing(places: Endpoints, data: st.DataObject) -> None:
    preferred = data.draw(st.sampled_from(sorted(places)))
    wanted = prioritised(places, preferred)
    assert prioritised(wanted, preferred) == wanted


def test_the_others_keep_their_order_and_the_priorities_in_use() -> None:
    places = {
        name: endpoint(name, value) for name, value in zip(NAMES, (10, 20, 30, 40), strict=True)
    }
    wanted = prioritised(places, "c")
    assert {name: each.priority for name, each in wanted.items()} == {
        "c": 10,
        "a": 20,
        "b": 30,
        "d": 40,
    }


def test_all_weight_goes_to_the_preferred() -> None:
    wanted = weighted({"a": endpoint("a", 1), "b": endpoint("b", 2, "Disabled")}, "b")
    assert {name: each.weight for name, each in wanted.items()} == {"a": 1, "b": 1000}
    assert wanted["b"].status == "Enabled"
