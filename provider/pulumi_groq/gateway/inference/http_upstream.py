"""Groq, or whatever speaks its API, over HTTP/1.1."""

import asyncio
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pulumi_groq.gateway.egress_proxy import DIRECT, EgressProxies, TunnelRefusedError, open_tunnel
from pulumi_groq.gateway.http.write_coalescing import WriteCoalescer
from pulumi_groq.gateway.inference.http1 import Http1Connection
from pulumi_groq.gateway.inference.upstream import (
    UnknownUpstreamKeyError,
    UpstreamAnswer,
    UpstreamCall,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from pulumi_groq.gateway.upstream_keys import DEFAULT, UpstreamKeys

IDLE_S: Final = 15.0
"""A pooled connection idle for longer is not used again: the upstream may be about to close it."""


@dataclass(frozen=True, slots=True)
class UpstreamTimeouts:
    """Seconds: to connect (with TLS), and to wait for an answer's head and for each next piece of it."""

    connect_s: float = 10.0
    read_s: float = 120.0


DEFAULT_TIMEOUTS: Final = UpstreamTimeouts()


class HttpUpstream:
    """A pool of connections to `base_url`, each request authorised with the key that it names; `Settings`
    checked all of them.

    For https the certificate must be one that this machine trusts, or that `tls` does; it goes through one of
    the `proxies`, encrypted from end to end. Requests are sent together with what else `coalescer` sends.
    """

    def __init__(
        self,
        base_url: str,
        keys: UpstreamKeys,
        *,
        timeouts: UpstreamTimeouts = DEFAULT_TIMEOUTS,
        tls: ssl.SSLContext | None = None,
        coalescer: WriteCoalescer | None = None,
        proxies: EgressProxies = DIRECT,
    ) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._proxy = proxies.of(self._host, self._port) if self._tls else None
        self._path_prefix = parts.path.rstrip("/").encode()
        self._timeouts = timeouts
        self._coalescer = coalescer or WriteCoalescer()
        self._idle: list[Http1Connection] = []
        self._keys = keys
        self._host_lines = f"host: {parts.netloc}\r\naccept-encoding: identity\r\n".encode()
        self._authorised: dict[str | None, tuple[str, bytes]] = {}

    def send(self, call: UpstreamCall) -> Awaitable[UpstreamAnswer]:
        """The answer, once its head has arrived. Raises `UpstreamError`."""
        head = self._head(call)
        connection = self._pooled()
        return self._send_anew(head, call) if connection is None else connection.request(head, call.body)

    async def _send_anew(self, head: bytes, call: UpstreamCall) -> UpstreamAnswer:
        connection = await self._connect()
        return await connection.request(head, call.body)

    async def close(self) -> None:
        """Ends the idle connections; running requests end theirs."""
        while self._idle:
            self._idle.pop().abort()

    def _fixed_lines(self, name: str | None) -> bytes:
        """The lines that all requests with this key have; made anew when the key is."""
        key = self._keys.find(name or DEFAULT)
        if key is None:
            raise UnknownUpstreamKeyError(f"the gateway has no upstream key {name or DEFAULT}")
        known = self._authorised.get(name)
        if known is None or known[0] is not key:
            known = key, self._host_lines + b"authorization: Bearer %b\r\n" % key.encode()
            self._authorised[name] = known
        return known[1]

    def _head(self, call: UpstreamCall) -> bytes:
        fixed_lines = self._fixed_lines(call.upstream_key)
        length = len(call.body) if isinstance(call.body, bytes) else call.length_bytes
        agent = b"user-agent: %b\r\n" % call.user_agent if call.user_agent else b""
        if call.method != "POST":
            return b"%b %b HTTP/1.1\r\n%baccept: %b\r\n%b\r\n" % (
                call.method.encode(),
                self._path_prefix + call.path.encode(),
                fixed_lines,
                call.accept,
                agent,
            )
        return b"".join(  # in a quarter of the time of a format
            (
                b"POST ",
                self._path_prefix,
                call.path.encode(),
                b" HTTP/1.1\r\n",
                fixed_lines,
                b"content-type: ",
                call.content_type,
                b"\r\naccept: ",
                call.accept,
                b"\r\n",
                agent,
                b"content-length: %d\r\n\r\n" % length,
            )
        )

    def _pooled(self) -> Http1Connection | None:
        """The connection that was used last: those that are too many grow old and go."""
        oldest_s = asyncio.get_running_loop().time() - IDLE_S
        while self._idle and self._idle[0].idle_since_s < oldest_s:
            self._idle.pop(0).abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _new_connection(self) -> Http1Connection:
        return Http1Connection(self._timeouts.read_s, self._idle.append, self._coalescer)

    async def _connect(self) -> Http1Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                if self._proxy is None:
                    _, connection = await loop.create_connection(
                        self._new_connection, self._host, self._port, ssl=self._tls
                    )
                else:
                    tunnel = await open_tunnel(self._proxy, self._host, self._port)
                    _, connection = await loop.create_connection(
                        self._new_connection, sock=tunnel, ssl=self._tls, server_hostname=self._host
                    )
        except TimeoutError as failure:
            raise UpstreamTimeoutError("no connection in time", sent=False) from failure
        except TunnelRefusedError as failure:
            raise UpstreamUnreachableError(str(failure)) from failure
        except OSError as failure:
            raise UpstreamUnreachableError(type(failure).__name__) from failure
        return connection
