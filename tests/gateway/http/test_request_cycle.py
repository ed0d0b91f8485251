"""Answers arrive whole, in order and in few writes, and their ends are what HTTP/1.1 asks for."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_groq.gateway.http.request_cycle import FlowControl, RequestCycle
from pulumi_groq.gateway.http.write_coalescing import MOST_WAITING_BYTES, CoalescedTransport, WriteCoalescer

DEADLINE_S = 60
LENGTH_4 = ((b"content-length", b"4"),)
WHOLE = (
    {"type": "http.response.start", "status": 200, "headers": LENGTH_4},
    {"type": "http.response.body", "body": b"body"},
)
Events = list[bytes | str]


class RecordingTransport(asyncio.Transport):
    """Keeps what happens to it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: Events = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.events.append(bytes(data))

    def resume_reading(self) -> None:
        return

    def close(self) -> None:
        self.events.append("closed")

    def abort(self) -> None:
        self.events.append("cut")

    def is_closing(self) -> bool:
        return "closed" in self.events


class Connection:
    """One request on a connection, and what an application does with it."""

    def __init__(self, method: str, http_version: str, *, keep_alive: bool, wants_100_continue: bool) -> None:
        recording = RecordingTransport()
        self.transport = CoalescedTransport(recording, WriteCoalescer())
        self.events = recording.events
        self.flow = FlowControl(self.transport)
        self.cycle = RequestCycle(
            {"method": method, "http_version": http_version},
            self.transport,
            self.flow,
            logging.getLogger(__name__),
            wants_100_continue=wants_100_continue,
            keep_alive=keep_alive,
            close=self.transport.close,
            on_response=lambda: self.events.append("complete"),
        )

    async def start(self, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        await self.cycle.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, piece: bytes, *, more: bool = False) -> None:
        await self.cycle.send({"type": "http.response.body", "body": piece, "more_body": more})


Use = Callable[[Connection], Any]


@pytest.fixture
def served() -> Callable[..., Events]:
    def serve(
        use: Use,
        method: str = "GET",
        http_version: str = "1.1",
        *,
        keep_alive: bool = True,
        wants_100_continue: bool = False,
    ) -> Events:
        """What the transport saw once an application that does `use` is over and the loop has turned."""

        async def run() -> Events:
            connection = Connection(
                method, http_version, keep_alive=keep_alive, wants_100_continue=wants_100_continue
            )

            async def app(_scope: Any, _receive: Any, _send: Any) -> None:
                await use(connection)

            async with asyncio.timeout(DEADLINE_S):
                await connection.cycle.run_asgi(app)
                await asyncio.sleep(0)
            return connection.events

        return asyncio.run(run())

    return serve


def test_an_answer_with_a_length_is_one_write(served: Callable[..., Events]) -> None:
    """Head and body are sent together as soon as both are there."""

    async def use(connection: Connection) -> None:
        await connection.start((b"content-length", b"4"), (b"x-request-id", b"req_01"))
        await connection.body(b"body")
        assert len(connection.events) == 2

    assert served(use) == [
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-request-id: req_01\r\n\r\nbody",
        "complete",
    ]


def test_an_answer_without_a_length_is_chunked(served: Callable[..., Events]) -> None:
    """What is sent in one turn of the loop goes out together; an empty piece does not end the body."""

    async def use(connection: Connection) -> None:
        await connection.start()
        await connection.body(b"one", more=True)
        await connection.body(b"", more=True)
        await asyncio.sleep(0)
        await connection.body(b"z" * 17, more=True)
        await asyncio.sleep(0)
        await connection.body(b"three", more=True)
        await connection.body(b"")

    assert served(use) == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"11\r\n" + b"z" * 17 + b"\r\n",
        b"5\r\nthree\r\n0\r\n\r\n",
        "complete",
    ]


def test_the_head_of_a_stream_does_not_wait_for_its_body(served: Callable[..., Events]) -> None:
    """A client learns that its stream has begun while the first piece is still being made."""

    async def use(connection: Connection) -> None:
        await connection.start()
        await asyncio.sleep(0)
        assert connection.events == [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]
        await connection.body(b"")

    assert served(use)[1:] == [b"0\r\n\r\n", "complete"]


def test_pieces_of_a_known_length_go_out_as_they_come(served: Callable[..., Events]) -> None:
    """Only the head waits."""

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4)
        await asyncio.sleep(0)
        await connection.body(b"bo", more=True)
        await asyncio.sleep(0)
        await connection.body(b"dy")

    assert served(use) == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo", b"dy", "complete"]


