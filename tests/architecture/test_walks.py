"""docs/architecture.md names the files that a key and a call really pass, in their order."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import walked_gateway
from in_process_gateway import Wire, in_process_gateway
from pulumi_groq.lifecycle.session import Session
from pulumi_groq.resources.api_key import ApiKeyProvider
from scripted_upstream import scripted_upstream
from walked_gateway import package_file

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}
DECLARED = {
    "name": "chatbot-prod",
    "allowed_models": ["openai/gpt-oss-20b"],
    "requests_per_minute": 500,
    "managed_by": "acme/infra/dev",
    "declared_as": "chatbot-prod",
    "rotation": {"every_days": 30},
}


def tables() -> list[list[str]]:
    """The first columns of the page's tables: the key, the call, the row."""
    found: list[list[str]] = []
    for line in PAGE.read_text().splitlines():
        row = re.match(r"\| `([a-z_0-9/]+\.py)` \|", line)
        if line.startswith("| file |"):
            found.append([])
        elif row:
            found[-1].append(row[1])
    return found


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """What serves a call, and what writes its row."""
    store = tmp_path_factory.mktemp("walk") / "gateway.db"
    with scripted_upstream() as upstream:
        upstream.answer = json.dumps(ANSWER).encode()
        run = subprocess.run(
            [sys.executable, walked_gateway.__file__, store, upstream.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    call, upkeep = json.loads(run.stdout.splitlines()[-1])
    return call, upkeep


def test_key_walk_is_the_real_one(tmp_path: Path) -> None:
    """The files that a key's check and create enter, up to the answer of the admin API, are those listed."""
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        file = package_file(frame) if event == "call" else ""
        if file and not file.startswith("gateway/"):
            entered.setdefault(file)

    with in_process_gateway(tmp_path) as gateway:
        provider = ApiKeyProvider()
        provider.serve(provider.lifecycle(Session.of(Wire(gateway).client())))
        provider.check({}, dict(DECLARED))  # what is found out once for the process is no part of the walk
        sys.setprofile(note)
        try:
            inputs = provider.check({}, dict(DECLARED)).inputs
            created = provider.create(inputs)
        finally:
            sys.setprofile(None)
    assert created.outs is not None
    assert created.outs["name"] == "chatbot-prod"
    assert list(entered) == tables()[0]


def test_call_walk_is_the_real_one(walked: tuple[list[str], list[str]]) -> None:
    """The files that a chat call enters, from the socket to its log line, are those listed."""
    assert walked[0] == tables()[1]


def test_row_walk_is_the_real_one(walked: tuple[list[str], list[str]]) -> None:
    """The files that write the row are entered in the order listed; the upkeep enters others besides."""
    listed = tables()[2]
    assert [file for file in walked[1] if file in listed] == listed
