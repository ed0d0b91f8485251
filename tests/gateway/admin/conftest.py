"""The admin plane in-process, on a store of its own, with a clock and a ledger that tests set."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

import empty_store
from admin_plane import ADMIN_KEY, DEFAULTS, ROLES, Api, SetPauses, SetUsage
from fake_clock import FakeClock
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.app import admin_app
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.admin.credentials import AdminCredentials, RootKey
from pulumi_groq.gateway.admin.handlers import admin_handlers
from pulumi_groq.gateway.admin.quiet_period import nobody_else
from pulumi_groq.gateway.admin.refused_attempts import RefusedAttempts
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.consumers import Consumers
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.identity.issuer_documents import IssuerAddresses
from pulumi_groq.gateway.key_values import KeyValues
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses
from pulumi_groq.gateway.store.admin_keys import all_admin_keys


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread, as the server has one."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    return Catalogue.load()


@pytest.fixture
def make_api(tmp_path: Path, portal: BlockingPortal, catalogue: Catalogue) -> Iterator[Callable[..., Api]]:
    """Makes planes, one at a time on one store; `stop` lets the next have it."""
    running = ExitStack()

    def make(*, secret: str = "a" * 32) -> Api:
        store = empty_store.open_at(tmp_path / "store.db")
        stop = ExitStack()
        stop.callback(store.close)
        running.enter_context(stop)
        clock, usage, directory = FakeClock(), SetUsage(), LiveDirectory(DEFAULTS)
        pauses = SetPauses(store)
        refused: list[str] = []
        admin_keys = AdminKeyDirectory(clock)
        with store.read() as connection:
            admin_keys.load(all_admin_keys(connection), {})
        ids = ObjectIds(clock, SystemRandom())
        handlers = admin_handlers(
            store=store,
            changes=Changes(store),
            directory=directory,
            admin_key_directory=admin_keys,
            catalogue=catalogue,
            usage=usage,
            consumers=Consumers(store, clock),
            pauses=pauses,
            clock=clock,
            ids=ids,
            values=KeyValues(SystemRandom()),
            seal=Seal(secret),
            defaults=DEFAULTS,
            webhook_addresses=WebhookAddresses(["10.9.0.0/16"]),
            identities=IdentityDirectory(directory),
            issuer_addresses=IssuerAddresses(),
            upstream_keys=("default", "research"),
            ask_for_reports=nobody_else,
        )
        app = admin_app(
            handlers,
            AdminCredentials([RootKey(ADMIN_KEY), ROLES, admin_keys]),
            ids,
            RefusedAttempts(clock),
            refused.append,
        )
        return Api(app, portal, store, directory, clock, usage, pauses, stop.close, handlers, refused)

    with running:
        yield make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """A plane on an empty store."""
    return make_api()
