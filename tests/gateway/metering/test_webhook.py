"""A real receiver verifies what the sender posts."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from pulumi_groq.gateway.metering.aiohttp_sender import AiohttpAlertSender
from pulumi_groq.gateway.metering.webhook import NotDeliveredError, alert_body, alert_headers
from pulumi_groq.gateway.store.alerts import Alert
from tests.gateway.metering.conftest import START

ALERT = Alert("2026-11", 100_000_000, 100_250_000, 500_000_000, START)
TEXT_SECRET = "a-secret-of-some-length"
ENCODED_SECRET = "whsec_" + base64.b64encode(b"a-secret-of-some-length").decode()


def verify(secret: bytes, request: web.Request, body: bytes) -> bool:
    """What the Standard Webhooks specification tells a receiver to do."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(f"v1,{expected}", headers["webhook-signature"])


@asynccontextmanager
async def receiver(secret: bytes) -> AsyncIterator[str]:
    """A server that answers 200 to what is signed with `secret`, else 401; `/moved` redirects."""

    async def receive(request: web.Request) -> web.Response:
        return web.Response(status=200 if verify(secret, request, await request.read()) else 401)

    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"location": "/"})

    app = web.Application()
    app.router.add_post("/", receive)
    app.router.add_post("/moved", moved)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def post(url: str, secret: str | None, tampered: bytes = b"") -> int:
    sender = AiohttpAlertSender()
    body = alert_body(ALERT)
    try:
        return await sender.post(url, body + tampered, alert_headers(ALERT, body, secret, START))
    finally:
        await sender.close()


@pytest.mark.parametrize("secret", [TEXT_SECRET, ENCODED_SECRET])
def test_the_receiver_verifies_the_signature(secret: str) -> None:
    """A secret as text and one in the specification's form both verify."""

    async def scenario() -> int:
        async with receiver(b"a-secret-of-some-length") as url:
            return await post(f"{url}/", secret)

    assert asyncio.run(scenario()) == 200


@pytest.mark.parametrize(("secret", "tampered"), [("another-secret-here", b""), (TEXT_SECRET, b" ")])
def test_the_receiver_sees_a_forgery(secret: str, tampered: bytes) -> None:
    """Another secret or another body does not verify."""

    async def scenario() -> int:
        async with receiver(b"a-secret-of-some-length") as url:
            return await post(f"{url}/", secret, tampered)

    assert asyncio.run(scenario()) == 401


def test_a_redirect_is_not_followed() -> None:
    """A signed body goes where the policy says, nowhere else."""

    async def scenario() -> int:
        async with receiver(b"a-secret-of-some-length") as url:
            return await post(f"{url}/moved", TEXT_SECRET)

    assert asyncio.run(scenario()) == 307


def test_nobody_listening_is_not_delivered() -> None:
    """A refused connection is a failure without the URL in its text."""
    with pytest.raises(NotDeliveredError) as caught:
        asyncio.run(post("http://127.0.0.1:1/token-T0P", TEXT_SECRET))

    assert "T0P" not in str(caught.value)


def test_a_text_secret_that_only_looks_encoded_is_used_as_text() -> None:
    """A secret that begins like the specification's but is not base64 still signs."""
    body = alert_body(ALERT)

    assert alert_headers(ALERT, body, "whsec_not base64 at all", START)["webhook-signature"].startswith("v1,")
