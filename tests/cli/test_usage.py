"""`pulumi-groq usage` and `report`: options, outputs, exit codes, and a clean end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from local_engine import Gateway
from patience import until
from played_history import END, played_gateway
from pulumi_groq.cli.main import commands
from pulumi_groq.models.admin_key import AdminKeyCreate

DEADLINE_S = 60


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """With weeks of traffic behind it."""
    gateway = played_gateway(tmp_path_factory.mktemp("usage"), scale=0.02)
    yield gateway
    gateway.stop()


def environment(gateway: Gateway) -> dict[str, str]:
    return {"GROQ_ADMIN_BASE_URL": gateway.base_url, "GROQ_ADMIN_KEY": gateway.admin_key}


def run(gateway: Gateway, *arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(commands, list(arguments), env=environment(gateway) | settings)


def first_cells(result: Result) -> list[str]:
    """The first words of the table's rows."""
    lines = [line.split() for line in result.stdout.splitlines()]
    rule = next(index for index, words in enumerate(lines) if words and words[0].startswith("─"))
    return [words[0] for words in lines[rule + 1 :] if words]


@pytest.mark.parametrize(
    ("by", "first", "last"),
    [
        ("key", "chatbot-prod", "total"),
        ("team", "chatbot", "total"),
        ("model", "llama-3.3-70b-versatile", "total"),
        ("day", "2026-11-01", "total"),
    ],
)
def test_a_table_by_anything(gateway: Gateway, by: str, first: str, last: str) -> None:
    """The dearest first, days in their order, the sum last."""
    gateway.control("clock", now=END.isoformat())  # it has gone on meanwhile
    result = run(gateway, "usage", "--by", by)
    assert result.exit_code == 0, result.output
    cells = first_cells(result)
    assert (cells[0], cells[-1]) == (first, last)
    assert result.stdout.startswith("2026-11, as of 2026-11-23 12:00 UTC: ")


def test_the_output_for_programs_agrees(gateway: Gateway) -> None:
    """JSON, CSV and Markdown hold the same rows."""
    document = json.loads(run(gateway, "usage", "--output", "json").stdout)
    lines = run(gateway, "usage", "--output", "csv").stdout.splitlines()
    table = run(gateway, "usage", "--output", "markdown").stdout
    names = [row["name"] for row in document["rows"]]
    assert [line.split(",")[3] for line in lines[1:]] == names
    assert [f"| `{name}` |" in table for name in names] == [True] * len(names)


def test_another_month(gateway: Gateway) -> None:
    """Past ones hold what was used, and no projection."""
    document = json.loads(run(gateway, "usage", "--month", "2026-10", "--output", "json").stdout)
    assert (document["month"], document["cap"]) == ("2026-10", None)
    assert document["total"]["requests"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2026-13"], "no month such as 2026-11"),
        (["--month", "9999-12"], "no month such as 2026-11"),
        (["--month", "11-2026"], "no month such as 2026-11"),
        (["--by", "colour"], "is not one of"),
        (["--watch", "0"], "is not in the range"),
        (["--watch", "2", "--output", "json"], "--watch shows a table"),
    ],
)
def test_wrong_options_end_with_2(gateway: Gateway, arguments: list[str], said: str) -> None:
    """Before the gateway is asked."""
    result = run(gateway, "usage", *arguments)
    assert (result.exit_code, said in result.output) == (2, True)


def test_a_wrong_admin_key_ends_with_1(gateway: Gateway) -> None:
    """In one line that says what to do, without a traceback."""
    result = run(gateway, "usage", GROQ_ADMIN_KEY="wrong")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "GROQ_ADMIN_KEY" in result.stderr


