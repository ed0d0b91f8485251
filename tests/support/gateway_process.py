"""The real command in a process of its own, on a free port and a store of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from process_output import wait_for

ADMIN_KEY = "admin-key-of-the-contract-tests"
UPSTREAM_KEY = "operator-key-of-the-contract-tests"
STOP_DEADLINE_S = 60


@dataclass
class Server:
    """A running gateway."""

    process: "subprocess.Popen[str]"
    url: str
    store: Path
    log: Path

    def client(self) -> httpx.Client:
        """A client of the admin API."""
        return httpx.Client(
            base_url=f"{self.url}/openai/v1",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            timeout=60,
            trust_env=False,
        )

    def control(self, name: str, **order: Any) -> httpx.Response:
        """Give an order to the test controls."""
        with self.client() as client:
            answer = client.post(f"{self.url}/__test__/{name}", json=order)
        assert answer.status_code == 200, answer.text
        return answer

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(STOP_DEADLINE_S)

    def stop(self) -> int:
        """SIGTERM; gives the exit code. Raises `AssertionError` when it goes on."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"the gateway went on for {STOP_DEADLINE_S} s: {self.log.read_text()}"
            ) from None

    def clear_away(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


def start_gateway(
    folder: Path,
    *options: str,
    command: Sequence[str] = (sys.executable, "-m", "pulumi_groq.cli"),
    store_url: str | None = None,
) -> Server:
    """A gateway on a SQLite file in `folder`, or on the store `store_url`."""
    store, log = folder / "gateway.db", folder / "gateway.log"
    with log.open("a") as file:
        process = subprocess.Popen(
            [*command, "serve", "--port=0", f"--store={store_url or f'sqlite:///{store}'}", *options],
            env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY, "GROQ_API_KEY": UPSTREAM_KEY},
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        listening = wait_for(r"gateway listening on (\S+)", process.stdout)
    except AssertionError as silent:
        process.kill()
        raise AssertionError(f"the gateway did not start: {silent}: {log.read_text()}") from silent
    return Server(process, listening[1], store, log)
