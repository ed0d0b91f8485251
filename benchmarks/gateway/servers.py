"""What stands between the load and the mock: each is started on one core, with its own way to be called."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
GATEWAY_CORE, LOAD_CORE = "0", "1"
READY_S = 60
MODEL = "openai/gpt-oss-20b"
ADMIN_KEY = "benchmark-admin-key-0123456789"


class NotStartedError(Exception):
    """A server could not be installed or did not start."""


@dataclass
class Server:
    """A running process and how to reach it."""

    name: str
    process: subprocess.Popen
    url: str
    key: str = "benchmark"
    headers: list[str] = field(default_factory=list)

    def cpu_s(self) -> float:
        """Time on a core of all threads of the process and its descendants so far, to the nanosecond."""
        return sum(_thread_ns(pid) for pid in _family(self.process.pid)) / 1e9

    def memory_mib(self) -> float:
        """Resident memory of the process and its descendants."""
        pages = sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(self.process.pid)
        )
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(name: str, core: str, command: list[str], port: int, folder: Path, **env: str) -> Server:
    """Starts `command` on a core and waits until its port answers; its output goes to a file in `folder`."""
    log = (folder / f"{name}.log").open("wb")
    process = subprocess.Popen(
        ["taskset", "-c", core, *command],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, **env},
        cwd=folder,
    )
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return Server(name, process, f"http://127.0.0.1:{port}/openai/v1/chat/completions")
    process.kill()
    raise NotStartedError(f"{name} did not start: {_last_line(Path(log.name))}")


def mock(folder: Path, pause_ms: int = 0) -> tuple[Server, int]:
    port = free_port()
    command = [sys.executable, str(HERE / "mock_upstream.py"), str(port), str(pause_ms)]
    return start("mock", LOAD_CORE, command, port, folder), port


def bare_proxy(folder: Path, upstream_port: int) -> Server:
    port = free_port()
    command = [sys.executable, str(HERE / "bare_proxy.py"), str(port), str(upstream_port)]
    return start("bare proxy", GATEWAY_CORE, command, port, folder)


def ours(folder: Path, upstream_port: int, store: Path | None = None) -> Server:
    """The gateway with all enforcement on: limits, budget, cap, ledger, metrics, a log line a request.

    `store` may hold keys already.
    """
    port = free_port()
    script = Path(sys.executable).with_name("pulumi-groq")
    store = store or folder / f"gateway-{port}.db"
    upstream = f"http://127.0.0.1:{upstream_port}"
    command = [
        str(script),
        "serve",
        "--port",
        str(port),
        "--store",
        f"sqlite:///{store}",
        "--upstream",
        upstream,
    ]
    server = start(
        "pulumi-groq", GATEWAY_CORE, command, port, folder, GROQ_ADMIN_KEY=ADMIN_KEY, GROQ_API_KEY="benchmark"
    )
    server.key = prepared_key(server.url.removesuffix("/chat/completions"))
    return server


def prepared_key(base_url: str) -> str:
    """A key with every limit, under a policy with a cap, on the gateway at `base_url`."""
    _admin(
        f"{base_url}/spend-policy",
        "PUT",
        {"monthly_cap_usd": 1_000_000, "alert_thresholds_usd": [1_000], "auto_pause": True},
    )
    return key_at(
        base_url,
        "benchmark",
        requests_per_minute=1_000_000_000,
        tokens_per_minute=1_000_000_000,
        requests_per_day=1_000_000_000,
        tokens_per_day=1_000_000_000,
        monthly_budget_usd=1_000_000,
    )


def key_at(base_url: str, name: str, **limits: int) -> str:
    """A key of this name for the benchmarks' model."""
    body = {"name": name, "allowed_models": [MODEL], **limits}
    return str(_admin(f"{base_url}/api-keys", "POST", body)["api_key"])


def call(content: str) -> dict[str, object]:
    """A chat call."""
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], "max_completion_tokens": 64}


def _admin(url: str, method: str, body: dict[str, object]) -> dict[str, object]:
    headers = {
        "authorization": f"Bearer {ADMIN_KEY}",
        "content-type": "application/json",
        "idempotency-key": f"benchmark-{body.get('name')}",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)  # noqa: S310 (loopback)
    with urllib.request.urlopen(request) as answer:  # noqa: S310 (loopback)
        return dict(json.load(answer))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "it said nothing")


def _thread_ns(pid: int) -> int:
    """Of all threads of a process; what a thread took that has ended is not known any more."""
    spent_ns = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            spent_ns += int((thread / "schedstat").read_text().split()[0])
    return spent_ns


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]
