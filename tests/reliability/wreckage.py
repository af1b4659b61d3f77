"""Keeps what a broken run left, with the one command that runs it again."""

from pathlib import Path

from .findings import Failed, Lane


def replay_command(cell: str, seed: int) -> str:
    """The command that runs a cell again, from the root of the repository."""
    return f"PYTHONPATH=tests .venv/bin/python -m reliability --cell '{cell}' --seed {seed}"


def keep(out: Path, failed: Failed, number: int, lane: Lane, seed: int) -> Path:
    """Write a failure's evidence into a folder of its own, and return that."""
    folder = out / "failures" / f"{failed.cell.partition(':')[0]}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in failed.evidence.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "broken.txt").write_text("\n".join(failed.broken) + "\n")
    (folder / "cell.txt").write_text(f"{failed.cell}\nlane {lane}, seed {seed}\n")
    (folder / "replay.txt").write_text(replay_command(failed.cell, seed) + "\n")
    return folder