def test_much_is_sent_at_once(served: Callable[..., Events]) -> None:
    """More than the bound does not wait, so that memory and back-pressure stay the transport's."""

    async def use(connection: Connection) -> None:
        await connection.start((b"content-length", b"%d" % (MOST_WAITING_BYTES + 3)))
        await connection.body(b"x" * MOST_WAITING_BYTES, more=True)
        assert len(connection.events) == 1
        await connection.body(b"y", more=True)
        await connection.body(b"zz")

    assert served(use)[1:] == [b"yzz", "complete"]


def test_an_answer_to_head_has_no_body(served: Callable[..., Events]) -> None:
    """Its length is that of the answer to GET."""

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4)
        await connection.body(b"body")

    assert served(use, "HEAD") == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "complete"]


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(served: Callable[..., Events], status: int) -> None:
    """And nothing that says how it would end."""

    async def use(connection: Connection) -> None:
        await connection.start(status=status)
        await connection.body(b"")

    [head, end] = served(use)
    assert isinstance(head, bytes)
    assert head.count(b"\r\n") == 2
    assert end == "complete"


@pytest.mark.parametrize("asks", ["client", "application"])
def test_a_last_answer_says_so_once_and_closes(served: Callable[..., Events], asks: str) -> None:
    """Whoever asks for it."""
    asked = ((b"connection", b"x, Close"),) if asks == "application" else ()

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4, *asked)
        await connection.body(b"body")

    [answer, *rest] = served(use, keep_alive=asks == "application")
    assert isinstance(answer, bytes)
    assert answer.lower().count(b"close") == 1
    assert rest == ["closed", "complete"]


def test_a_slow_client_is_waited_for(served: Callable[..., Events]) -> None:
    """Nothing is sent before the client takes more."""

    async def use(connection: Connection) -> None:
        connection.flow.pause_writing()
        sending = asyncio.create_task(connection.start())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.events == []
        connection.flow.resume_writing()
        await sending
        await connection.body(b"")

    assert served(use)[-1] == "complete"


def test_a_client_that_is_gone_gets_nothing(served: Callable[..., Events]) -> None:
    """What is sent to it is dropped, and the application learns that it is gone."""

    async def use(connection: Connection) -> None:
        await connection.start()
        connection.events.append("closed")
        connection.cycle.disconnect()
        await connection.body(b"one", more=True)
        assert await connection.cycle.receive() == {"type": "http.disconnect"}

    assert served(use) == ["closed"]


def test_a_body_that_is_awaited_is_asked_for(served: Callable[..., Events]) -> None:
    """`expect: 100-continue` is answered once, when the application wants the body."""

    async def use(connection: Connection) -> None:
        cycle = connection.cycle
        for piece, more in ((b"one", True), (b"two", False)):
            cycle.body += piece
            cycle.more_body = more
            cycle.wake()
            assert await cycle.receive() == {"type": "http.request", "body": piece, "more_body": more}
        await connection.start(*LENGTH_4)
        await connection.body(b"body")

    assert served(use, wants_100_continue=True) == [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        "complete",
    ]


async def fail(_connection: Connection) -> None:
    raise LookupError


async def do_nothing(_connection: Connection) -> None:
    return


@pytest.mark.parametrize("use", [fail, do_nothing])
def test_an_application_that_does_not_answer_is_a_500(served: Callable[..., Events], use: Use) -> None:
    """The client is told, and the connection ends."""
    [answer, *rest] = served(use)
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert rest == ["closed", "complete"]


@pytest.mark.parametrize("after", [fail, do_nothing])
def test_an_answer_without_an_end_is_cut_off(served: Callable[..., Events], after: Use) -> None:
    """What was sent of it arrives; half of an answer never looks like a whole one."""

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4)
        await connection.body(b"bo", more=True)
        await after(connection)

    assert served(use) == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbo", "closed"]


@pytest.mark.parametrize("pieces", [[b"b"], [b"body!"], [b"bod", b"y!"]])
def test_a_body_has_the_length_that_was_said(served: Callable[..., Events], pieces: list[bytes]) -> None:
    """Otherwise the connection is cut: its next answer would be read as part of this one."""

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4)
        for piece in pieces[:-1]:
            await connection.body(piece, more=True)
        await connection.body(pieces[-1])

    events = served(use)
    assert events[-1] == "closed"
    assert "complete" not in events


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"one\r\nset-cookie: a"),
        (b"x", b"one\rtwo"),
        (b"x", b"one\x00"),
        (b"x\r\ny", b"one"),
        (b"x y", b"one"),
        (b"x:y", b"one"),
        (b"Content-Length", b"0"),
    ],
)
def test_no_header_can_forge_another(served: Callable[..., Events], header: tuple[bytes, bytes]) -> None:
    """Nothing of such an answer is sent; names are in lower case, as ASGI has them."""

    async def use(connection: Connection) -> None:
        await connection.start(header)

    assert served(use) == ["closed"]


