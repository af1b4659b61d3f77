"""When two names are one person's, however they are spelt."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflows.consent.identity import identity, same_person


@pytest.mark.parametrize(
    "spelling",
    [
        "ana souza",
        "ANA SOUZA",
        "  Ana \t Souza ",
        "Ana\u00a0Souza",
        "\uff21\uff4e\uff41 Souza",
        "A\u200bna Sou\u00adza",
        "\u202eAna Souza\u202c",
        "Ana\ufe0f Souza",
        "Ana\u3164 \u034fSouza",
    ],
    ids=ascii,
)
def test_a_person_stays_the_same_in_another_spelling(spelling: str) -> None:
    assert same_person(spelling, "Ana Souza")


@pytest.mark.parametrize(
    ("one", "other"),
    [("José", "Jose\u0301"), ("Straße", "STRASSE"), ("ſam", "Sam"), ("\u1fb3", "\u03b1\u03b9")],
)
def test_accents_and_cases_of_any_script_are_one_person_s(one: str, other: str) -> None:
    assert same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("ana", "anna"), ("José", "Jose"), ("ana b", "anab"), ("ana", "ana@x.com")]
)
def test_different_letters_are_different_people(one: str, other: str) -> None:
    assert not same_person(one, other)


def test_a_name_of_characters_that_do_not_show_names_nobody() -> None:
    assert identity("\u200b \u3164\ufe0f\u00ad") == ""


@given(st.text())
def test_an_identity_is_its_own(name: str) -> None:
    assert identity(identity(name)) == identity(name)


@given(st.text(st.characters(max_codepoint=0x7F)), st.sampled_from([str.upper, str.title]))
def test_no_capitals_make_somebody_else(name: str, spelt: Callable[[str], str]) -> None:
    assert same_person(name, spelt(name))
