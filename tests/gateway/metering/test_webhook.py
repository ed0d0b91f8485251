"""A real receiver verifies what the sender posts."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from metering_bench import START
from pulumi_groq.gateway.metering.alert_delivery import (
    NotDeliveredError,
    WebhookAnswer,
    alert_headers,
    retry_after_s,
)
from pulumi_groq.gateway.metering.announcements import of_threshold
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.store.alerts import Alert

ALERT = of_threshold(Alert("2026-11", 100_000_000, 100_250_000, 500_000_000, START))
TEXT_SECRET = "a-secret-of-some-length"
ENCODED_SECRET = "whsec_" + base64.b64encode(b"a-secret-of-some-length").decode()


Heads = dict[str, str]
"""The request line under an empty name, header names in lower case."""


def verify(secret: bytes, headers: Heads, body: bytes) -> bool:
    """What the Standard Webhooks specification tells a receiver to do."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(f"v1,{expected}", headers["webhook-signature"])


@asynccontextmanager
async def receiver(secret: bytes, *, seen: list[Heads] | None = None) -> AsyncIterator[str]:
    """A server that answers 200 to what is signed with `secret`, else 401; `/moved` redirects, `/busy` asks
    for an hour, `/silent` says nothing and `/long` sends a body without end.
    """
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            serving.discard(task)
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)
        }
        headers[""] = lines[0]
        if seen is not None:
            seen.append(headers)
        body = await reader.readexactly(int(headers["content-length"]))
        path = lines[0].split(" ")[1]
        status = "200 OK" if verify(secret, headers, body) else "401 No"
        extra = {"/moved": "location: /\r\n", "/busy": "retry-after: 99999999999\r\n"}.get(path, "")
        status = {"/moved": "307 Moved", "/busy": "429 Busy"}.get(path, status)
        if path == "/silent":
            await reader.read()
        length = 10**12 if path == "/long" else 0
        writer.write(f"HTTP/1.1 {status}\r\n{extra}content-length: {length}\r\n\r\n".encode())
        while path == "/long":
            writer.write(bytes(65536))
            await writer.drain()
        await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving)
        await server.wait_closed()


async def post(
    url: str,
    secret: str | None,
    tampered: bytes = b"",
    *,
    listed: tuple[str, ...] = ("127.0.0.1",),
    names: dict[str, list[str]] | None = None,
    timeout_s: float = 10,
) -> WebhookAnswer:
    async def resolve(host: str, port: int) -> list[str]:
        return (names or {}).get(host, [host])

    sender = WebhookSender(WebhookAddresses(listed), resolve=resolve, timeout_s=timeout_s)
    try:
        return await sender.post(url, ALERT.body + tampered, alert_headers(ALERT, secret, START))
    finally:
        await sender.close()


@pytest.mark.parametrize("secret", [TEXT_SECRET, ENCODED_SECRET])
async def test_the_receiver_verifies_the_signature(secret: str) -> None:
    """A secret as text and one in the specification's form both verify."""
    async with receiver(b"a-secret-of-some-length") as url:
        answer = await post(f"{url}/", secret)

    assert answer.status == 200


@pytest.mark.parametrize(("secret", "tampered"), [("another-secret-here", b""), (TEXT_SECRET, b" ")])
async def test_the_receiver_sees_a_forgery(secret: str, tampered: bytes) -> None:
    """Another secret or another body does not verify."""
    async with receiver(b"a-secret-of-some-length") as url:
        answer = await post(f"{url}/", secret, tampered)

    assert answer.status == 401


async def test_a_redirect_is_not_followed() -> None:
    """A signed body goes where the policy says, nowhere else."""
    async with receiver(b"a-secret-of-some-length") as url:
        answer = await post(f"{url}/moved", TEXT_SECRET)

    assert answer.status == 307


async def test_nobody_listening_is_not_delivered() -> None:
    """A refused connection is a failure without the URL in its text."""
    with pytest.raises(NotDeliveredError) as caught:
        await post("http://127.0.0.1:1/token-T0P", TEXT_SECRET)

    assert "T0P" not in str(caught.value)


def test_a_text_secret_that_only_looks_encoded_is_used_as_text() -> None:
    """A secret that begins like the specification's but is not base64 still signs."""
    signed = alert_headers(ALERT, "whsec_not base64 at all", START)

    assert signed["webhook-signature"].startswith("v1,")


async def test_the_connection_goes_to_the_judged_address_under_the_name() -> None:
    """The name is resolved once; the receiver still reads it in `Host`."""
    seen: list[Heads] = []
    async with receiver(b"a-secret-of-some-length", seen=seen) as url:
        named = url.replace("127.0.0.1", "hooks.example.com")
        answer = await post(f"{named}/", TEXT_SECRET, names={"hooks.example.com": ["10.0.0.1", "127.0.0.1"]})

    assert answer.status == 200
    assert seen[0]["host"].startswith("hooks.example.com:")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%eth0"])
async def test_a_name_that_resolves_to_a_private_address_is_not_called(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public name in the policy does not help, and neither does a proxy of the environment."""
    seen: list[Heads] = []

    async with receiver(b"a-secret-of-some-length", seen=seen) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("ALL_PROXY", url)
        named = url.replace("127.0.0.1", "hooks.example.com")
        with pytest.raises(NotDeliveredError, match="not public"):
            await post(f"{named}/", TEXT_SECRET, listed=(), names={"hooks.example.com": [address]})
    assert seen == []


async def test_a_receiver_without_an_answer_is_left() -> None:
    """The time of one webhook is bounded in all."""

    async with receiver(b"a-secret-of-some-length") as url:
        with pytest.raises(NotDeliveredError, match="no answer within"):
            await post(f"{url}/silent", TEXT_SECRET, timeout_s=0.05)


async def test_an_endless_answer_is_not_read() -> None:
    """Its status is all that counts."""
    async with receiver(b"a-secret-of-some-length") as url:
        answer = await post(f"{url}/long", TEXT_SECRET)

    assert answer == (200, 0)


async def test_a_receiver_that_asks_for_an_age_gets_an_hour() -> None:
    """What a receiver says is no reason to keep an alert for ever."""
    async with receiver(b"a-secret-of-some-length") as url:
        answer = await post(f"{url}/busy", TEXT_SECRET)

    assert answer == (429, 3600)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("3601", 3600),
        ("9" * 5000, 3600),
        ("-1", 0),
        ("1.5", 0),
        ("1e9", 0),
        ("nan", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_only_whole_seconds_are_heeded(value: str | None, seconds: int) -> None:
    """A date, a fraction and nonsense count as nothing said."""
    assert retry_after_s(value) == seconds


@pytest.mark.parametrize("url", ["https://[::1/token-of-a-chat", "http://host:port/token-of-a-chat"])
async def test_a_url_that_cannot_be_read_is_not_delivered_and_not_shown(url: str) -> None:
    """It may hold a token: the reason names the kind of fault alone."""
    with pytest.raises(NotDeliveredError) as caught:
        await post(url, TEXT_SECRET)
    assert "token-of-a-chat" not in str(caught.value)
