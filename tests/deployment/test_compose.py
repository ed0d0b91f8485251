"""The compose file, read by Compose's own loader."""

import json
import os
from typing import Any

from deployment_tools import DEPLOY, assert_taken_by_serve, run_tool

FILE = str(DEPLOY / "compose.yaml")
SECRETS = {"GROQ_ADMIN_KEY": "admin", "GROQ_GATEWAY_SECRET": "seal", "POSTGRES_PASSWORD": "pw-of-the-tests"}
CLEAN = {name: value for name, value in os.environ.items() if name not in SECRETS}


def services() -> dict[str, Any]:
    done = run_tool("compose-config", FILE, environment=CLEAN | SECRETS)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)["services"]
    return read


def test_secrets_have_to_be_given() -> None:
    """There is no default password; each that is missing is told."""
    done = run_tool("compose-config", FILE, environment=CLEAN)
    assert done.returncode == 1
    assert [name for name in SECRETS if name not in done.stderr] == []


def test_the_gateway_uses_postgresql_and_valkey() -> None:
    """Once they are healthy; the password of neither stands in a command."""
    read = services()
    gateway = read["gateway"]
    assert set(read) == {"gateway", "postgresql", "valkey"}
    assert gateway["environment"]["GROQ_GATEWAY_STORE"].startswith("postgresql://gateway@postgresql:5432/")
    assert gateway["environment"]["GROQ_COUNTERS_URL"] == "redis://valkey:6379/0"
    assert {each["condition"] for each in gateway["depends_on"].values()} == {"service_healthy"}
    assert "--data-dir=/var/lib/pulumi-groq" in gateway["command"]
    assert "pw-of-the-tests" not in str(gateway["command"])
    assert_taken_by_serve(gateway["command"])


def test_the_gateway_may_do_little_and_has_time_to_stop() -> None:
    """Reached from this machine alone, its file system read-only; the drain is shorter than its grace."""
    gateway = services()["gateway"]
    assert (gateway["read_only"], gateway["cap_drop"]) == (True, ["ALL"])
    assert {port["host_ip"] for port in gateway["ports"]} == {"127.0.0.1"}
    assert "--drain-seconds=30" in gateway["command"]
    assert gateway["stop_grace_period"] == "45s"


def test_everything_is_there_again_after_the_machine_was_down() -> None:
    """With `on-failure` Docker leaves a container stopped that it stopped itself."""
    assert {name: each["restart"] for name, each in services().items()} == {
        "gateway": "unless-stopped",
        "postgresql": "unless-stopped",
        "valkey": "unless-stopped",
    }
