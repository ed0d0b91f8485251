"""What an operator sets; all of it is checked here, before anything starts."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.counters.redis_address import parse_redis_url
from pulumi_groq.gateway.egress_proxy import DIRECT, EgressProxies
from pulumi_groq.gateway.http.connections import DEFAULT_BOUNDS, MIB, ConnectionBounds
from pulumi_groq.gateway.http.proxies import ProxyHeaders, TrustedProxies
from pulumi_groq.gateway.identity.issuer_documents import IssuerAddresses
from pulumi_groq.gateway.metering.webhook_sender import WebhookAddresses
from pulumi_groq.gateway.store.membership import STALE_KEYS_S
from pulumi_groq.gateway.store.postgresql import is_postgresql
from pulumi_groq.gateway.upstream_keys import DEFAULT, KeySource, UpstreamKeys
from pulumi_groq.policy.access import Limits

ECHO: Final = "echo"
_SHORTEST_SECRET: Final = 16
DEFAULT_LIMITS: Final = Limits(requests_per_minute=1_000, tokens_per_minute=250_000)
"""Groq's developer plan for its current chat models (October 2026)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one gateway. Raises `ConfigurationError` for what cannot work; shows no secret.

    `default_limits` hold for keys that declare none. `drain_s` is how long running requests may take to
    finish at shutdown. Changes are kept for `change_retention_days`. `webhook_hosts` are names, addresses and
    networks that alerts may go to beside public ones, and `issuer_hosts` those of OIDC issuers;
    `allow_loopback_issuers` takes issuers of this machine over plain http. Without `gateway_secret` one is
    kept beside the store.
    `upstream_keys` are the operator's keys for teams that name one. `max_body_mib` bounds the request bodies
    that are kept at one time; a peer is an address that connects.
    Pages of `cors_origins` may call the inference API from a browser. `accept_older_store` starts on a store
    that has lost writes which it acknowledged. Rate limits are counted at
    `counters_url`, which may hold a password, else here. `data_dir` is where a gateway on
    PostgreSQL keeps its journal and its secret, and for `stale_keys_s` after PostgreSQL last answered it goes
    on with the keys that it knows.
    The listener speaks TLS with `tls_cert` and `tls_key` (PEM), which are read again when they change. What
    `trusted_proxies` (addresses and networks) say of their clients in `proxy_headers` is believed. What
    the gateway sends over https goes through `egress_proxies`.
    """

    admin_key: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8700
    store_url: str = field(default="sqlite:///gateway.db", repr=False)
    data_dir: Path | None = None
    stale_keys_s: int = STALE_KEYS_S
    upstream: str = ECHO
    upstream_key: str | None = field(default=None, repr=False)
    upstream_keys: tuple[KeySource, ...] = ()
    gateway_secret: str | None = field(default=None, repr=False)
    price_list: Path | None = None
    default_limits: Limits = DEFAULT_LIMITS
    drain_s: int = 30
    change_retention_days: int = 365
    max_connections: int = DEFAULT_BOUNDS.connections
    max_connections_per_peer: int = DEFAULT_BOUNDS.per_peer_connections
    max_body_mib: int = DEFAULT_BOUNDS.kept_bytes // MIB
    max_body_mib_per_peer: int = DEFAULT_BOUNDS.per_peer_kept_bytes // MIB
    cors_origins: tuple[str, ...] = ()
    webhook_hosts: tuple[str, ...] = ()
    issuer_hosts: tuple[str, ...] = ()
    allow_loopback_issuers: bool = False
    log_format: Literal["text", "json"] = "text"
    counters_url: str | None = field(default=None, repr=False)
    when_counters_are_down: WhenDown = "local-share"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    proxy_headers: ProxyHeaders = "x-forwarded"
    egress_proxies: EgressProxies = DIRECT
    test_controls: bool = False
    accept_older_store: bool = False

    def __post_init__(self) -> None:
        _require_own_secret("GROQ_ADMIN_KEY", self.admin_key, "the key that administers this gateway")
        if self.gateway_secret is not None:
            _require_own_secret(
                "GROQ_GATEWAY_SECRET", self.gateway_secret, "the secret that seals stored answers"
            )
        for origin in self.cors_origins:
            _require_origin(origin)
        WebhookAddresses(self.webhook_hosts)
        IssuerAddresses(self.issuer_hosts)
        TrustedProxies(self.trusted_proxies)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigurationError(
                "--tls-cert and --tls-key go together: a certificate is served with its key"
            )
        if self.counters_url is not None:
            parse_redis_url(self.counters_url)
        if self.data_dir is not None and not is_postgresql(self.store_url):
            raise ConfigurationError(
                "--data-dir goes with a store on PostgreSQL: a SQLite store has its files beside it"
            )
        if self.upstream != ECHO:
            _require_safe_upstream(self.upstream)
            if all(source.name != DEFAULT for source in self.upstream_keys):
                _require_secret("GROQ_API_KEY", self.upstream_key or "", f"the key for {self.upstream}")
        UpstreamKeys(self.all_upstream_keys)
        if self.upstream == ECHO:
            return
        if self.test_controls:
            raise ConfigurationError("--test-controls can move the clock: use it with --upstream echo only")

    @property
    def all_upstream_keys(self) -> tuple[KeySource, ...]:
        """Where the upstream's keys come from, GROQ_API_KEY unless another is named for it."""
        named = any(source.name == DEFAULT for source in self.upstream_keys)
        if named or self.upstream == ECHO or self.upstream_key is None:
            return self.upstream_keys
        return (KeySource(DEFAULT, self.upstream_key), *self.upstream_keys)

    @property
    def connection_bounds(self) -> ConnectionBounds:
        """The bounds of connections and kept bodies."""
        return ConnectionBounds(
            connections=self.max_connections,
            per_peer_connections=self.max_connections_per_peer,
            kept_bytes=self.max_body_mib * MIB,
            per_peer_kept_bytes=self.max_body_mib_per_peer * MIB,
        )


def _require_origin(origin: str) -> None:
    try:
        url = urlsplit(origin)
        usable = origin == f"{url.scheme}://{url.netloc}" and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or url.scheme not in {"http", "https"} or "@" in url.netloc or origin != origin.lower():
        raise ConfigurationError(
            f"--cors-origins {origin!r} is no origin: give scheme and host in lower case, without a path, "
            "such as https://app.example.com"
        )


def _require_secret(variable: str, value: str, purpose: str) -> None:
    if not value:
        raise ConfigurationError(f"{variable} is not set: put {purpose} into the environment")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ConfigurationError(f"{variable} holds spaces, line ends or non-ASCII characters: set it again")


def _require_own_secret(variable: str, value: str, purpose: str) -> None:
    """A secret that whoever runs the gateway makes up, and that others may try to guess."""
    _require_secret(variable, value, purpose)
    if len(value) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"{variable} can be guessed: it has {len(value)} of the {_SHORTEST_SECRET} characters that it "
            "needs. Make a random one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )


def _require_safe_upstream(upstream: str) -> None:
    try:
        url = urlsplit(upstream)
        usable = bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or url.scheme not in {"http", "https"} or url.query or url.fragment or "@" in url.netloc:
        raise ConfigurationError(
            "--upstream must be echo or a base URL such as https://api.groq.com, without a user or a query"
        )
    if url.scheme == "http" and not _is_loopback(url):
        raise ConfigurationError(
            "--upstream would send the upstream key and all prompts unencrypted: use https, or http to this "
            "machine only"
        )


def _is_loopback(url: SplitResult) -> bool:
    if url.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return False
