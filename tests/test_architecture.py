"""The house's own laws, as far as no linter knows them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("workflows", "activities", "workers", "starters", "deploy")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
LONGEST_MODULE = 300
NAMES_THAT_TEACH_NOTHING = {"utils", "util", "helpers", "helper", "manager", "base", "common"}
BANNED_IN_WORKFLOWS = re.compile(
    r"asyncio\.(wait|wait_for|timeout|TaskGroup|as_completed|to_thread)\b"
    r"|datetime\.(now|utcnow|today)\b|\btime\.(time|monotonic|sleep)\b|\brandom\.|\buuid\.uuid"
    r"|\bos\.environ\b|\bopen\("
)


def test_no_module_is_longer_than_can_be_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in MODULES
        if (length := len(path.read_text().splitlines())) > LONGEST_MODULE
    }
    assert long == {}


def test_every_name_teaches_something() -> None:
    assert not {path.stem for path in MODULES} & NAMES_THAT_TEACH_NOTHING
    assert not {path.parent.name for path in MODULES} & NAMES_THAT_TEACH_NOTHING


def test_every_module_says_what_it_promises() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "workflows").rglob("*.py")), ids=lambda path: path.stem
)
def test_workflows_hold_no_clock_no_chance_no_outside_world(path: Path) -> None:
    found = [line for line in path.read_text().splitlines() if BANNED_IN_WORKFLOWS.search(line)]
    assert found == []


def test_every_top_level_folder_says_what_lives_there() -> None:
    for folder in (*FOLDERS, "tests"):
        text = (ROOT / folder / "README.md").read_text()
        assert "What may not" in text, f"{folder}/README.md"


def test_a_decision_fits_on_a_page() -> None:
    for page in (ROOT / "deploy" / "decisions").glob("*.md"):
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
        assert len(page.read_text().splitlines()) <= 30, page.name
