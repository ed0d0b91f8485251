"""What is written in one turn of the loop goes out together, in order, and nothing of it is lost."""

import asyncio
from collections.abc import Callable

import pytest

from pulumi_groq.gateway.joined_writes import MOST_WAITING_BYTES, JoinedWrites


class RecordingTransport(asyncio.Transport):
    """Keeps what happens to it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.events.append(bytes(data))

    def close(self) -> None:
        self.events.append("closed")

    def abort(self) -> None:
        self.events.append("aborted")

    def is_closing(self) -> bool:
        return bool({"closed", "aborted"} & set(self.events))


@pytest.fixture
def events_of() -> Callable[[Callable[[JoinedWrites], None]], list[bytes | str]]:
    def events(use: Callable[[JoinedWrites], None]) -> list[bytes | str]:
        """What the transport saw once the loop has turned."""

        async def run() -> list[bytes | str]:
            transport = RecordingTransport()
            use(JoinedWrites(transport, asyncio.get_running_loop()))
            await asyncio.sleep(0)
            return transport.events

        return asyncio.run(run())

    return events


def test_writes_of_one_turn_are_one(events_of: Callable[..., list[bytes | str]]) -> None:
    """Head and body are sent together, in order."""

    def use(transport: JoinedWrites) -> None:
        transport.write(b"head ")
        transport.write(bytearray(b"body"))

    assert events_of(use) == [b"head body"]


def test_much_is_sent_at_once(events_of: Callable[..., list[bytes | str]]) -> None:
    """More than the bound does not wait, so that memory and back-pressure stay the transport's."""

    def use(transport: JoinedWrites) -> None:
        transport.write(b"x" * MOST_WAITING_BYTES)
        transport.write(b"y")
        transport.write(b"z")

    assert events_of(use) == [b"x" * MOST_WAITING_BYTES + b"y", b"z"]


def test_closing_sends_what_waits(events_of: Callable[..., list[bytes | str]]) -> None:
    """An answer followed by a close arrives."""

    def use(transport: JoinedWrites) -> None:
        transport.write(b"last words")
        transport.close()

    assert events_of(use) == [b"last words", "closed"]


def test_aborting_sends_nothing(events_of: Callable[..., list[bytes | str]]) -> None:
    """A connection that is cut gets no answer."""

    def use(transport: JoinedWrites) -> None:
        transport.write(b"never")
        transport.abort()

    assert events_of(use) == ["aborted"]
