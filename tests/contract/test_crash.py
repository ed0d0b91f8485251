"""kill -9 at any moment loses no acknowledged write."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway_process import Server

ROUNDS = 12
KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}


@dataclass
class Writer:
    """Writes keys until the server is gone, and remembers what was acknowledged."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def write_until_cut(self, client: httpx.Client, first: int, written: Callable[[], None]) -> None:
        """`written` is called once something is acknowledged."""
        number = first
        try:
            while True:
                name = f"request-{number}"
                created = client.post("/api-keys", json=KEY, headers={"idempotency-key": name})
                assert created.status_code == 201, created.text
                key = created.json()
                self.acknowledged[name] = key
                if number == first:
                    written()
                if number % 3 == 1:
                    assert client.patch(
                        f"/api-keys/{key['id']}", json={"requests_per_day": number}
                    ).is_success
                    self.limits[key["id"]] = number
                if number % 3 == 2:
                    self.deleting.add(name)
                    assert client.delete(f"/api-keys/{key['id']}").is_success
                    self.deleted.add(key["id"])
                number += 1
        except httpx.TransportError:
            return


def live_keys(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Every key that the list shows."""
    keys: dict[str, dict[str, Any]] = {}
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = client.get("/api-keys", params=query).json()
        keys |= {key["id"]: key for key in page["data"]}
        if not page["has_more"]:
            return keys
        query["after"] = page["last_id"]


def test_no_acknowledged_write_is_lost(start_server: Callable[..., Server]) -> None:
    """After each of a dozen kills: keys, changes and deletes are there, and replays give the same value."""
    moments = random.Random(20261123)  # noqa: S311 (moments of a test, the same in every run)
    writer = Writer()
    for round_number in range(ROUNDS):
        server = start_server()
        with server.client() as client:
            present = live_keys(client)
            kept = {name: key for name, key in writer.acknowledged.items() if name not in writer.deleting}
            assert writer.deleted.isdisjoint(present)
            assert {key["id"] for key in kept.values()} <= present.keys()
            assert {key_id: present[key_id]["requests_per_day"] for key_id in writer.limits} == writer.limits
            for name in sorted(kept)[-5:]:
                replay = client.post("/api-keys", json=KEY, headers={"idempotency-key": name})
                assert replay.json() == kept[name]
            killer = threading.Timer(moments.uniform(0.02, 0.4), server.process.kill)
            writer.write_until_cut(client, first=round_number * 10_000, written=killer.start)
            killer.join()
            server.kill()
    assert len(writer.acknowledged) >= ROUNDS
