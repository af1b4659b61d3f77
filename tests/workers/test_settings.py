"""What a worker is told: its queue, its actions, and whether it carries recoveries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workers.registry import ACTION_TYPES, Registry
from holdfast.workers.settings import Settings, SettingsInvalid
from support.shell import Shell

NAMES = sorted(action.name for action in ACTION_TYPES)


def registered(actions: str) -> list[str]:
    """The actions of a worker that is told this."""
    settings = Settings.from_environment({"HOLDFAST_ACTIONS": actions})
    return sorted(action.name for action in Registry.from_settings(settings).actions)


def test_a_worker_registers_every_action_unless_told_otherwise() -> None:
    settings = Settings.from_environment({})

    assert settings.workflows
    assert sorted(action.name for action in Registry.from_settings(settings).actions) == NAMES


def test_a_worker_registers_the_actions_that_it_is_to_have() -> None:
    assert registered("kubernetes.scale, http.*") == ["http.expect", "kubernetes.scale"]


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_actions_named_one_by_one_are_those_registered(names: set[str]) -> None:
    assert registered(",".join(sorted(names))) == sorted(names)


def test_only_what_the_actions_need_is_loaded_beforehand() -> None:
    settings = Settings.from_environment({"HOLDFAST_ACTIONS": "http.expect"})

    assert Registry.from_settings(settings).warmers == ()


@pytest.mark.parametrize(
    ("actions", "hint"),
    [
        ("kubernets.*", "kubernets.* fits no action; did you mean kubernetes.*?"),
        ("http.expct", "http.expct fits no action; did you mean http.expect?"),
        ("qqqq", "qqqq fits no action; known are kubernetes.scale"),
        (",", "names no action"),
    ],
)
def test_a_pattern_that_fits_no_action_is_refused_with_the_nearest(actions: str, hint: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        registered(actions)

    assert f"HOLDFAST_ACTIONS: {hint}" in str(refused.value)


def test_every_pattern_that_fits_nothing_is_named() -> None:
    with pytest.raises(SettingsInvalid, match=r"kubernets\.\*.*http\.expct"):
        registered("kubernets.*,http.expct")


def test_a_worker_process_with_an_action_that_there_is_not_exits_with_2() -> None:
    done = Shell().run("worker", "--actions", "kubernets.*")

    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean kubernetes.*?" in done.stderr
