"""`pulumi-groq store copy`, as an operator types it, between two gateways that are served."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from filled_store import fill
from gateway_process import Server, start_gateway
from pulumi_groq.cli.main import commands
from pulumi_groq.gateway.store.store import open_store
from pulumi_groq.models.change_chain import verify
from pulumi_groq.models.history import Change

CHAT = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"name": "chatbot", "allowed_models": [CHAT["model"]], "requests_per_minute": "unlimited"}


def chat(gateway: Server, key: str) -> int:
    return httpx.post(
        f"{gateway.url}/openai/v1/chat/completions",
        json=CHAT,
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=60,
    ).status_code


def new_key(admin: httpx.Client) -> Any:
    return admin.post("/api-keys", json=KEY, headers={"idempotency-key": "the-same"}).json()


def known(gateway: Server) -> dict[str, Any]:
    """What the admin API says of everything that goes over."""
    paths = ("/api-keys", "/teams", "/usage", "/changes?limit=100")
    with gateway.client() as admin:
        answers = {path: admin.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    return {path: answer.json() | {"as_of": None} for path, answer in answers.items()}


def copy(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pulumi_groq.cli", "store", "copy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_gateway_goes_on_in_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """The same keys work, every request is booked once, and a create that is sent again has its first answer:
    though the first gateway was killed and its last requests were in the journal alone.
    """
    source, data = f"sqlite:///{tmp_path}/gateway.db", f"--data-dir={tmp_path}/data"
    first = start_gateway(tmp_path)
    with first.client() as admin:
        created = new_key(admin)
        assert admin.put("/teams/search", json={"allowed_models": [CHAT["model"]]}).status_code in {200, 201}
        assert [chat(first, created["api_key"]) for _ in range(20)] == [200] * 20
        before = known(first)
    refused = copy(source, postgresql_url, data)
    assert (refused.returncode, "another gateway is using" in refused.stderr) == (2, True)
    first.kill()
    first.clear_away()

    done = copy(source, postgresql_url, data, "--output=json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {each["table"]: each["rows"] for each in json.loads(done.stdout)["tables"]}["ledger"] == 20

    second = start_gateway(tmp_path, data, store_url=postgresql_url)
    try:
        assert copy(source, postgresql_url, data).returncode == 2
        after = known(second)
        assert after == before
        changes = [Change.model_validate(each) for each in after["/changes?limit=100"]["data"]]
        assert verify(sorted(changes, key=lambda each: each.id)).problems == ()
        with second.client() as admin:
            assert new_key(admin) == created
        assert chat(second, created["api_key"]) == 200
    finally:
        second.clear_away()


def test_people_get_a_table(tmp_path: Path, postgresql_url: str) -> None:
    """And what is to be done now; on the second run that nothing was written."""
    store = open_store(f"sqlite:///{tmp_path}/gateway.db")
    fill(store, 2)
    store.close()
    arguments = ["store", "copy", f"sqlite:///{tmp_path}/gateway.db", f"--data-dir={tmp_path}/data"]
    first, second = (
        CliRunner().invoke(commands, arguments, env={"GROQ_GATEWAY_STORE": postgresql_url}) for _ in range(2)
    )
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "ledger" in first.stdout
    assert "give the new gateway the same GROQ_GATEWAY_SECRET" in first.stdout
    assert "nothing was written, everything was compared" in second.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "Missing argument 'SOURCE'"),
        (("sqlite:///absent.db",), "Missing argument 'DESTINATION'"),
        (("sqlite:///absent.db", "postgresql://u:s3cret@h/d"), "there is no store at"),
        (("sqlite:///absent.db", "mysql://u:s3cret@h/d"), "stores are copied"),
    ],
)
def test_what_cannot_be_copied_is_one_line(
    arguments: tuple[str, ...], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, without the password."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(commands, ["store", "copy", *arguments])
    assert (result.exit_code, line in result.stderr, "s3cret" in result.output) == (2, True, False)
