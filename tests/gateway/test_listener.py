"""The listener of a gateway that is served: TLS, and who is behind a proxy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from certificates import make_certificate
from gateway_process import ADMIN_KEY, Server, start_gateway
from patience import until

KEY = {"name": "chatbot", "allowed_models": ["openai/gpt-oss-20b"]}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    pair = tmp_path / "tls.crt", tmp_path / "tls.key"
    make_certificate(*pair)
    return pair


@pytest.fixture
def gateway(tmp_path: Path, files: tuple[Path, Path]) -> Iterator[Server]:
    """A gateway over TLS, which trusts no proxy."""
    server = start_gateway(tmp_path, f"--tls-cert={files[0]}", f"--tls-key={files[1]}")
    yield server
    server.clear_away()


def client(gateway: Server, files: tuple[Path, Path]) -> httpx.Client:
    return httpx.Client(
        base_url=gateway.url,
        verify=str(files[0]),
        headers={"authorization": f"Bearer {ADMIN_KEY}", "x-forwarded-for": "198.51.100.9, 203.0.113.5"},
        timeout=60,
        trust_env=False,
    )


def address_of_the_change(admin: httpx.Client) -> str:
    created = admin.post("/openai/v1/api-keys", json=KEY)
    assert created.status_code == 201, created.text
    return str(admin.get("/openai/v1/changes").json()["data"][0]["address"])


def readiness(admin: httpx.Client, *, degraded: bool) -> dict[str, Any]:
    """The answer of /readyz once something is degraded, or nothing is."""
    told: dict[str, Any] = {}

    def is_so() -> bool:
        told.clear()
        told.update(admin.get("/readyz").json())
        return ("degraded" in told) is degraded

    until(is_so, f"degraded is {degraded}", seen=lambda: told)
    return told


@pytest.mark.filterwarnings("ignore:`verify=<str>` is deprecated")
def test_a_gateway_is_served_over_tls(gateway: Server, files: tuple[Path, Path]) -> None:
    """It says so, believes no stranger who he is, and tells when a new certificate cannot be used."""
    assert gateway.url.startswith("https://127.0.0.1:")
    with client(gateway, files) as admin:
        assert address_of_the_change(admin) == "127.0.0.1"
        key = files[1].read_bytes()
        make_certificate(files[0].with_name("other.crt"), files[1])
        told = readiness(admin, degraded=True)
        assert told["status"] == "ok"
        assert "it is not the key of the first certificate" in told["degraded"]["certificate"]
        files[1].write_bytes(key)
        readiness(admin, degraded=False)


def test_a_proxy_that_is_named_tells_who_asks(tmp_path: Path) -> None:
    """The record of changes has its word, not that of the client."""
    server = start_gateway(tmp_path, "--trusted-proxies=127.0.0.0/8")
    try:
        with server.client() as admin:
            admin.headers["x-forwarded-for"] = "198.51.100.9, 203.0.113.5"
            admin.base_url = httpx.URL(server.url)
            assert address_of_the_change(admin) == "203.0.113.5"
    finally:
        server.clear_away()
