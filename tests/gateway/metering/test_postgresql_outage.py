"""A gateway's process on PostgreSQL while PostgreSQL is out: real processes on both sides."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_process import Server, start_gateway
from patience import until
from postgresql_server import PostgresqlServer

CHAT = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def store_url(own_postgresql_server: PostgresqlServer) -> str:
    """An empty database on a server of the test's own."""
    return own_postgresql_server.new_database()


@pytest.fixture
def gateway(store_url: str, tmp_path: Path) -> Iterator[Server]:
    """A gateway on it."""
    server = start(store_url, tmp_path)
    yield server
    server.clear_away()


def start(store_url: str, folder: Path) -> Server:
    return start_gateway(folder, f"--data-dir={folder}/data", store_url=store_url)


def new_key(gateway: Server) -> str:
    with gateway.client() as admin:
        answer = admin.post("/api-keys", json={"name": "chatbot", "allowed_models": [CHAT["model"]]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["api_key"])


def chat(gateway: Server, key: str) -> None:
    """One that is served."""
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(
        f"{gateway.url}/openai/v1/chat/completions", json=CHAT, headers=headers, timeout=60, trust_env=False
    )
    assert answer.status_code == 200, answer.text


def readiness(gateway: Server, expected: int) -> dict[str, Any]:
    """The answer of /readyz once it has this status."""
    answers: list[httpx.Response] = []

    def is_so() -> bool:
        answers.append(httpx.get(f"{gateway.url}/readyz", trust_env=False, timeout=60))
        return answers[-1].status_code == expected

    until(is_so, f"/readyz gives {expected}", seen=lambda: answers[-1].text)
    return dict(answers[-1].json())


def requests_booked(server: PostgresqlServer, store_url: str) -> int:
    return int(server.execute("SELECT count(*) FROM ledger", store_url.rsplit("/", 1)[1])[0][0])


def test_an_outage_is_told_and_over_without_a_restart(
    gateway: Server, own_postgresql_server: PostgresqlServer, store_url: str
) -> None:
    """Known keys go on meanwhile; what they spent is in the ledger once PostgreSQL is back."""
    key = new_key(gateway)
    chat(gateway, key)
    assert readiness(gateway, 200)["status"] == "ok"
    own_postgresql_server.stop()
    assert readiness(gateway, 503)["failing"]["store"] == "PostgreSQL cannot be reached"
    chat(gateway, key)
    with gateway.client() as admin:
        refused = admin.post("/api-keys", json={"name": "another", "allowed_models": [CHAT["model"]]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
    own_postgresql_server.start()
    readiness(gateway, 200)
    assert gateway.stop() == 0
    assert requests_booked(own_postgresql_server, store_url) == 2


def test_what_was_acknowledged_in_an_outage_survives_a_kill(
    gateway: Server, own_postgresql_server: PostgresqlServer, store_url: str, tmp_path: Path
) -> None:
    """It is in the journal below --data-dir, and booked by the next start on the same folder."""
    key = new_key(gateway)
    chat(gateway, key)  # what was granted for it goes on
    own_postgresql_server.stop()
    for _ in range(3):
        chat(gateway, key)
    gateway.kill()
    own_postgresql_server.start()
    assert requests_booked(own_postgresql_server, store_url) <= 1
    again = start(store_url, tmp_path)
    assert requests_booked(own_postgresql_server, store_url) == 4
    chat(again, key)
    assert again.stop() == 0
    again.clear_away()
    assert requests_booked(own_postgresql_server, store_url) == 5
