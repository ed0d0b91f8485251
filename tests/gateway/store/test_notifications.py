"""What gateways tell each other is heard again after a connection leads nowhere, without anybody's help."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from muted_relay import MutedRelay, muted_relay
from pulumi_groq.gateway.store import notifications
from pulumi_groq.gateway.store.notifications import Notifications
from pulumi_groq.gateway.store.postgresql import open_postgresql_engine

pytestmark = pytest.mark.anyio

WAIT_S = 30
READY = b"Z\x00\x00\x00\x05"
"""With it the server ends its answer to a sign-in, or to a query."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "ASKED_EVERY_S", 0.02)
    monkeypatch.setattr(notifications, "ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(notifications, "RECONNECT_S", 0.01)


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    made = open_postgresql_engine(postgresql_url)
    yield made
    made.dispose()


@pytest.fixture
async def relay(postgresql_url: str) -> AsyncIterator[MutedRelay]:
    url = make_url(postgresql_url)
    async with muted_relay(url.host or "127.0.0.1", url.port or 5432) as made:
        yield made


class Heard:
    """Listens by way of a relay."""

    def __init__(self, engine: Engine, relay: MutedRelay) -> None:
        through = open_postgresql_engine(
            engine.url.set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
        )
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.notifications = Notifications(through)
        self.notifications.hear("news", self.told.put)

    async def hears(self, engine: Engine) -> None:
        """Tells it over and over: what is sent while nobody listens is lost."""
        while self.told.empty():
            with engine.begin() as connection:
                connection.execute(text("NOTIFY news, 'there is some'"))
            await asyncio.sleep(0.01)
        assert await self.told.get() == "there is some"


async def test_what_is_told_is_heard_again_after_a_connection_led_nowhere(
    engine: Engine, relay: MutedRelay
) -> None:
    """The connection stays up all the while, so that nothing but silence tells it."""
    heard = Heard(engine, relay)
    async with asyncio.timeout(WAIT_S), heard.notifications.listening():
        await heard.hears(engine)
        relay.mute()
        while not heard.told.empty():
            heard.told.get_nowait()
        await heard.hears(engine)
    assert relay.made > 1


async def test_a_connection_that_is_mute_from_its_sign_in_on_keeps_no_gateway_from_its_start(
    engine: Engine, relay: MutedRelay
) -> None:
    """LISTEN itself is never answered on it."""
    heard = Heard(engine, relay)
    relay.mutes_after = READY
    async with asyncio.timeout(WAIT_S), heard.notifications.listening():
        await heard.hears(engine)
    assert relay.made > 1


async def test_an_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried again."""
    tried = 0

    async def refuse(**_: object) -> None:
        nonlocal tried
        tried += 1
        raise psycopg.OperationalError

    nowhere = Notifications(open_postgresql_engine("postgresql://nobody@127.0.0.1:1/x"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.AsyncConnection, "connect", refuse)
        async with asyncio.timeout(WAIT_S), nowhere.listening():
            while tried < 5:  # noqa: ASYNC110  nobody tells of attempts
                await asyncio.sleep(0.01)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_connection_that_answers_is_kept(engine: Engine, relay: MutedRelay) -> None:
    """However often nothing was told for a while."""
    heard = Heard(engine, relay)
    async with asyncio.timeout(WAIT_S), heard.notifications.listening():
        while relay.asked.count(b"SELECT 1") < 5:  # noqa: ASYNC110  the relay tells nobody
            await asyncio.sleep(0.01)
        await heard.hears(engine)
    assert relay.made == 1
