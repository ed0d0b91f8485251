"""A rotated key reaches its consumer through a real OpenBao: delivered, replaced, read, destroyed."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from process_output import wait_for

pytestmark = pytest.mark.engine

EXAMPLE = Path(__file__).parents[2] / "stacks" / "examples" / "openbao"
DAY_S = 24 * 3600


@dataclass
class OpenBao:
    """A server in development mode: in memory, unsealed, with the KV version 2 engine at `secret`."""

    address: str
    token: str

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.address}/v1/secret/{path}", headers={"x-vault-token": self.token})

    def key(self) -> str:
        """What a consumer reads."""
        found: str = self.get("data/groq/chatbot-prod").raise_for_status().json()["data"]["data"]["api_key"]
        return found

    def destroyed(self) -> dict[str, bool]:
        """Whether each version is destroyed, by its number."""
        versions = self.get("metadata/groq/chatbot-prod").raise_for_status().json()["data"]["versions"]
        return {number: version["destroyed"] for number, version in versions.items()}


@pytest.fixture
def openbao(tmp_path: Path) -> Iterator[OpenBao]:
    """A running server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = f"root-{secrets.token_hex(8)}"
    process = subprocess.Popen(
        [
            *(str(Path(sys.prefix, "bin", "bao")), "server", "-dev", "-dev-no-store-token"),
            *(f"-dev-root-token-id={token}", f"-dev-listen-address=127.0.0.1:{port}"),
        ],
        env={**os.environ, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for("Root Token:", process.stdout)
    yield OpenBao(f"http://127.0.0.1:{port}", token)
    process.terminate()
    process.communicate(timeout=30)


def _call(gateway: Any, api_key: str) -> int:
    body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    headers = {"authorization": f"Bearer {api_key}"}
    answer = httpx.post(f"{gateway.base_url}/openai/v1/chat/completions", json=body, headers=headers)
    return answer.status_code


def test_a_rotated_key_reaches_its_consumer(gateway: Any, stack: Any, openbao: OpenBao) -> None:
    """Whoever reads the secret is never refused, nor who still holds the old value within the overlap."""
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, stack.folder)
    stack.environment |= {"BAO_ADDR": openbao.address, "BAO_TOKEN": openbao.token}

    stack.up()
    first = openbao.key()
    assert _call(gateway, first) == 200

    gateway.control("clock", advance_s=31 * DAY_S)
    stack.up()
    second = openbao.key()
    assert second != first
    assert openbao.destroyed() == {"1": False, "2": False}
    assert (_call(gateway, first), _call(gateway, second)) == (200, 200)

    gateway.control("clock", advance_s=3 * DAY_S)
    assert _call(gateway, second) == 200
    stack.up()
    assert openbao.destroyed() == {"1": True, "2": False}
    assert openbao.key() == second
    assert (_call(gateway, first), _call(gateway, second)) == (401, 200)

    states = stack.folder.parent.rglob("*.json*")
    clear = [file.name for file in states if any(value in file.read_text() for value in (first, second))]
    assert clear == []
    assert '"versions"' in stack.checkpoint()  # the files that were searched hold the secret's resource

    run = stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", stack.name)
    assert run.code == 0, run.output
