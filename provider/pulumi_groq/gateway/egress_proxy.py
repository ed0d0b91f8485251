"""The proxy through which the gateway reaches the outside, from the environment, and tunnels through it.

`HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` mean what they mean to the admin client, in either case. Only https
goes through it, in a tunnel: the proxy sees names and ports, no key and no prompt.
"""

import asyncio
import ipaddress
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pulumi_groq.errors import ConfigurationError

MOST_ANSWER_BYTES: Final = 16 * 1024
"""Of a proxy's answer to `CONNECT`."""
_DEFAULT_PORT: Final = 80


class TunnelRefusedError(OSError):
    """The proxy does not connect; the text is one line without its address."""


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """Where the proxy is, and what it wants to see."""

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)

    def request(self, host: str, port: int) -> bytes:
        """What asks it to connect to `host`, a name or an address."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1".encode(), f"host: {target}".encode()]
        if self.authorization is not None:
            lines.append(b"proxy-authorization: " + self.authorization)
        return b"\r\n".join([*lines, b"", b""])


class EgressProxies:
    """The proxy of each host by the variables of `environment`; networks in `NO_PROXY` are understood, too.

    Raises `ConfigurationError` for a proxy that is not spoken, without showing its password.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._direct = [entry.strip() for entry in _variable(environment, "no_proxy").lower().split(",")]
        name = next((name for name in ("https_proxy", "all_proxy") if _variable(environment, name)), None)
        self._proxy = None if name is None else _parsed(name, _variable(environment, name))

    def of(self, host: str, port: int) -> EgressProxy | None:
        """The proxy for https to `host`; `None` where it is reached directly."""
        if self._proxy is None or any(_covers(entry, host.lower(), port) for entry in self._direct):
            return None
        return self._proxy


async def open_tunnel(proxy: EgressProxy, host: str, port: int) -> socket.socket:
    """A connection to `host` through the proxy, not yet encrypted. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    connection = await _connected(loop, found)
    try:
        await loop.sock_sendall(connection, proxy.request(host, port))
        reader = TunnelAnswer()
        while not reader.is_complete:
            # A byte too many would be one of the other side's, which speaks only when spoken to.
            reader.take(await loop.sock_recv(connection, MOST_ANSWER_BYTES))
    except BaseException:
        connection.close()
        raise
    return connection


class TunnelAnswer:
    """What the proxy answers, as it comes."""

    def __init__(self) -> None:
        self._received = b""
        self.is_complete = False

    def take(self, piece: bytes) -> None:
        """Some more bytes; none is the end. Raises `TunnelRefusedError`."""
        self._received += piece
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if not end:
            if not piece or len(self._received) > MOST_ANSWER_BYTES:
                raise TunnelRefusedError("the proxy gives no answer of HTTP")
            return
        version, _, rest = head.partition(b" ")
        status = rest[:3].decode("latin-1")
        if not version.startswith(b"HTTP/1.") or not (status.isascii() and status.isdigit()):
            raise TunnelRefusedError("the proxy gives no answer of HTTP")
        if not status.startswith("2"):
            raise TunnelRefusedError(f"the proxy refuses to connect, with status {status}")
        self.is_complete = True


async def _connected(loop: asyncio.AbstractEventLoop, found: list[tuple]) -> socket.socket:  # type: ignore[type-arg]
    failure: OSError = OSError("the proxy has no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
        except OSError as refused:
            connection.close()
            failure = refused
        except BaseException:
            connection.close()
            raise
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise failure


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about a host: `*`, a domain and all below it, an address or a network,
    and any of them with a port.
    """
    if entry == "*":
        return True
    name, _, only = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if only and only != str(port):
        return False
    name = name.removeprefix("*").removeprefix(".")
    if not name:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return host == name or host.endswith(f".{name}")


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _parsed(name: str, text: str) -> EgressProxy:
    shown = name.upper()
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        port = url.port or _DEFAULT_PORT
        usable = bool(url.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{shown} is no URL of a proxy: set it to http://host:port")
    if url.scheme != "http":
        raise ConfigurationError(
            f"{shown}: a proxy is spoken to over http://, not {url.scheme[:20]}://; what goes through it is "
            "encrypted from end to end anyway"
        )
    return EgressProxy(url.hostname or "", port, _authorization(url))


def _authorization(url: SplitResult) -> bytes | None:
    if url.username is None:
        return None
    credentials = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return b"Basic " + b64encode(credentials.encode())


DIRECT: Final = EgressProxies({})
"""No proxy at all."""
