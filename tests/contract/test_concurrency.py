"""Requests that arrive at the same time, through a real port."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway_process import Server

CALLERS = 8
KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}


def at_once(function: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(function, range(CALLERS)))


def test_creates_with_one_idempotency_key_mint_once(start_server: Callable[..., Server]) -> None:
    """All callers get the same key and value; one of them made it."""
    server = start_server()
    with server.client() as client:
        answers = at_once(lambda _: client.post("/api-keys", json=KEY, headers={"idempotency-key": "same"}))
        listed = client.get("/api-keys").json()["data"]
    assert {(answer.status_code, answer.json()["api_key"]) for answer in answers} == {
        (201, answers[0].json()["api_key"])
    }
    assert Counter(answer.headers.get("idempotent-replayed") for answer in answers) == {
        None: 1,
        "true": CALLERS - 1,
    }
    assert len(listed) == 1


def test_two_keys_never_succeed_the_same_one(start_server: Callable[..., Server]) -> None:
    """A lineage grows by one, whoever asks at once."""
    server = start_server()
    with server.client() as client:
        parent = client.post("/api-keys", json=KEY).json()["id"]
        answers = at_once(lambda _: client.post("/api-keys", json=KEY | {"replaces": parent}))
    outcomes = Counter(
        answer.json()["error"]["code"] if answer.is_error else answer.status_code for answer in answers
    )
    assert outcomes == {201: 1, "already_replaced": CALLERS - 1}


def test_patches_of_one_key_all_count(start_server: Callable[..., Server]) -> None:
    """Merges of different fields do not undo each other."""
    server = start_server()
    fields = ["requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day"]
    with server.client() as client:
        key_id = client.post("/api-keys", json=KEY).json()["id"]
        at_once(lambda index: client.patch(f"/api-keys/{key_id}", json={fields[index % 4]: index % 4 + 1}))
        key = client.get(f"/api-keys/{key_id}").json()
    assert [key[name] for name in fields] == [1, 2, 3, 4]


def test_one_of_many_deletes_succeeds(start_server: Callable[..., Server]) -> None:
    """The others find nothing."""
    server = start_server()
    with server.client() as client:
        key_id = client.post("/api-keys", json=KEY).json()["id"]
        answers = at_once(lambda _: client.delete(f"/api-keys/{key_id}"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 404: CALLERS - 1}


def test_a_new_key_serves_the_next_request_and_a_deleted_one_does_not(
    start_server: Callable[..., Server],
) -> None:
    """What the admin plane acknowledged is in force, on the same port."""
    server = start_server()
    body = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": "hi"}]}
    statuses = []
    with server.client() as client:
        for _ in range(5):
            key = client.post("/api-keys", json=KEY).json()
            headers = {"authorization": f"Bearer {key['api_key']}"}
            statuses.append(client.post("/chat/completions", json=body, headers=headers).status_code)
            client.delete(f"/api-keys/{key['id']}")
            statuses.append(client.post("/chat/completions", json=body, headers=headers).status_code)
    assert statuses == [200, 401] * 5


def test_a_key_under_traffic_is_neither_deleted_nor_refused(start_server: Callable[..., Server]) -> None:
    """Deletes that ask whether it is in use are all refused, and its callers never notice."""
    server = start_server()
    body = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": "hi"}]}
    with server.client() as client:
        key = client.post("/api-keys", json=KEY).json()
        headers = {"authorization": f"Bearer {key['api_key']}"}

        def serve_one() -> int:
            return client.post("/chat/completions", json=body, headers=headers).status_code

        def call(index: int) -> list[int]:
            if index % 4 == 0:
                path, query = f"/api-keys/{key['id']}", {"unless_used_within_s": 60}
                return [client.delete(path, params=query).status_code for _ in range(10)]
            return [serve_one() for _ in range(20)]

        serve_one()
        answers = at_once(call)
    assert Counter(status for statuses in answers for status in statuses) == {409: 20, 200: 120}
