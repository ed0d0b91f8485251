"""No value of a key and no admin key is readable in anything that the gateway writes."""

import base64
from collections.abc import Callable
from pathlib import Path

from gateway_process import Server

KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}
ADMIN_KEY = "admin-key-of-the-contract-tests"


def forms(secret: str) -> set[bytes]:
    """The secret as bytes that a search would find: plain, hex, and base64 at each of three offsets."""
    plain = secret.encode()
    encoded = {plain, plain.hex().encode(), plain.hex().upper().encode()}
    for offset in range(3):
        # Characters at both ends depend on the neighbouring bytes.
        encoded.add(base64.b64encode(b"x" * offset + plain)[4:-4])
        encoded.add(base64.urlsafe_b64encode(b"x" * offset + plain)[4:-4])
    return encoded


def test_no_file_of_the_gateway_holds_a_secret(start_server: Callable[..., Server], tmp_path: Path) -> None:
    """Database, write-ahead log, journal, lock, secret and log, while it runs and after."""
    server = start_server("--test-controls")
    values = []
    with server.client() as client:
        for number in range(5):
            created = client.post(
                "/api-keys", json=KEY, headers={"idempotency-key": f"request-{number}"}
            ).json()
            values.append(created["api_key"])
            client.post(
                "/chat/completions",
                json={"model": KEY["allowed_models"][0], "messages": [{"role": "user", "content": "hi"}]},
                headers={"authorization": f"Bearer {created['api_key']}"},
            )
        client.delete(f"/api-keys/{created['id']}")
        client.get(f"/api-keys/{values[0]}")
        client.get("/api-keys", params={"name": "x"}, headers={"authorization": f"Bearer {values[0]}"})
    written = _files(tmp_path)
    assert server.store.with_name("gateway.db-wal").name in written
    server.stop()
    written |= {f"{name} after the stop": content for name, content in _files(tmp_path).items()}
    searched = {secret: forms(secret) for secret in (*values, ADMIN_KEY)}
    found = [
        (name, secret[:4])
        for name, content in written.items()
        for secret, written_forms in searched.items()
        if any(form in content for form in written_forms)
    ]
    assert found == []


def test_what_belongs_to_the_store_is_private(start_server: Callable[..., Server], tmp_path: Path) -> None:
    """Nobody but the owner may read it."""
    server = start_server()
    with server.client() as client:
        client.post("/api-keys", json=KEY)
    files = [path for path in tmp_path.rglob("*") if path.name != "gateway.log"]
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
