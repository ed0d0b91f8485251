"""Which addresses a webhook may go to: public ones, and what the operator lists.

Otherwise whoever may write the spending policy could have the gateway call what only its network reaches.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

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


class WebhookAddresses:
    """`listed` are host names, addresses and networks that are allowed besides public addresses.

    Raises `ConfigurationError` for anything else.
    """

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
                    f"--webhook-hosts: {entry[:80]!r} is neither a host name nor an address nor a "
                    "network such as 10.1.0.0/16"
                )

    def allow(self, host: str, address: str) -> bool:
        """Whether a webhook for the URL's `host` may connect to `address`, which it resolved to."""
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
