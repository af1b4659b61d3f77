"""Where the Temporal server is found."""

from pathlib import Path

import pytest

from holdfast.deploy.embedded import temporal_server
from holdfast.deploy.embedded.temporal_server import NoTemporalServer, find_binary


def test_a_temporal_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "temporal"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_binary() == str(binary)


def test_the_packaged_server_is_found_without_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Path(find_binary()).name == "temporal"


def test_without_any_server_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(temporal_server, "_PACKAGE", "no-such-package")

    with pytest.raises(NoTemporalServer, match=r"install `holdfast\[embedded\]`"):
        find_binary()
