"""A real OpenBao, from the wheel that holds its server."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from free_ports import free_port
from process_output import wait_for

BAO = Path(sys.prefix, "bin", "bao")


@dataclass
class OpenBao:
    """A server in development mode: in memory, unsealed, with the KV version 2 engine at `secret`."""

    address: str
    token: str

    def get(self, path: str) -> httpx.Response:
        """What the engine answers for `path`."""
        return httpx.get(
            f"{self.address}/v1/secret/{path}", headers={"x-vault-token": self.token}, timeout=60
        )


@contextmanager
def openbao_server(home: Path) -> Iterator[OpenBao]:
    """A running server on a free port."""
    port = free_port()
    token = f"root-{secrets.token_hex(8)}"
    process = subprocess.Popen(
        [
            *(str(BAO), "server", "-dev", "-dev-no-store-token"),
            *(f"-dev-root-token-id={token}", f"-dev-listen-address=127.0.0.1:{port}"),
        ],
        env={**os.environ, "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for("Root Token:", process.stdout)
        yield OpenBao(f"http://127.0.0.1:{port}", token)
    finally:
        process.terminate()
        process.communicate(timeout=30)
