"""A rotated key reaches its consumer through a real OpenBao: delivered, replaced, read, destroyed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from openbao_server import OpenBao, openbao_server

pytestmark = pytest.mark.engine

EXAMPLE = Path(__file__).parents[2] / "stacks" / "examples" / "openbao"
DAY_S = 24 * 3600


@pytest.fixture
def openbao(tmp_path: Path) -> Iterator[OpenBao]:
    """A running server."""
    with openbao_server(tmp_path) as running:
        yield running


def key(openbao: OpenBao) -> str:
    """What a consumer reads."""
    found: str = openbao.get("data/groq/chatbot-prod").raise_for_status().json()["data"]["data"]["api_key"]
    return found


def destroyed(openbao: OpenBao) -> dict[str, bool]:
    """Whether each version is destroyed, by its number."""
    versions = openbao.get("metadata/groq/chatbot-prod").raise_for_status().json()["data"]["versions"]
    return {number: version["destroyed"] for number, version in versions.items()}


def _call(gateway: Any, api_key: str) -> int:
    body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    headers = {"authorization": f"Bearer {api_key}"}
    answer = httpx.post(
        f"{gateway.base_url}/openai/v1/chat/completions", json=body, headers=headers, timeout=60
    )
    return answer.status_code


def test_a_rotated_key_reaches_its_consumer(gateway: Any, stack: Any, openbao: OpenBao) -> None:
    """Whoever reads the secret is never refused, nor who still holds the old value within the overlap."""
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, stack.folder)
    stack.environment |= {"BAO_ADDR": openbao.address, "BAO_TOKEN": openbao.token}

    stack.up()
    first = key(openbao)
    assert _call(gateway, first) == 200

    gateway.control("clock", advance_s=31 * DAY_S)
    stack.up()
    second = key(openbao)
    assert second != first
    assert destroyed(openbao) == {"1": False, "2": False}
    assert (_call(gateway, first), _call(gateway, second)) == (200, 200)

    gateway.control("clock", advance_s=3 * DAY_S)
    assert _call(gateway, second) == 200
    stack.up()
    assert destroyed(openbao) == {"1": True, "2": False}
    assert key(openbao) == second
    assert (_call(gateway, first), _call(gateway, second)) == (401, 200)

    states = stack.folder.parent.rglob("*.json*")
    clear = [file.name for file in states if any(value in file.read_text() for value in (first, second))]
    assert clear == []
    assert '"versions"' in stack.checkpoint()  # the files that were searched hold the secret's resource

    run = stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", stack.name)
    assert run.code == 0, run.output
