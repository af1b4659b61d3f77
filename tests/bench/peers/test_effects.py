"""What a kill cost is read from the lines that the steps wrote."""

from pathlib import Path

import pytest

from bench.peers.effects import aftermath, finished, read_effects

OLD, NEW = 100, 200
LINES = f"""begin a 0 {OLD} 1.0
end a 0 {OLD} 2.0
begin a 1 {OLD} 2.1
begin b 0 {OLD} 2.2
end b 0 {OLD} 2.9
begin b 0 {NEW} 5.0
begin a 1 {NEW} 5.5
end b 0 {NEW} 6.0
end a 1 {NEW} 6.5
begin a 2 {NEW} 6.6
end a 2 {NEW} 7.5
"""


def test_a_kill_is_judged_by_what_came_after_it(tmp_path: Path) -> None:
    file = tmp_path / "effects.txt"
    file.write_text(LINES)

    seen = aftermath(read_effects(file), killed_at_s=3.0, killed_pid=OLD)

    assert seen.taken_up_after_s == pytest.approx(2.0)
    assert seen.next_effect_after_s == pytest.approx(3.5)
    assert seen.end_s == pytest.approx(4.5)
    assert seen.finished == {("a", 0), ("b", 0)}
    assert (seen.in_flight, seen.twice) == (1, 1)


def test_a_run_that_nobody_took_up_is_no_aftermath(tmp_path: Path) -> None:
    file = tmp_path / "effects.txt"
    file.write_text("".join(LINES.splitlines(keepends=True)[:5]))

    with pytest.raises(ValueError, match="no step ended after the kill"):
        aftermath(read_effects(file), killed_at_s=3.0, killed_pid=OLD)


def test_a_half_written_line_and_what_came_before_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "effects.txt"
    first = f"end a 0 {OLD} 2.0\n"
    file.write_text(f"{first}end a 1 {OLD} 3.0\nend a 2 1")

    assert finished(read_effects(file, len(first))) == {("a", 1)}
    assert read_effects(tmp_path / "none.txt") == ()
