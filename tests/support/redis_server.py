"""Redis servers of the tests' own: on free ports of this machine, in temporary folders, kept nowhere else."""

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certificates import make_certificate
from free_ports import free_port
from process_output import wait_for

PASSWORD = "pw-of-the-redis-tests"
DEADLINE_S = 60.0
SLOTS = 16_384


def binary() -> str:
    """Redis, or Valkey, which is compatible."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    assert found is not None, "Redis's server is missing: make test-services"
    return found


class RedisServer:
    """A running server without persistence; `close` ends it and removes its folder."""

    def __init__(self, *options: str, sentinel: bool = False, tls: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.port = free_port()
        self._options = ["--bind", "127.0.0.1", "--dir", str(self._folder), *options]
        if tls:
            self.ca_file = self._folder / "ca.pem"
            make_certificate(self.ca_file, self._folder / "key.pem")
            self._options += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            self._options += ["--tls-cert-file", str(self.ca_file)]
            self._options += ["--tls-key-file", str(self._folder / "key.pem")]
            self._options += ["--tls-ca-cert-file", str(self.ca_file)]
        else:
            self._options += ["--port", str(self.port)]
        if sentinel:
            configuration = self._folder / "sentinel.conf"
            configuration.touch()
            self._options = [str(configuration), "--sentinel", *self._options]
        else:
            self._options += ["--save", "", "--appendonly", "no"]
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it is, as `--counters` takes it."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, empty; returns once it takes connections."""
        self._process = subprocess.Popen(
            [binary(), *self._options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            wait_for("Ready to accept connections|Sentinel ID is", self._process.stdout)
        except AssertionError:
            self.close()
            raise

    def kill(self) -> None:
        """As `kill -9` does: what it held is lost."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.communicate(timeout=DEADLINE_S)

    def stall(self) -> None:
        """It answers nothing, and its connections stay."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again, also what it was asked meanwhile."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

    def call(self, *words: str) -> str:
        """What one command answers, over a connection of its own without TLS."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as connection:
            parts = [b"*%d\r\n" % len(words)]
            parts += [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
            connection.sendall(b"".join(parts))
            return connection.recv(1 << 20).decode()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def cluster() -> Iterator[list[RedisServer]]:
    """Three nodes that share the slots."""
    nodes: list[RedisServer] = []
    try:
        for number in range(3):
            node = RedisServer("--cluster-enabled", "yes")
            nodes.append(node)
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            assert node.call("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "+OK\r\n"
            assert node.call("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1)) == "+OK\r\n"
            if number:
                node.call("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port))
        yield nodes
    finally:
        for node in nodes:
            node.close()
