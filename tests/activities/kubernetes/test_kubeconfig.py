"""Kubeconfig files, read as kubectl reads them."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.activities.kubernetes.kubeconfig import Kubeconfig
from holdfast.workflows.model.errors import InvalidInput


def document(*contexts: str, server: str = "https://one") -> dict[str, Any]:
    return {
        "clusters": [
            {"name": "c", "cluster": {"server": server, "certificate-authority": "pki/ca.crt"}}
        ],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
    }


def write(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_a_context_comes_alone_and_with_absolute_paths(tmp_path: Path) -> None:
    config = Kubeconfig(write(tmp_path / "config", document("lyon", "milan")))
    only = config.only("milan")
    assert [entry["name"] for entry in only["contexts"]] == ["milan"]
    assert only["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "pki/ca.crt")


def test_the_first_file_to_name_a_thing_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "a", document("lyon"))
    second = write(tmp_path / "b", document("lyon", "milan", server="https://two"))
    config = Kubeconfig(os.pathsep.join([first, second]))
    assert config.only("milan")["clusters"][0]["cluster"]["server"] == "https://one"


def test_a_context_added_later_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "config", document("lyon"))
    config = Kubeconfig(path)
    with pytest.raises(InvalidInput, match="it has: lyon"):
        config.only("milan")
    write(tmp_path / "config", document("lyon", "milan"))
    assert config.only("milan")


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", write(tmp_path / "config", document("lyon")))
    assert Kubeconfig(None).only("lyon")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no kubeconfig at .*gone; set KUBECONFIG"):
        Kubeconfig(str(tmp_path / "gone")).only("lyon")


@pytest.mark.parametrize(
    "text",
    ["token: [s3cret", "s3cret", "- s3cret", "contexts: s3cret", "contexts: [{}]", "\x00s3cret"],
)
def test_a_broken_file_is_named_without_its_secrets(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Kubeconfig(write(tmp_path / "config", text)).only("lyon")
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("section", ["clusters", "users"])
def test_a_context_that_names_what_is_not_there_is_refused(tmp_path: Path, section: str) -> None:
    broken = {**document("lyon"), section: []}
    with pytest.raises(InvalidInput, match="does not have"):
        Kubeconfig(write(tmp_path / "config", broken)).only("lyon")
