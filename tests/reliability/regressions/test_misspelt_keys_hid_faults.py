"""One misspelt key in an estate file hid every other fault of it: they came one by one."""

from pathlib import Path

from reliability.terrain import EXAMPLES

from support.shell import Shell


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    text = (EXAMPLES / "minimal.yaml").read_text()
    faulty = text.replace("tier: 0", "teir: 0").replace("needs: [scale-up]", "needs: [nothing]")
    estate.write_text(faulty)

    done = Shell().run("estate", "validate", str(estate))

    assert done.returncode == 2
    assert "teir" in done.stdout
    assert "nothing" in done.stdout
