"""Puts a gateway together from its settings, over an open store."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random, SystemRandom

from starlette.types import ASGIApp

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.admin_key_uses import AdminKeyUses
from pulumi_groq.gateway.admin.app import admin_app
from pulumi_groq.gateway.admin.changes import Changes
from pulumi_groq.gateway.admin.credentials import AdminCredentials, RootKey
from pulumi_groq.gateway.admin.external_rotation import ExternalRotation
from pulumi_groq.gateway.admin.handlers import admin_handlers
from pulumi_groq.gateway.admin.openapi import TOKEN_PATH
from pulumi_groq.gateway.admin.quiet_period import nobody_else
from pulumi_groq.gateway.admin.refused_attempts import RefusedAttempts
from pulumi_groq.gateway.admin.retention import Retention
from pulumi_groq.gateway.admin.rotator_endpoint import ROTATE_PATH, RotatorEndpoint
from pulumi_groq.gateway.admin.seal import Seal
from pulumi_groq.gateway.app import Gateway
from pulumi_groq.gateway.batches.plane import StoredPlane
from pulumi_groq.gateway.batches.retention import BatchRetention
from pulumi_groq.gateway.batches.service import Batches
from pulumi_groq.gateway.batches.upstream_api import UpstreamApi
from pulumi_groq.gateway.clock import MovableClock, ObjectIds
from pulumi_groq.gateway.consumers import Consumers
from pulumi_groq.gateway.directory import LiveDirectory
from pulumi_groq.gateway.directory_sync import Directories, DirectorySync
from pulumi_groq.gateway.fault_injection import FaultInjection
from pulumi_groq.gateway.following import Following
from pulumi_groq.gateway.gauges import GatewayGauges
from pulumi_groq.gateway.health import Background, Health, Readyz, healthz
from pulumi_groq.gateway.http.certificate import ServerCertificate
from pulumi_groq.gateway.http.connections import Connections
from pulumi_groq.gateway.http.drain import Drain
from pulumi_groq.gateway.http.write_coalescing import WriteCoalescer
from pulumi_groq.gateway.identity.credentials import Credentials
from pulumi_groq.gateway.identity.directory import IdentityDirectory
from pulumi_groq.gateway.identity.exchange import TokenExchange
from pulumi_groq.gateway.identity.exchange_log import ExchangeLog
from pulumi_groq.gateway.identity.issuer_documents import FetchedDocuments, IssuerAddresses
from pulumi_groq.gateway.identity.issuer_keys import IssuerKeys
from pulumi_groq.gateway.identity.token_endpoint import TokenEndpoint, refused_tokens
from pulumi_groq.gateway.identity.verifier import TokenVerifier
from pulumi_groq.gateway.inference.cross_origin import allowing_origins
from pulumi_groq.gateway.inference.echo.upstream import EchoUpstream
from pulumi_groq.gateway.inference.http_upstream import HttpUpstream
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS
from pulumi_groq.gateway.inference.plane import InferencePlane
from pulumi_groq.gateway.inference.record import Observer
from pulumi_groq.gateway.inference.upstream import Upstream
from pulumi_groq.gateway.key_values import KeyValues
from pulumi_groq.gateway.metering.journal import journal_directory
from pulumi_groq.gateway.metering.opening import open_metering
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses, WebhookSender
from pulumi_groq.gateway.metrics import DenialBook, GatewayMetrics
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.server_secret import agree_on_secret, server_secret
from pulumi_groq.gateway.settings import ECHO, Settings
from pulumi_groq.gateway.sharing import live_gateways, local_rates, redis_counters, replica_of
from pulumi_groq.gateway.sign_in_attempts import SignInAttempts
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.gateway.store.teams import all_teams
from pulumi_groq.gateway.ui import UI_PATHS, Ui
from pulumi_groq.gateway.ui.sessions import Sessions
from pulumi_groq.gateway.ui.source import GatewaySource
from pulumi_groq.gateway.upkeep import Upkeep
from pulumi_groq.gateway.upstream_keys import DEFAULT, UpstreamKeys

_log = logging.getLogger("pulumi_groq.gateway.upstream")


@dataclass(frozen=True, slots=True)
class Assembly:
    """A gateway ready to be served; `drain` sends new inference requests away while it shuts down, and
    `coalescer` and `connections` are for the connections to its clients, of which those that are refused any
    other request may still make the essential ones.
    """

    app: ASGIApp
    drain: Drain
    coalescer: WriteCoalescer
    connections: Connections
    is_essential: Callable[[str], bool]


def assemble(
    settings: Settings,
    catalogue: Catalogue,
    store: Store,
    clock: Clock,
    observers: tuple[Observer, ...] = (),
    certificate: ServerCertificate | None = None,
) -> Assembly:
    """The whole gateway; with the test controls in front when `clock` can be moved.

    `observers` are told of each inference request, beside the gateway's own. `certificate` is kept up to
    date.
    Raises `StoreOpenError` when what belongs to the store cannot be read or written.
    """
    directory = LiveDirectory(settings.default_limits)
    directories = Directories(directory, AdminKeyDirectory(clock), IdentityDirectory(directory))
    changes = Changes(store)
    sync = DirectorySync(store, changes, directories)
    sync.load()
    random = SystemRandom()
    ids = ObjectIds(clock, Random())  # noqa: S311  ids are no secrets, and a system call each is too much
    secret = server_secret(settings.gateway_secret, store.files)
    agree_on_secret(store, secret)
    issued = Credentials(secret, directories.identities, clock)
    root = RootKey(settings.admin_key)
    credentials = AdminCredentials([root, directories.admin_keys, issued])
    metrics = GatewayMetrics()
    health = Health(metrics)
    background = Background(health)
    webhook_addresses = WebhookAddresses(settings.webhook_hosts)
    sessions = Sessions(secret, settings.admin_key, clock, random)
    following = Following(sync=sync, background=background, ended=sessions.ended)
    replica = replica_of(store, directory, following)
    redis = None if settings.counters_url is None else redis_counters(settings, store, health, metrics)
    service = open_metering(
        store=store,
        journal_directory=journal_directory(store.files),
        directory=directory,
        clock=clock,
        events=metrics,
        background=background,
        sender=WebhookSender(webhook_addresses, proxies=settings.egress_proxies),
        random=random,
        rates=local_rates(store) if redis is None else redis,
        money=None if replica is None else replica.money,
    )
    consumers = Consumers(store, clock)
    following.tell(service.guard.follow)
    drain = Drain()
    coalescer = WriteCoalescer(drain)
    upstream_keys = UpstreamKeys(settings.all_upstream_keys)
    _tell_of_upstream_keys(upstream_keys, store)
    upstream, upstream_calls = _upstream(settings, upstream_keys, clock, coalescer)
    api = UpstreamApi(upstream)
    batches = Batches(
        store=store,
        metering=service.metering,
        api=api,
        catalogue=catalogue,
        clock=clock,
        disbelieved=metrics.disbelieved,
    )
    inference = InferencePlane(
        directory=directory,
        metering=service.metering,
        upstream=upstream,
        catalogue=catalogue,
        clock=clock,
        ids=ids,
        drain=drain,
        stored=StoredPlane(
            store=store,
            batches=batches,
            api=api,
            catalogue=catalogue,
            clock=clock,
            options=DEFAULT_OPTIONS,
        ),
        observers=(DenialBook(service.ledger, clock).observe, metrics.observe, consumers.observe, *observers),
        issued=issued.access,
        gateways=live_gateways(store),
    )
    egress = settings.egress_proxies
    issuer_addresses = IssuerAddresses(settings.issuer_hosts, loopback_http=settings.allow_loopback_issuers)
    exchange = TokenExchange(
        verifier=TokenVerifier(IssuerKeys(FetchedDocuments(issuer_addresses, proxies=egress), clock), clock),
        identities=directories.identities,
        credentials=issued,
        store=store,
        log=ExchangeLog(store, clock),
        clock=clock,
    )
    admin_key_uses = AdminKeyUses(store, directories.admin_keys)
    if replica is not None:
        replica.answer_reports(service.report, admin_key_uses.write)
    handlers = admin_handlers(
        store=store,
        changes=changes,
        directory=directory,
        admin_key_directory=directories.admin_keys,
        catalogue=catalogue,
        usage=service.usage,
        consumers=consumers,
        pauses=service.guard,
        clock=clock,
        ids=ids,
        values=KeyValues(random),
        seal=Seal(secret),
        defaults=settings.default_limits,
        webhook_addresses=webhook_addresses,
        identities=directories.identities,
        issuer_addresses=issuer_addresses,
        upstream_keys=upstream_keys.names,
        ask_for_reports=nobody_else if replica is None else replica.reports.ask,
    )
    ui = Ui(
        source=partial(GatewaySource, handlers),
        credentials=credentials,
        sessions=sessions,
        attempts=SignInAttempts(clock),
        store=store,
        clock=clock,
    )
    attempts = refused_tokens(clock)
    connections = Connections(settings.connection_bounds)
    metrics.registry.register(
        GatewayGauges(
            drain=drain,
            connections=connections,
            service=service,
            health=health,
            directory=directory,
            clock=clock,
            batches=batches,
            store=store,
        )
    )
    gateway = Gateway(
        admin=admin_app(handlers, credentials, ids, RefusedAttempts(clock), metrics.admin_refused),
        inference=allowing_origins(inference, settings.cors_origins),
        operations={
            "/healthz": healthz,
            "/readyz": Readyz(store, health, lambda: service.ledger.set_aside),
            "/metrics": metrics,
            **dict.fromkeys(UI_PATHS, ui),
            TOKEN_PATH: TokenEndpoint(exchange, attempts, metrics.token_exchanged),
            ROTATE_PATH: RotatorEndpoint(
                exchange,
                ExternalRotation(store, handlers.keys, handlers.minting),
                attempts,
                metrics.admin_refused,
            ),
        },
        credentials=credentials,
        ids=ids,
        lifespan=Upkeep(
            service=service,
            batches=batches,
            batch_retention=BatchRetention(store, api, clock),
            consumers=consumers,
            retention=Retention(store, clock, timedelta(days=settings.change_retention_days)),
            admin_key_uses=admin_key_uses,
            background=background,
            upstream=upstream,
            redis=redis,
            replica=replica,
            certificate=certificate,
            upstream_keys=upstream_keys,
        ).lifespan,
    )
    app: ASGIApp = gateway
    if isinstance(clock, MovableClock):
        app = FaultInjection(
            gateway, clock=clock, root=AdminCredentials([root]), upstream_calls=upstream_calls
        )
    return Assembly(app, drain, coalescer, connections, gateway.is_essential)


def _tell_of_upstream_keys(keys: UpstreamKeys, store: Store) -> None:
    """What the operator has to know at the start: the names, and whose is missing."""
    if keys.names != (DEFAULT,):
        _log.info("upstream keys: %s", ", ".join(keys.names))
    with store.read_soundly() as connection:
        for team in all_teams(connection):
            if team.upstream_key is not None and team.upstream_key not in keys.names:
                _log.error(
                    "team %s names the upstream key %s, which this gateway does not have: its requests get "
                    "502 until it is given with --upstream-key",
                    team.name,
                    team.upstream_key,
                )


def _upstream(
    settings: Settings, keys: UpstreamKeys, clock: Clock, coalescer: WriteCoalescer
) -> tuple[Upstream, Mapping[str, int]]:
    """The upstream, and its count of calls by path where it keeps one."""
    if settings.upstream == ECHO:
        echo = EchoUpstream(clock)
        return echo, echo.calls
    proxies = settings.egress_proxies
    return HttpUpstream(settings.upstream, keys, coalescer=coalescer, proxies=proxies), {}
