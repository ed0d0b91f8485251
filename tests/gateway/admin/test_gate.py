"""What the gate does with requests that do not arrive whole."""

import asyncio
from datetime import datetime
from random import Random
from typing import Any

import pytest

from pulumi_groq.gateway.admin.credentials import AdminCredentials, RootKey
from pulumi_groq.gateway.admin.gate import BODY_LIMIT_BYTES, Gate
from pulumi_groq.gateway.admin.refused_attempts import RefusedAttempts
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.http.asgi import ListenedClient, Message, Receive, read_request_headers
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.protocols import Clock

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/openai/v1/api-keys",
    "query_string": b"",
    "headers": [(b"authorization", b"Bearer key"), (b"content-type", b"application/json")],
}


def messages(*parts: bytes, then: str) -> Receive:
    """What a server hands over: pieces of a body, and then nothing more, or a client that is gone."""
    pending: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive() -> Message:
        if pending:
            return pending.pop(0)
        if then == "silence":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


async def test_a_body_that_never_ends_is_408() -> None:
    """A slow client does not hold a place for ever."""
    receive = messages(b"{", then="silence")
    with pytest.raises(Refusal) as rejected:
        await read_body(receive, ListenedClient(receive), None, BODY_LIMIT_BYTES, 0.01)
    assert rejected.value.status == 408


async def test_a_client_that_hangs_up_is_no_request() -> None:
    """Half a body is not taken for a whole one."""
    receive = messages(b"{", then="gone")
    with pytest.raises(ClientGoneError):
        await read_body(receive, ListenedClient(receive), None, BODY_LIMIT_BYTES, 1)


@pytest.mark.parametrize("announced", [b"65537", b"9" * 400])
async def test_an_announced_length_over_the_limit_is_not_waited_for(announced: str) -> None:
    """413 before a byte of the body is read."""
    headers = read_request_headers({"headers": [(b"content-length", announced)]})
    receive = messages(then="silence")
    with pytest.raises(Refusal) as rejected:
        await read_body(receive, ListenedClient(receive), headers.content_length, BODY_LIMIT_BYTES, 1)
    assert rejected.value.status == 413


async def test_nothing_is_sent_to_a_client_that_hung_up() -> None:
    """And the application never sees the request."""
    touched = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        touched.append("app")

    async def send(message: Any) -> None:
        touched.append("send")

    class NoClock(Clock):
        def now(self) -> datetime:
            raise AssertionError

    class Ids(ObjectIds):
        def new(self, prefix: str) -> str:
            return f"{prefix}_01"

    ids = Ids(NoClock(), Random(0))  # noqa: S311 (unused)
    gate = Gate(app, AdminCredentials([RootKey("key")]), ids, RefusedAttempts(NoClock()), touched.append)
    await gate(dict(SCOPE), messages(b"{", then="gone"), send)
    assert touched == []
