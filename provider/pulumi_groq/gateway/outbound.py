"""Requests to URLs that somebody else chose: to public addresses and to those that an operator lists."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final

import httpx

from pulumi_groq.errors import ConfigurationError

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
        if host.lower().removesuffix(".") in self._hosts:
            return True
        judged = _address(address)
        return judged is not None and (any(judged in each for each in self._networks) or _is_public(judged))

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


Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host name and port to addresses. Raises `OSError`."""


class JudgedClient:
    """Sends requests over connections that serve one each. Redirects are not followed.

    It goes to the judged address itself, so that a name cannot mean another one a moment later; the name
    stays in `Host`, in TLS and in the check of the certificate. Proxies of the environment are not used:
    they would resolve the name themselves. `timeout_s` is for each phase.
    """

    def __init__(
        self,
        addresses: OutboundAddresses,
        timeout_s: float,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._resolve = resolve or _resolved
        self._tls = tls

    @asynccontextmanager
    async def sending(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer, its body unread. Raises `AddressNotAllowedError`, `httpx.HTTPError`, `OSError` and,
        for a host that is no name, `ValueError`.
        """
        host = url.raw_host.decode("ascii")
        found = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
        allowed = [address for address in found if self._addresses.allow(host, address)]
        if not allowed:
            raise AddressNotAllowedError
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._timeout_s
        ) as client:
            request = _requests(client, method, url, headers, body)
            answer = await _first_answer(client, [request(address) for address in allowed])
            try:
                yield answer
            finally:
                await answer.aclose()


def _requests(
    client: httpx.AsyncClient, method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes | None
) -> Callable[[str], httpx.Request]:
    def to(address: str) -> httpx.Request:
        return client.build_request(
            method,
            url.copy_with(host=address),
            content=body,
            headers={**headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )

    return to


async def _first_answer(client: httpx.AsyncClient, requests: Sequence[httpx.Request]) -> httpx.Response:
    for request in requests[:-1]:
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError:
            continue
    return await client.send(requests[-1], stream=True)


async def _resolved(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
