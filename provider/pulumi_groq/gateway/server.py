"""Builds a gateway from its settings and serves it until it is told to stop."""

import errno
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from random import SystemRandom

import uvicorn
from starlette.types import ASGIApp

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.admin.app import AdminParts, admin_app
from pulumi_groq.gateway.admin.credentials import AdminKey
from pulumi_groq.gateway.admin.key_values import KeyValues
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.app import Gateway
from pulumi_groq.gateway.clock import SystemClock
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.ids import ObjectIds
from pulumi_groq.gateway.movable_clock import MovableClock
from pulumi_groq.gateway.operations import Readyz, healthz
from pulumi_groq.gateway.protocols import Clock, KeyUsageRow
from pulumi_groq.gateway.server_secret import server_secret
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.engine import sqlite_path
from pulumi_groq.gateway.store.keys import all_keys
from pulumi_groq.gateway.store.policies import find_policy
from pulumi_groq.gateway.store.store import Store, open_store
from pulumi_groq.gateway.store.teams import all_teams
from pulumi_groq.gateway.test_controls import CuttableProtocol, TestControls
from pulumi_groq.models.spend_policy import AlertSent


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` gets the base URL once requests are taken.

    Raises `ConfigurationError` or `StoreOpenError`, in one line, when it cannot start.
    """
    catalogue = Catalogue.load(settings.price_list)
    store = open_store(settings.store_url)
    try:
        clock = MovableClock(SystemClock()) if settings.test_controls else SystemClock()
        app = build(settings, catalogue, store, clock)
        listener = _listen(settings.host, settings.port)
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=CuttableProtocol if settings.test_controls else "httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.drain_s,
        )
        # uvicorn drains, then raises the signal again: what was asked for has been done by then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        _AnnouncedServer(config, announce).run(sockets=[listener])
    finally:
        store.close()


def build(settings: Settings, catalogue: Catalogue, store: Store, clock: Clock) -> ASGIApp:
    """The whole gateway over an open store."""
    directory = LiveDirectory(settings.default_limits)
    with store.read() as connection:
        directory.load(all_teams(connection), all_keys(connection), find_policy(connection))
    admin_key = AdminKey(settings.admin_key)
    random = SystemRandom()
    ids = ObjectIds(clock, random)
    admin = admin_app(
        AdminParts(
            store=store,
            directory=directory,
            catalogue=catalogue,
            usage=_NoTraffic(),
            clock=clock,
            ids=ids,
            values=KeyValues(random),
            admin_key=admin_key,
            seal=Seal(server_secret(settings.gateway_secret, sqlite_path(settings.store_url))),
            defaults=settings.default_limits,
        )
    )
    gateway = Gateway(
        admin=admin,
        inference=None,
        operations={"/healthz": healthz, "/readyz": Readyz(store)},
        admin_key=admin_key,
        ids=ids,
        lifespan=_lifespan,
    )
    if isinstance(clock, MovableClock):
        return TestControls(gateway, clock=clock, admin_key=admin_key, upstream_calls=Counter())
    return gateway


@asynccontextmanager
async def _lifespan() -> AsyncIterator[None]:
    yield


class _NoTraffic:
    """Stands in until the ledger lands."""

    def usage_by_key(self, now: datetime) -> Mapping[str, KeyUsageRow]:  # noqa: ARG002 (protocol)
        return {}

    def last_used_at(self, key_id: str) -> datetime | None:  # noqa: ARG002 (protocol)
        return None

    def month_spend_micro_usd(self, now: datetime) -> int:  # noqa: ARG002 (protocol)
        return 0

    def alerts_sent(self, now: datetime) -> list[AlertSent]:  # noqa: ARG002 (protocol)
        return []


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"--host {host} is not an address of this machine: {error.strerror}"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            reason = "it is in use: stop what uses it, or give another --port (0 picks a free one)"
        else:
            reason = f"{error.strerror}: give another --host or --port"
        raise ConfigurationError(f"cannot listen on {host} port {port}: {reason}") from error
    return listener


class _AnnouncedServer(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then announce."""
        await super().startup(sockets=sockets)
        if sockets:
            host, port, *_ = sockets[0].getsockname()
            self._announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