def test_a_missing_setting_ends_with_2(gateway: Gateway) -> None:
    """It names the setting."""
    result = run(gateway, "usage", GROQ_ADMIN_BASE_URL="")
    assert (result.exit_code, "GROQ_ADMIN_BASE_URL" in result.stderr) == (2, True)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_watch_cleanly(gateway: Gateway) -> None:
    """Exit code 0 and not a word of it, whatever it was doing."""
    watching = subprocess.Popen(
        [sys.executable, "-m", "pulumi_groq.cli", "usage", "--by", "team", "--watch", "1"],
        env=os.environ | environment(gateway),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_requests(gateway, "GET /openai/v1/usage", 2)
    watching.send_signal(signal.SIGINT)
    shown, said = watching.communicate(timeout=DEADLINE_S)
    assert (watching.returncode, said) == (0, "")
    assert "chatbot" in shown


def _wait_for_requests(gateway: Gateway, call: str, more: int) -> None:
    """Until so many more of them were answered."""
    wanted = gateway.requests().get(call, 0) + more
    until(lambda: gateway.requests().get(call, 0) >= wanted, f"{wanted} times {call}", seen=gateway.requests)


def test_a_report_replaces_the_file_that_is_there(gateway: Gateway, tmp_path: Path) -> None:
    """And leaves nothing else behind."""
    file = tmp_path / "report.html"
    file.write_text("the former one")
    result = run(gateway, "report", "--html", str(file))
    assert (result.exit_code, result.stdout) == (0, f"wrote {file}\n")
    assert file.read_text().startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_report_leaves_out_what_its_role_may_not_see(gateway: Gateway, tmp_path: Path) -> None:
    """It would say that there is none of it."""
    with gateway.client() as client:
        created = client.create_admin_key(AdminKeyCreate(name="finance", role="billing"), "finance")
    file = tmp_path / "report.html"
    result = run(gateway, "report", "--html", str(file), GROQ_ADMIN_KEY=created.key.admin_key)
    assert result.exit_code == 0
    page = file.read_text()
    assert "Spend against the cap" in page
    assert [part for part in ("Live keys", ">Rotation<", "Last changes") if part in page] == []


def test_a_report_goes_to_stdout(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else does; no file is called `-`."""
    monkeypatch.chdir(tmp_path)
    result = run(gateway, "report", "--html", "-")
    assert result.stdout.startswith("<!doctype html>")
    assert result.stdout.rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_through_links_and_into_devices(gateway: Gateway, tmp_path: Path) -> None:
    """A link stays one, and what is no file is written to, never replaced."""
    target, link = tmp_path / "kept.html", tmp_path / "report.html"
    target.write_text("the former one")
    link.symlink_to(target.name)
    assert run(gateway, "report", "--html", str(link)).exit_code == 0
    assert link.is_symlink()
    assert target.read_text().startswith("<!doctype html>")
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    assert run(gateway, "report", "--html", str(device)).exit_code == 0
    assert Path("/dev/null").is_char_device()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.html", "null", "report.html"]


def test_a_month_to_come_is_not_over(gateway: Gateway) -> None:
    """It has no use, and no end either."""
    shown = run(gateway, "usage", "--month", "2027-01").stdout
    assert shown.startswith("2027-01, a month that has not begun: 0 requests")
    assert run(gateway, "usage", "--month", "2026-10").stdout.startswith("2026-10, a month that is over: ")


@pytest.mark.parametrize("where", ["missing/report.html", "taken/report.html"])
def test_a_report_that_cannot_be_written_ends_with_2(gateway: Gateway, tmp_path: Path, where: str) -> None:
    """In one line that names the file."""
    (tmp_path / "taken").write_text("a file, not a folder")
    result = run(gateway, "report", "--html", str(tmp_path / where))
    assert (result.exit_code, result.stderr.count("\n"), "cannot write" in result.stderr) == (2, 1, True)


def test_an_access_file_tells_when_keys_are_rotated(gateway: Gateway, tmp_path: Path) -> None:
    """The gateway does not know."""
    access: dict[str, Any] = {
        "teams": {
            "chatbot": {
                "allowed_models": ["llama-3.3-70b-versatile"],
                "keys": {"chatbot-prod": {"rotation": {"every_days": 30}}},
            }
        }
    }
    declared = tmp_path / "access.yaml"
    declared.write_text(json.dumps(access))
    file = tmp_path / "report.html"
    result = run(gateway, "report", "--html", str(file), "--access-file", str(declared))
    assert result.exit_code == 0, result.output
    assert "2026-12-20" in file.read_text()


def test_an_unusable_access_file_ends_with_2(gateway: Gateway, tmp_path: Path) -> None:
    """With its line."""
    declared = tmp_path / "access.yaml"
    declared.write_text("teams: 7\n")
    result = run(gateway, "report", "--html", str(tmp_path / "r.html"), "--access-file", str(declared))
    assert (result.exit_code, "access.yaml:1" in result.stderr) == (2, True)
