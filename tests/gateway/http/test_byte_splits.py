"""Any split of the same bytes gets the same answers."""

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.http.protocol import HttpProtocol

DEADLINE_S = 60
TURNS = 50
REQUESTS = [
    b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n",
    b"GET /early HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
    b"POST /b HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nab\r\nc",
    b"POST /c HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    b"1\r\na\r\n2\r\nbc\r\n0\r\nauthorization: z\r\n\r\n",
    b"POST /d HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\nGET",
    b"HEAD /e HTTP/1.1\r\nhost: h\r\n\r\n",
]
ENDINGS = [
    b"",
    b"GET /old HTTP/1.0\r\n\r\nGET /never HTTP/1.0\r\n\r\n",
    b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\nGET /never HTTP/1.1\r\nhost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\nhost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: h\r\na: b\r\n c\r\n\r\n",
    b"\x00",
]


class KeptTransport(asyncio.Transport):
    """Keeps what is written to it, and whether it was ended or cut."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.written += b"CUT"
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0


async def tell(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what was asked, its body included unless it answers early."""
    body = b""
    more = scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    names = b",".join(name for name, _ in scope["headers"])
    answer = b"%b %b %b %b\n" % (scope["method"].encode(), scope["raw_path"], names, body)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"%d" % len(answer))],
        }
    )
    await send({"type": "http.response.body", "body": answer})


def answers(pieces: list[bytes]) -> tuple[bytes, bool]:
    """All that a connection answers to `pieces`, each of which may be served before the next comes."""

    async def run() -> tuple[bytes, bool]:
        transport = KeptTransport()
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        protocol = HttpProtocol(SimpleNamespace(loaded_app=tell), state)
        protocol.connection_made(transport)
        for piece in pieces:
            protocol.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        told = transport.written, transport.ended
        protocol.connection_lost(None)
        await asyncio.gather(*state.tasks)
        return told

    return asyncio.run(run())


@st.composite
def cut_up(draw: st.DrawFn) -> list[bytes]:
    """Some requests in a row, cut anywhere."""
    whole = b"".join(draw(st.lists(st.sampled_from(REQUESTS), max_size=4))) + draw(st.sampled_from(ENDINGS))
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=len(whole))))
    return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(pieces=cut_up())
def test_any_split_gets_the_same_answers(pieces: list[bytes]) -> None:
    """The same bytes back, and the same end of the connection."""
    assert answers(pieces) == answers([b"".join(pieces)])


def test_no_bytes_after_a_last_request_are_answered() -> None:
    """Neither in the same piece nor in another."""
    for ending in ENDINGS[1:4]:
        told, ended = answers([ending])
        assert b"never" not in told
        assert ended
