"""The unit, judged by systemd itself."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from deployment_tools import DEPLOY, assert_taken_by_serve

UNIT = DEPLOY / "systemd" / "pulumi-groq-gateway.service"
MOST_EXPOSED = 20
"""Of 100 in `systemd-analyze security`; a service without any hardening has 96."""


def analysed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    assert shutil.which("systemd-analyze"), "systemd-analyze is missing: make deployment-tools"
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a command that is there."""
    true = shutil.which("true")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/pulumi-groq/bin/pulumi-groq", str(true)))
    return path


def test_systemd_understands_every_line(unit: Path) -> None:
    """It says nothing at all of it."""
    done = analysed("verify", "--man=no", str(unit))
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    assert done.returncode == 0


def test_it_is_hardened(unit: Path) -> None:
    """By systemd's own measure."""
    done = analysed("security", "--no-pager", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit))
    assert done.returncode == 0, done.stdout


def test_it_has_time_to_stop_and_is_not_started_in_vain() -> None:
    """The drain is shorter than what systemd waits; a setting that cannot work stays a failure."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    service = parser["Service"]
    assert "--drain-seconds=30" in service["ExecStart"]
    assert_taken_by_serve(service["ExecStart"].split()[1:])
    assert int(service["TimeoutStopSec"]) > 30
    assert service["RestartPreventExitStatus"] == "2"
    # An option would count more than the operator's file, which systemd reads after this.
    assert service["Environment"] == "GROQ_GATEWAY_STORE=sqlite:////var/lib/pulumi-groq/gateway.db"
    assert "--store" not in service["ExecStart"]
