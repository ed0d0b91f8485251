"""The controls of a gateway started with --test-controls."""

import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway_process import ADMIN_KEY, Server
from patience import until

KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}
CREATE = "POST /openai/v1/api-keys"


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server("--test-controls")


def test_the_clock_is_set_and_advanced(server: Server) -> None:
    """Both answers say what time it is, and keys are made at that time."""
    set_to = server.control("clock", now="2027-03-01T00:00:00Z").json()
    advanced = server.control("clock", advance_s=86_400).json()
    with server.client() as client:
        created_at = client.post("/api-keys", json=KEY).json()["created_at"]
    assert set_to == {"now": "2027-03-01T00:00:00Z"}
    assert [advanced["now"][:10], created_at[:10]] == ["2027-03-02"] * 2


def test_the_next_requests_fail_as_told(server: Server) -> None:
    """As often as told, only those meant, and unhandled."""
    server.control(
        "fail", times=2, status=503, method="POST", path_prefix="/openai/v1/api-keys", retry_after_s=1
    )
    with server.client() as client:
        listed = client.get("/api-keys").status_code
        answers = [client.post("/api-keys", json=KEY) for _ in range(3)]
        count = len(client.get("/api-keys").json()["data"])
    assert (listed, [answer.status_code for answer in answers], count) == (200, [503, 503, 201], 1)
    assert answers[0].headers["retry-after"] == "1"


def test_a_lost_answer_is_a_request_done(server: Server) -> None:
    """The connection is cut without a byte, after the commit; a repeat shows what was made."""
    server.control("lose-response", method="POST", path_prefix="/openai/v1/api-keys")
    with server.client() as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post("/api-keys", json=KEY, headers={"idempotency-key": "one"})
        again = client.post("/api-keys", json=KEY, headers={"idempotency-key": "one"})
        listed = client.get("/api-keys").json()["data"]
    assert again.headers["idempotent-replayed"] == "true"
    assert [key["id"] for key in listed] == [again.json()["id"]]


@pytest.mark.parametrize(("handled", "made"), [(False, 0), (True, 1)])
def test_a_stalled_request_is_never_answered(server: Server, handled: bool, made: int) -> None:
    """Unhandled or after its commit, as told; it ends when its client gives up."""
    server.control("stall", method="POST", path_prefix="/openai/v1/api-keys", handled=handled)
    body = json.dumps(KEY).encode()
    with server.client() as client, socket.create_connection(address_of(server), timeout=60) as stalled:
        stalled.sendall(
            b"POST /openai/v1/api-keys HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {ADMIN_KEY}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        until(
            lambda: client.get(f"{server.url}/__test__/requests").json()["requests"].get(CREATE),
            "the request has arrived",
        )
        until(lambda: len(client.get("/api-keys").json()["data"]) == made, f"{made} keys are listed")
        stalled.settimeout(0.2)
        with pytest.raises(TimeoutError):
            stalled.recv(1)
    assert server.stop() == 0


def address_of(server: Server) -> tuple[str, int]:
    """Where it listens."""
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def test_an_order_may_skip_the_first_requests(server: Server) -> None:
    """The first ones that match are served; the order means those behind them."""
    server.control("fail", skip=2, method="GET", path_prefix="/openai/v1/api-keys")
    with server.client() as client:
        answers = [client.get("/api-keys").status_code for _ in range(4)]
    assert answers == [200, 200, 503, 200]


def test_requests_are_counted_by_template(server: Server) -> None:
    """Admin, inference and upstream calls, until the counts are reset."""
    with server.client() as client:
        key = client.post("/api-keys", json=KEY).json()
        for model in ("llama-3.1-8b-instant", "gemma2-9b-it"):
            client.post(
                "/chat/completions",
                json={"model": model, "messages": [{"role": "user", "content": "hi"}]},
                headers={"authorization": f"Bearer {key['api_key']}"},
            )
        client.get(f"/api-keys/{key['id']}")
        client.get("/teams/a/b")
        counted = client.get(f"{server.url}/__test__/requests").json()
        server.control("reset-counts")
        reset = client.get(f"{server.url}/__test__/requests").json()
    assert counted == {
        "requests": {
            "POST /openai/v1/api-keys": 1,
            "POST /openai/v1/chat/completions": 2,
            "GET /openai/v1/api-keys/{id}": 1,
            "GET /openai/v1/teams/{name}": 1,
        },
        "upstream": {"/openai/v1/chat/completions": 1},
    }
    assert reset == {"requests": {}, "upstream": {}}


@pytest.mark.parametrize(
    ("name", "order", "param"),
    [
        ("clock", {}, None),
        ("clock", {"now": "2027-01-01T00:00:00Z", "advance_s": 1}, None),
        ("clock", {"now": "1999-12-31T23:59:59Z"}, "now"),
        ("clock", {"advance_s": 1e300}, "advance_s"),
        ("fail", {"status": 200}, "status"),
        ("fail", {"times": 0}, "times"),
        ("lose-response", {"often": 1}, "often"),
        ("stall", {"skip": -1}, "skip"),
    ],
)
def test_impossible_orders_are_refused(
    one_server: Server, name: str, order: dict[str, Any], param: str | None
) -> None:
    """In the envelope, with the path."""
    with one_server.client() as client:
        answer = client.post(f"{one_server.url}/__test__/{name}", json=order)
    assert (answer.status_code, answer.json()["error"].get("param")) == (400, param)


def test_the_controls_need_the_admin_key(one_server: Server) -> None:
    """As everything that changes something."""
    answer = httpx.get(f"{one_server.url}/__test__/requests", trust_env=False, timeout=60)
    assert answer.status_code == 401


def test_without_the_option_there_are_no_controls(start_server: Callable[..., Server]) -> None:
    """The path is unknown."""
    server = start_server()
    with server.client() as client:
        answer = client.post(f"{server.url}/__test__/clock", json={"advance_s": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")
