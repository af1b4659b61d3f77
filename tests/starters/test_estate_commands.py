"""The command line's frame, and `holdfast estate …`, as a shell sees them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
ACME = EXAMPLES / "acme-manufacturing.yaml"
COMMAND = (sys.executable, "-c", "from holdfast.starters.cli import run; run()")


def holdfast(
    *arguments: str | Path, stdin: bytes = b"", code: str | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-c", code) if code else COMMAND
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HOLDFAST_")}
    return subprocess.run(
        [*command, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=60,
        env=clean | environment,
        check=False,
    )


def command_that(body: str) -> str:
    """A program whose only command is `boom`, with this body."""
    return (
        "import sys, types, typer\n"
        "from holdfast.starters.cli import app\n"
        "from holdfast.starters.cli.console import CommandFailed, ExitCode\n"
        f"def boom() -> None:\n    {body}\n"
        "module = types.ModuleType('boom'); module.boom = boom\n"
        "sys.modules['holdfast.starters.cli.boom'] = module\n"
        "app.COMMANDS['boom'] = app.Row('boom', 'boom', 'Break.')\n"
        "app.run()\n"
    )


def hesitant(folder: Path) -> Path:
    """A valid file whose hold-down is longer than any objective."""
    file = folder / "hesitant.yaml"
    file.write_text(ACME.read_text().replace("\npolicy:\n", "\npolicy:\n  holddown: 1h\n"))
    return file


def test_a_valid_file_is_summed_up_with_what_looks_like_a_mistake(tmp_path: Path) -> None:
    done = holdfast("estate", "validate", hesitant(tmp_path))

    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert "hesitant.yaml: valid: 4 sites, 12 services, " in lines[0]
    assert all(line.startswith("note: ") for line in lines[1:])
    assert any("policy.holddown of 1h" in line for line in lines)


def test_json_of_a_valid_file_is_one_object_and_notices_go_to_stderr(tmp_path: Path) -> None:
    done = holdfast("estate", "validate", hesitant(tmp_path), "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"valid": True, "errors": []}
    assert b"policy.holddown of 1h" in done.stderr


def test_faults_are_printed_as_a_compiler_would_and_the_code_is_2(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        ACME.read_text().replace("replicas: 3", "replicas: -3").replace("tier:", "tir:")
    )

    done = holdfast("estate", "validate", file)

    lines = done.stdout.decode().splitlines()
    assert done.returncode == 2
    line = file.read_text().split("tir:")[0].count("\n") + 1
    assert f"{file}:{line}: services[0].tir: unknown key 'tir'; did you mean 'tier'?" in lines
    assert any(".with.replicas: " in line for line in lines)
    assert lines[-1].endswith("faults; nothing starts from this file.")


def test_json_of_an_invalid_file_lists_file_line_path_and_message() -> None:
    done = holdfast(
        "estate", "validate", "-", "--json", stdin=b"apiVersion: holdfast.dev/v1\nkind: 3"
    )

    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert answer["valid"] is False
    assert answer["errors"][-1] == {
        "file": "<stdin>",
        "line": 2,
        "path": "kind",
        "message": "must be Estate, not 3",
    }


@pytest.mark.parametrize(
    ("file", "reason"),
    [("nowhere.yaml", "No such file or directory"), ("/", "Is a directory")],
)
def test_a_file_that_cannot_be_read_is_a_fault_as_well(file: str, reason: str) -> None:
    done = holdfast("estate", "validate", file, "--json")

    assert done.returncode == 2
    assert json.loads(done.stdout) == {
        "valid": False,
        "errors": [{"file": file, "line": 1, "path": "", "message": f"cannot be read: {reason}"}],
    }


def test_a_device_that_never_ends_is_not_read_to_its_end() -> None:
    done = holdfast("estate", "validate", "/dev/zero", "--json")

    assert "larger than 16 MiB" in json.loads(done.stdout)["errors"][0]["message"]


def test_what_a_file_holds_cannot_steer_the_terminal() -> None:
    done = holdfast("estate", "validate", "-", stdin=b'"\\e[2J\\u202e": 1\napiVersion: "\\e[31m"\n')

    assert done.returncode == 2
    assert b"\x1b" not in done.stdout
    assert "\u202e" not in done.stdout.decode()


def test_the_schema_is_printed_as_json() -> None:
    done = holdfast("estate", "schema")

    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "Holdfast estate"


def test_the_graph_is_printed_as_mermaid_or_written_to_a_file(tmp_path: Path) -> None:
    printed = holdfast("estate", "graph", ACME)
    written = holdfast("estate", "graph", ACME, "--output", tmp_path / "acme.mmd")

    assert printed.stdout.startswith(b"flowchart LR\n")
    assert written.returncode == 0
    assert (tmp_path / "acme.mmd").read_bytes() == printed.stdout


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("acme.pdf", 2, "end the name in .svg, .png or .mmd"),
        ("/nowhere/acme.mmd", 1, "cannot be written: No such file or directory"),
    ],
)
def test_a_graph_that_cannot_be_written_says_why(output: str, code: int, message: str) -> None:
    done = holdfast("estate", "graph", ACME, "--output", output)

    assert done.returncode == code
    assert message in done.stderr.decode()


def test_another_command_stops_at_an_invalid_file_with_its_faults_on_stderr() -> None:
    done = holdfast("estate", "graph", "-", stdin=b"kind: Estate")

    assert done.returncode == 2
    assert done.stdout == b""
    assert b"<stdin>:1: apiVersion: the key 'apiVersion' is missing" in done.stderr


def test_help_lists_every_command_without_importing_what_is_heavy() -> None:
    code = (
        "import os, sys\n"
        "from holdfast.starters.cli import app\n"
        "exit_now, os._exit = os._exit, lambda code: None\n"
        "app.run()\n"
        "heavy = {'temporalio', 'kubernetes', 'pydantic', 'rich', 'httpx', 'yaml'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)), flush=True)\n"
        "exit_now(0)\n"
    )
    done = holdfast("--help", code=code)

    assert b"  estate " in done.stdout
    assert b"heavy: []" in done.stdout


def test_the_version_is_printed() -> None:
    assert holdfast("--version").stdout.startswith(b"holdfast 0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("estat",), "Did you mean 'estate'"),
        (("estate", "valdate"), "Did you mean 'validate'?"),
        (("estate", "validate"), "Missing argument 'FILE'"),
        (("estate", "schema", "--colour"), "No such option"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = holdfast(*arguments)

    assert done.returncode == 2
    assert message in done.stderr.decode()


def test_a_shell_is_completed_without_the_commands_being_imported() -> None:
    done = holdfast(
        code="import sys; sys.argv[0] = 'holdfast'\nfrom holdfast.starters.cli import run; run()",
        _HOLDFAST_COMPLETE="complete_bash",
        COMP_WORDS="holdfast estate ",
        COMP_CWORD="2",
    )

    assert done.stdout.decode().split() == ["validate", "schema", "graph"]


@pytest.mark.parametrize(
    ("body", "code", "stderr"),
    [
        ("raise CommandFailed('no way', ExitCode.UNREACHABLE)", 4, "holdfast: no way\n"),
        ("raise typer.Exit(ExitCode.HELD)", 3, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("raise BrokenPipeError(32, 'Broken pipe')", 1, ""),
        (
            "raise KeyError('a\\x1bb')",
            1,
            "holdfast: unexpected KeyError: 'a\\x1bb' (HOLDFAST_DEBUG=1 shows where)\n",
        ),
    ],
)
def test_however_a_command_ends_the_code_tells(body: str, code: int, stderr: str) -> None:
    done = holdfast("boom", code=command_that(body))

    assert (done.returncode, done.stderr.decode()) == (code, stderr)


def test_a_developer_gets_the_traceback() -> None:
    done = holdfast("boom", code=command_that("raise KeyError('x')"), HOLDFAST_DEBUG="1")

    assert done.returncode == 1
    assert b"Traceback (most recent call last)" in done.stderr


def test_a_reader_that_goes_away_is_no_crash() -> None:
    with subprocess.Popen(
        [*COMMAND, "estate", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    body = "print('here', flush=True); import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", command_that(body), "boom"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)

    assert process.returncode == 130
    assert b"Traceback" not in stderr


def test_nothing_runs_after_the_exit_code_is_decided() -> None:
    code = (
        "import atexit, os\natexit.register(lambda: os._exit(99))\n"
        "from holdfast.starters.cli import run\nrun()\n"
    )

    assert holdfast("--version", code=code).returncode == 0
