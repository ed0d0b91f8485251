"""Who is behind a reverse proxy: what it says is believed of named proxies only, judged from the right."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.http.asgi import Header

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
ProxyHeaders = Literal["x-forwarded", "forwarded"]
"""Which headers the proxies write: `X-Forwarded-For` with `X-Forwarded-Proto`, or `Forwarded` (RFC 7239).

Only one of them: a proxy that writes the one passes on what its client claims in the other.
"""
_SCHEMES: Final = ("http", "https")


class Origin(NamedTuple):
    """The address of a client, and the scheme that it used."""

    address: str
    scheme: str


class _Hop(NamedTuple):
    """One address as a proxy saw it; `None` where it says none. `scheme` is empty where it is not said."""

    address: Address | None
    scheme: str


class TrustedProxies:
    """Proxies by address or network.

    Raises `ConfigurationError` for anything else.
    """

    def __init__(self, listed: Iterable[str] = (), headers: ProxyHeaders = "x-forwarded") -> None:
        self._networks = [_network(entry) for entry in listed]
        self._hops = _forwarded_hops if headers == "forwarded" else _x_forwarded_hops

    def trusts(self, address: str) -> bool:
        """Whether what a peer at this address says of its clients is believed."""
        parsed = _address(address)
        return parsed is not None and self._is_trusted(parsed)

    def origin(self, peer: str, scheme: str, headers: Sequence[Header]) -> Origin:
        """Who is behind a trusted `peer`, which was reached over `scheme`.

        From the nearest proxy on, each trusted one tells of the hop before it; the first one that is none of
        them is the client, whatever stands to the left of it. Where a proxy says nothing that can be read, it
        is the client itself.
        """
        found = Origin(peer, scheme)
        for hop in self._hops(headers):
            if hop.address is None:
                break
            found = Origin(str(hop.address), hop.scheme or found.scheme)
            if not self._is_trusted(hop.address):
                break
        return found

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _x_forwarded_hops(headers: Sequence[Header]) -> Iterator[_Hop]:
    """The nearest first. A scheme belongs to a hop only where there is one for each of them."""
    addresses = _listed(headers, b"x-forwarded-for")
    schemes = _listed(headers, b"x-forwarded-proto")
    if len(schemes) != len(addresses):
        schemes = schemes[-1:] * len(addresses)
    for address, scheme in zip(reversed(addresses), reversed(schemes or [""] * len(addresses)), strict=True):
        yield _Hop(_node(address), _scheme(scheme))


def _forwarded_hops(headers: Sequence[Header]) -> Iterator[_Hop]:
    for element in reversed(_listed(headers, b"forwarded")):
        pairs = dict(pair.strip().lower().partition("=")[::2] for pair in element.split(";"))
        yield _Hop(_node(pairs.get("for", "").strip('"')), _scheme(pairs.get("proto", "").strip('"')))


def _listed(headers: Sequence[Header], name: bytes) -> list[str]:
    """The elements of a list that may stand in several lines. A comma in quotes is in no address."""
    return [
        element.strip()
        for header, value in headers
        if header == name
        for element in value.decode("latin-1").split(",")
    ]


def _node(text: str) -> Address | None:
    """An address, with or without brackets and port."""
    if text.startswith("["):
        return _address(text[1:].partition("]")[0])
    return _address(text.partition(":")[0] if text.count(":") == 1 else text)


def _scheme(text: str) -> str:
    return text.lower() if text.lower() in _SCHEMES else ""


def _address(text: str) -> Address | None:
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ConfigurationError(
            f"--trusted-proxies: {text[:80]!r} is neither an address nor a network such as 10.1.0.0/16"
        ) from None
