"""Requests to URLs that somebody else chose: to public addresses and to those that an operator lists."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import ClassVar, Final, NamedTuple

import httpcore
import httpx

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.egress_proxy import (
    DIRECT,
    MOST_ANSWER_BYTES,
    EgressProxies,
    EgressProxy,
    TunnelAnswer,
    TunnelRefusedError,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST_V6: Final = ipaddress.ip_network("2000::/3")
_REFUSED: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata is at 100.100.100.200
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's host agent at a public address
            "169.254.0.0/16",  # link-local; most clouds' metadata is at 169.254.169.254
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved and broadcast
            "2001::/23",  # Teredo and other protocols
            "2001:db8::/32",
            "2002::/16",  # 6to4, which holds any IPv4 address
            "3fff::/20",
        ),
    )
)
"""Of the IANA special-purpose address registries. Of IPv6 nothing outside 2000::/3 is taken either: loopback,
link-local, unique local, multicast, IPv4-mapped addresses and NAT64 are all there."""


class OutboundAddresses:
    """`listed` are host names, addresses and networks that are allowed besides public addresses.

    Raises `ConfigurationError` for anything else, naming the class's `option`.
    """

    option: ClassVar[str]

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in listed:
            network = _network(entry)
            if network is not None:
                self._networks.append(network)
            elif _is_host_name(entry):
                self._hosts.add(entry.lower().removesuffix("."))
            else:
                raise ConfigurationError(
                    f"{self.option}: {entry[:80]!r} is neither a host name nor an address nor a "
                    "network such as 10.1.0.0/16"
                )

    def allow(self, host: str, address: str) -> bool:
        """Whether a request to the URL's `host` may connect to `address`, which it resolved to."""
        if self.names(host):
            return True
        judged = _address(address)
        return judged is not None and (any(judged in each for each in self._networks) or _is_public(judged))

    def names(self, host: str) -> bool:
        """Whether the host itself is listed, whatever its address."""
        return host.lower().removesuffix(".") in self._hosts

    def allow_as_written(self, host: str) -> bool:
        """False for a host that is plainly refused before any name is resolved: an address in any
        spelling that resolvers take, or `localhost`."""
        written = host.lower().removesuffix(".").strip("[]")
        if written == "localhost" or written.endswith(".localhost"):
            return self.allow(host, "127.0.0.1")
        literal = _address(written) or _old_literal(written)
        return literal is None or self.allow(host, str(literal))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST_V6:
        return False
    return address.is_global and not any(address in each for each in _REFUSED)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _old_literal(text: str) -> Address | None:
    """To the C library, 127.1, 0x7f000001 and 2130706433 are addresses, too."""
    if not text[:1].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"))
    except ValueError:
        return None


def _is_host_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return (
        0 < len(text) <= 253
        and text.isascii()
        and not labels[-1].isdigit()
        and all(label.replace("-", "").replace("_", "").isalnum() for label in labels)
    )


class AddressNotAllowedError(Exception):
    """No address of the host may be connected to."""


_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host name and port to addresses. Raises `OSError`."""


class RequestFailedError(Exception):
    """A request that got no answer; the text is what kind of failure it was, and nothing of the URL."""


class JudgedAnswer(NamedTuple):
    """What was answered; names of `headers` are in lower case, and `pieces` are the body as it was sent."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterable[bytes]


class JudgedClient:
    """Sends requests over connections that serve one each. Redirects are not followed.

    It goes to the judged address itself, so that a name cannot mean another one a moment later; the name
    stays in `Host`, in TLS and in the check of the certificate. Of `proxies` (for https) the same address is
    asked for, so that what is judged here holds there; a host that is listed by its name goes there by its
    name, which need not be resolved here then. `timeout_s` is for each phase.
    """

    def __init__(
        self,
        addresses: OutboundAddresses,
        timeout_s: float,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        proxies: EgressProxies = DIRECT,
    ) -> None:
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._resolve = resolve or _resolved
        self._tls = tls
        self._proxies = proxies

    @asynccontextmanager
    async def sending(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[JudgedAnswer]:
        """The answer, its body unread. Raises `AddressNotAllowedError`, `RequestFailedError` and, for a host
        that is no name, `ValueError`.
        """
        host = url.raw_host.decode("ascii")
        port = url.port or (443 if url.scheme == "https" else 80)
        proxy = self._proxies.of(host, port) if url.scheme == "https" else None
        try:
            targets = await self._targets(host, port, is_proxied=proxy is not None)
            if self._tls is None:
                self._tls = await asyncio.to_thread(ssl.create_default_context)
            targets_at = [_at(url, target) for target in targets]
            backend = None if proxy is None else _Tunnels(proxy)
            async with (
                httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                self._first_answer(pool, targets_at, method, url, headers, body) as answer,
            ):
                yield JudgedAnswer(
                    answer.status,
                    {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in answer.headers
                    },
                    answer.aiter_stream(),
                )
        except (*_FAILURES, OSError) as failure:
            raise RequestFailedError(type(failure).__name__) from failure

    async def _targets(self, host: str, port: int, *, is_proxied: bool) -> Sequence[str]:
        if is_proxied and self._addresses.names(host):
            return [host]
        found = await self._resolve(host, port)
        allowed = [address for address in found if self._addresses.allow(host, address)]
        if not allowed:
            raise AddressNotAllowedError
        return allowed

    @asynccontextmanager
    async def _first_answer(
        self,
        pool: httpcore.AsyncConnectionPool,
        targets: Sequence[httpcore.URL],
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> AsyncIterator[httpcore.Response]:
        """Of the first target that can be connected to."""
        lines = {**headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"}
        request = partial(
            pool.stream,
            method,
            headers=list(lines.items()),
            content=body,
            extensions={
                "sni_hostname": url.raw_host.decode("ascii"),
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s),
            },
        )
        for target in targets[:-1]:
            with suppress(httpcore.ConnectError):
                async with request(target) as answer:
                    yield answer
                    return
        async with request(targets[-1]) as answer:
            yield answer


class _Tunnels(httpcore.AsyncNetworkBackend):
    """Connects through a proxy."""

    def __init__(self, proxy: EgressProxy) -> None:
        self._proxy = proxy
        self._direct = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A stream to `host` that is not encrypted yet."""
        stream = await self._direct.connect_tcp(
            self._proxy.host, self._proxy.port, timeout, local_address, socket_options
        )
        try:
            await stream.write(self._proxy.request(host, port), timeout)
            answer = TunnelAnswer()
            while not answer.is_complete:
                answer.take(await stream.read(MOST_ANSWER_BYTES, timeout))
        except BaseException as failure:
            await stream.aclose()
            if isinstance(failure, TunnelRefusedError):
                raise httpcore.ConnectError(str(failure)) from failure
            raise
        return stream


def _at(url: httpx.URL, target: str) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=target.encode("ascii"), port=url.port, target=url.raw_path
    )


async def _resolved(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
