"""Serves a gateway on a port until it is told to stop."""

import asyncio
import errno
import gc
import logging
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.assembly import Assembly, assemble
from pulumi_groq.gateway.clock import MovableClock, SystemClock
from pulumi_groq.gateway.http.certificate import ServerCertificate
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.http.proxies import TrustedProxies
from pulumi_groq.gateway.http.tls import over_tls
from pulumi_groq.gateway.logs import LineFormatter, set_up_logs
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.errors import StoreBehindError, StoreUnavailableError
from pulumi_groq.gateway.store.membership import BEHIND
from pulumi_groq.gateway.store.store import open_store

LAST_REQUESTS_S: Final = 0.25
"""How long connections in use have for their last request before idle ones are closed."""

MOST_LET_IN: Final = 4096
"""As many as may wait; others that come meanwhile are as those that come too late."""

CLOSE_WITHIN_S: Final = 12.0
"""How long what follows the drain may take: supervisors are told to wait 15 s longer than the drain."""

_OTHER_DESCRIPTORS: Final = 256
"""For the store, the journal, webhooks and everything else."""

_log = logging.getLogger("pulumi_groq.gateway.server")


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; `announce` gets the base URL once requests are taken.

    Raises `ConfigurationError` or `StoreOpenError`, in one line, when it cannot start, and
    `StoreBehindError` when it cannot go on.
    """
    request_log = set_up_logs(settings.log_format, sys.stderr)
    _set_up_other_logs(settings)
    catalogue = Catalogue.load(settings.price_list)
    certificate = _certificate(settings)
    store = open_store(
        settings.store_url,
        accept_older=settings.accept_older_store,
        data_directory=settings.data_dir,
        stale_keys_s=settings.stale_keys_s,
    )
    try:
        clock = MovableClock(SystemClock()) if settings.test_controls else SystemClock()
        try:
            gateway = assemble(settings, catalogue, store, clock, (request_log.observe,), certificate)
        except StoreUnavailableError as error:
            raise store.backend.cannot_use(error) from error
        _allow_descriptors(2 * settings.max_connections + _OTHER_DESCRIPTORS)
        listener = _listen(settings.host, settings.port)
        make = partial(
            HttpProtocol,
            coalescer=gateway.coalescer,
            connections=gateway.connections,
            is_essential=gateway.is_essential,
            proxies=TrustedProxies(settings.trusted_proxies, settings.proxy_headers),
        )
        made = make if certificate is None else over_tls(make, certificate, gateway.connections)
        config = uvicorn.Config(
            gateway.app,
            interface="asgi3",
            loop="uvloop",
            http=made,  # type: ignore[arg-type]  # uvicorn only calls it
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=settings.drain_s,
        )
        _collect_less()
        scheme = "http" if certificate is None else "https"
        server = _AnnouncedServer(config, announce, gateway, scheme)
        # From here on they drain, also before uvicorn looks after them itself, and after it has: it raises
        # again what has been done by then.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it of SIGHUP
                signal.signal(number, server.handle_exit)
        store.when_behind(server.end)
        server.run(sockets=[listener])
        if store.is_behind:
            raise StoreBehindError(BEHIND)
    finally:
        store.close()


def _certificate(settings: Settings) -> ServerCertificate | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:
        return ServerCertificate(settings.tls_cert, settings.tls_key)
    except ConfigurationError as problem:
        raise ConfigurationError(f"{problem} ({settings.tls_cert}, {settings.tls_key})") from None


def _allow_descriptors(needed: int) -> None:
    """Each connection takes a file descriptor, and each request on its way upstream another."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = needed if resource.RLIM_INFINITY in {soft, hard} else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        _log.warning(
            "this process may open %d files, --max-connections needs up to %d: raise the limit (ulimit -n)",
            allowed,
            needed,
        )


def _collect_less() -> None:
    """Requests leave hardly any cycles behind, but their objects live long enough to be looked at again
    and again. What exists by now (code, keys) stays for good and is never looked at.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _set_up_other_logs(settings: Settings) -> None:
    """Warnings and tracebacks of libraries, uvicorn's and asyncio's too, in the form of our own lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(settings.log_format))
    logger = logging.getLogger()
    logger.handlers[:] = [handler]
    logger.setLevel(logging.WARNING)


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


def _end_as_it_is() -> None:
    _log.error(
        "the store does not answer, so the gateway ends as if it were killed: what it spent is in its "
        "journal, and booked when it starts again"
    )
    os._exit(1)


class _AnnouncedServer(uvicorn.Server):
    """Says where it listens once it does; sends new requests away once it is told to stop, or has to."""

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[str], None], gateway: Assembly, scheme: str
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._scheme = scheme
        self._gateway = gateway

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then announce."""
        await super().startup(sockets=sockets)
        if sockets:
            host, port, *_ = sockets[0].getsockname()
            self._announce(f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}")

    async def _let_in(self, sockets: list[socket.socket]) -> None:
        """Let in who has connected: with the socket that listens they would be cut off, unheard."""
        waiting = select.poll()
        for each in sockets:
            waiting.register(each, select.POLLIN)
        for _ in range(MOST_LET_IN):
            if not waiting.poll(0):
                return
            await asyncio.sleep(0)  # one is let in each time

    def _end_in_any_case(self) -> None:
        """A PostgreSQL that is silent would be waited for until the process is killed, without a word."""
        drain_s = self.config.timeout_graceful_shutdown or 0
        timer = threading.Timer(drain_s + CLOSE_WITHIN_S, _end_as_it_is)
        timer.daemon = True
        timer.start()

    async def _last_requests(self) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + LAST_REQUESTS_S
        while self.server_state.connections and loop.time() < end_s:  # noqa: ASYNC110  uvicorn keeps a set
            await asyncio.sleep(LAST_REQUESTS_S / 25)

    def end(self) -> None:
        """Stop as at SIGTERM. From any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let running requests finish, as uvicorn does, and take no new ones on open connections.

        Before, those that are in use serve what is on its way and tell their clients to send nothing more: a
        request that met an end of its connection would be lost, and nobody may send it again.
        """
        await self._let_in(sockets or [])
        for listening in self.servers:
            listening.close()
        self._gateway.connections.are_ending = True
        await asyncio.sleep(0)
        await self._last_requests()
        self._end_in_any_case()
        self._gateway.drain.begin()
        await super().shutdown(sockets=sockets)
