"""`make up` and `make down` on the real engine, in a checkout of their own."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from free_ports import free_port
from setup_commands import Run

pytestmark = pytest.mark.engine


@pytest.fixture
def port() -> str:
    """One that nobody listens on."""
    return str(free_port())


def _values(checkout: Path) -> dict[str, str]:
    script = ". .local/env; pulumi stack output api_keys --show-secrets --json"
    done = subprocess.run(["sh", "-c", script], cwd=checkout, capture_output=True, text=True, check=True)
    values: dict[str, str] = json.loads(done.stdout)
    return values


def test_up_again_and_down(local_stack: Run, installed: Path, port: str) -> None:
    """Up declares the stack and prints commands that work; down takes all of it away; both repeat."""
    up = local_stack("up", PORT=port)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "+ 8 created" in up.stdout
    assert "chatbot-prod   : [secret]" in up.stdout

    values = _values(installed)
    assert sorted(values) == ["batch-processor", "chatbot-prod"]
    assert [value for value in values.values() if value in up.stdout + up.stderr] == []

    commands = up.stdout.split("from this folder:\n")[1].replace("make down", ":")
    pasted = subprocess.run(
        ["sh", "-c", commands], cwd=installed, capture_output=True, text=True, check=False
    )
    assert pasted.returncode == 0, pasted.stderr
    assert '"object":"chat.completion"' in pasted.stdout.replace('": "', '":"')
    assert "8 unchanged" in pasted.stdout

    again = local_stack("up", PORT=port)
    assert "8 unchanged" in again.stdout
    assert _values(installed) == values

    down = local_stack("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "- 8 deleted" in down.stdout
    assert down.stderr.endswith("Stopped the gateway.\n")
    nothing = local_stack("down")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "The gateway is not running.\nThere is no stack dev to destroy.\n"


def test_a_bad_access_file_ends_in_its_own_lines(local_stack: Run, installed: Path, port: str) -> None:
    """Each problem in access.yaml is one line with its place, and nothing is created."""
    access = installed / "stacks" / "access.yaml"
    text = access.read_text(encoding="utf-8").replace(
        "requests_per_minute: 500", "requests_per_minute: 1_000"
    )
    access.write_text(text.replace("auto_pause: true", "auto_pause: yes"), encoding="utf-8")
    done = local_stack("up", PORT=port)
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert re.search(
        r"access\.yaml:\d+: teams\.chatbot\.keys\.chatbot-prod\.requests_per_minute: must be", output
    )
    assert re.search(
        r'access\.yaml:\d+: spend_policy\.auto_pause: must be true or false; found "yes"', output
    )
    assert "Traceback" not in done.stdout
    assert "GroqApiKey" not in done.stdout


def test_a_stack_left_without_its_state(local_stack: Run, installed: Path, port: str) -> None:
    """A stack file whose state and passphrase are gone is set aside, and up works."""
    left = installed / "stacks" / "Pulumi.dev.yaml"
    left.write_text("encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAAAAAAAAAAAAAA:AAAA\n", encoding="utf-8")
    done = local_stack("up", PORT=port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stacks/Pulumi.dev.yaml belonged to a stack that is gone" in done.stderr


def test_down_after_a_crash(local_stack: Run, installed: Path, port: str) -> None:
    """Down starts a gateway that has crashed once more, because the keys are deleted where they live."""
    local_stack("up", PORT=port)
    running = json.loads((installed / ".local" / "gateway.json").read_text(encoding="utf-8"))
    os.kill(running["pid"], signal.SIGKILL)
    down = local_stack("down", PORT=port)
    assert down.returncode == 0, down.stdout + down.stderr
    assert "- 8 deleted" in down.stdout


def test_a_lock_that_a_killed_run_left(local_stack: Run, installed: Path, port: str) -> None:
    """Where a lock stands in the way, the last line says how it goes away."""
    local_stack("up", PORT=port)
    lock = installed / ".local/state/.pulumi/locks/organization/pulumi-groq/dev/left.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text('{"pid": 1, "username": "nobody", "hostname": "gone"}', encoding="utf-8")
    blocked = local_stack("up", PORT=port)
    assert blocked.returncode == 1
    assert blocked.stderr.splitlines()[-1] == (
        "setup: Pulumi did not finish; its reason stands above. `make up` tries again after "
        "`. .local/env && pulumi cancel --yes`, once no other run is at work"
    )
    lock.unlink()


def test_an_unusable_port_is_one_line(local_stack: Run) -> None:
    """A PORT that is no port is named before anything starts."""
    done = local_stack("up", PORT="http")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "setup: PORT is 'http': it must be a number from 1 to 65535\n"
