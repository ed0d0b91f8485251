"""A service that reads its key from a file goes through a rotation without a failed answer."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_engine import Gateway, start_gateway
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyCreated

MODEL = "openai/gpt-oss-20b"
SERVICE = Path(__file__).parents[2] / "examples" / "consumers" / "reads_again.py"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    running = start_gateway(tmp_path / "gateway.db")
    yield running
    running.stop()


class Service:
    """The example in a process of its own, and the file that it reads."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.file = folder / "api_key"
        self._gateway = gateway
        self._process: subprocess.Popen[str] | None = None

    def put(self, key: ApiKeyCreated) -> None:
        """Replace the file, as whoever keeps it does: the new one takes its place in one step."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{key.api_key}\n")
        new.replace(self.file)

    def start(self) -> None:
        environment = {"GROQ_KEY_FILE": str(self.file), "GROQ_BASE_URL": self._gateway.base_url}
        self._process = subprocess.Popen(
            [sys.executable, str(SERVICE)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answers(self) -> bool:
        """Whether it answers the next line."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("hello\n")
        process.stdin.flush()
        return bool(process.stdout.readline().strip())

    def hang_up(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=30)


@pytest.fixture
def service(gateway: Gateway, tmp_path: Path) -> Iterator[Service]:
    made = Service(gateway, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def minted(gateway: Gateway) -> Callable[[str | None], ApiKeyCreated]:
    """Creates a key, or the successor of one."""

    def mint(replaces: str | None) -> ApiKeyCreated:
        with gateway.client() as client:
            body = ApiKeyCreate(name="bot", allowed_models=[MODEL], replaces=replaces)
            return client.create_key(body, f"successor of {replaces}".replace(" ", "-")).key

    return mint


def test_a_rotation_reaches_a_running_service(
    gateway: Gateway, service: Service, minted: Callable[[str | None], ApiKeyCreated]
) -> None:
    """It answers before, within the overlap, after the file has changed, and after the old key is gone."""
    old = minted(None)
    service.put(old)
    service.start()
    assert service.answers()
    new = minted(old.id)
    assert service.answers()
    service.put(new)
    assert service.answers()
    with gateway.client() as client:
        assert [each.user_agent for each in client.consumers(new.id).data] == ["reads-again/1"]
        client.delete_key(old.id)
    assert service.answers()


def test_a_file_that_does_not_look_changed(
    gateway: Gateway, service: Service, minted: Callable[[str | None], ApiKeyCreated]
) -> None:
    """Written in place with its old time, as some agents do: SIGHUP has it read again, and so does a 401."""
    old = minted(None)
    service.put(old)
    service.start()
    assert service.answers()
    for signalled in (True, False):
        new = minted(old.id)
        before = service.file.stat()
        service.file.write_text(f"{new.api_key}\n")
        os.utime(service.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        with gateway.client() as client:
            if signalled:
                service.hang_up()
                assert service.answers()
                assert [each.user_agent for each in client.consumers(new.id).data] == ["reads-again/1"]
            client.delete_key(old.id)
        assert service.answers()
        old = new


def test_a_file_that_is_away_for_a_moment(
    service: Service, minted: Callable[[str | None], ApiKeyCreated]
) -> None:
    """The service goes on with the key that it has."""
    service.put(minted(None))
    service.start()
    assert service.answers()
    service.file.unlink()
    assert service.answers()
