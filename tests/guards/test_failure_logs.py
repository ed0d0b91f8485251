"""A failure can be understood from what the run prints of it, where nobody can look at the machine."""

from pathlib import Path

from pytest_within import run_pytest

TESTS = """\
import os
import subprocess


def log(folder, line):
    with (folder / "gateway.log").open("a") as file:
        file.write(f"{line}\\n")


def test_that_passes(tmp_path):
    log(tmp_path, "a line of what passed")
    os.utime(tmp_path / "gateway.log", (0, 0))


def test_that_fails(tmp_path):
    log(tmp_path, "a line of what failed")
    raise AssertionError


def test_that_waits():
    command = ["sh", "-c", "echo a word of what hangs; echo and another >&2; exec sleep 60"]
    subprocess.run(command, capture_output=True, text=True, timeout=1)
"""


def test_what_the_processes_of_a_failed_test_said_is_printed(tmp_path: Path) -> None:
    """The logs that were written while it ran, and the output of a process that did not end in time."""
    done = run_pytest(tmp_path, TESTS, "failure_logs", f"--basetemp={tmp_path}/base")
    assert "2 failed, 1 passed" in done.stdout
    assert "test_that_fails0/gateway.log" in done.stdout
    assert "a line of what failed" in done.stdout
    assert "a line of what passed" not in done.stdout
    for said in ("\na word of what hangs\n", "\nand another\n"):
        assert said in done.stdout