def test_a_tab_in_a_value_is_allowed(served: Callable[..., Events]) -> None:
    """As HTTP has it."""

    async def use(connection: Connection) -> None:
        await connection.start(*LENGTH_4, (b"x", b"one\ttwo"))
        await connection.body(b"body")

    assert served(use)[-1] == "complete"


@pytest.mark.parametrize("kind", ["http.response.body", "http.response.trailers"])
def test_messages_have_an_order(served: Callable[..., Events], kind: str) -> None:
    """A body before its head is the application's failure."""

    async def use(connection: Connection) -> None:
        await connection.cycle.send({"type": kind})

    [answer, *_] = served(use)
    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 500 ")


def test_an_answer_is_sent_once(served: Callable[..., Events]) -> None:
    """What follows it is the application's failure, which ends the connection."""

    async def use(connection: Connection) -> None:
        for _ in range(2):
            await connection.start(*LENGTH_4)
            await connection.body(b"body")

    assert served(use) == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", "complete", "closed"]


def test_a_client_of_http_1_0_gets_no_chunks(served: Callable[..., Events]) -> None:
    """Its answer ends with the connection, and says so; even if the application would have it in chunks."""

    async def use(connection: Connection) -> None:
        await connection.start((b"transfer-encoding", b"chunked"))
        await connection.body(b"one", more=True)
        await asyncio.sleep(0)
        await connection.body(b"two")

    assert served(use, http_version="1.0", keep_alive=False) == [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none",
        b"two",
        "closed",
        "complete",
    ]


def test_half_of_an_answer_that_ends_with_the_connection_is_cut(served: Callable[..., Events]) -> None:
    """An ordinary end would make it look whole."""

    async def use(connection: Connection) -> None:
        await connection.start()
        await connection.body(b"one", more=True)
        raise LookupError

    assert served(use, http_version="1.0", keep_alive=False)[-1] == "cut"


def test_whoever_watches_a_client_is_told_once_that_it_left(served: Callable[..., Events]) -> None:
    """At once if it had left before, and not after the watch."""

    async def use(connection: Connection) -> None:
        cycle, events = connection.cycle, connection.events
        cycle.watch_departure(lambda: events.append("not told"))()
        cycle.watch_departure(lambda: events.append("told"))
        cycle.disconnect()
        cycle.watch_departure(lambda: events.append("told late"))

    assert served(use) == ["told", "told late"]


def test_a_whole_answer_is_sent_without_waiting(served: Callable[..., Events]) -> None:
    """Where the client takes it, what is sent at once is what is sent in turn."""

    async def use(connection: Connection) -> None:
        assert connection.cycle.send_now(WHOLE, connection.cycle.send)

    assert served(use) == [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", "complete"]


def test_nothing_is_sent_at_once_to_a_client_that_takes_nothing(served: Callable[..., Events]) -> None:
    """Whoever sends has to wait for it then, with a time limit."""

    async def use(connection: Connection) -> None:
        connection.flow.pause_writing()
        assert not connection.cycle.send_now(WHOLE, connection.cycle.send)
        assert connection.events == []
        connection.flow.resume_writing()
        assert connection.cycle.send_now(WHOLE, connection.cycle.send)

    assert served(use)[-1] == "complete"


def test_nothing_is_sent_past_what_stands_between(served: Callable[..., Events]) -> None:
    """Middleware wraps `send` to add headers: then its own is what has to be called."""

    async def use(connection: Connection) -> None:
        async def wrapped(message: Any) -> None:
            await connection.cycle.send(message)

        assert not connection.cycle.send_now(WHOLE, wrapped)
        for message in WHOLE:
            await wrapped(message)

    assert served(use)[-1] == "complete"


def test_a_body_that_is_here_is_taken_once(served: Callable[..., Events]) -> None:
    """Half a body is not taken for a whole one, and what was taken is not received again."""

    async def use(connection: Connection) -> None:
        cycle = connection.cycle
        cycle.body += b"ha"
        cycle.wake()
        assert cycle.arrived_body() is None
        cycle.body += b"lf"
        cycle.more_body = False
        connection.flow.read_paused = True
        assert cycle.arrived_body() == b"half"
        assert cycle.arrived_body() is None
        assert not connection.flow.read_paused
        await connection.start(*LENGTH_4)
        await connection.body(b"body")

    assert served(use)[-1] == "complete"


def test_a_body_that_waits_for_the_word_to_continue_is_received(served: Callable[..., Events]) -> None:
    """The client that asks whether it may send is answered first."""

    async def use(connection: Connection) -> None:
        cycle = connection.cycle
        cycle.more_body = False
        cycle.wake()
        assert cycle.arrived_body() is None
        await cycle.receive()
        await connection.start(*LENGTH_4)
        await connection.body(b"body")

    assert served(use, wants_100_continue=True)[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
