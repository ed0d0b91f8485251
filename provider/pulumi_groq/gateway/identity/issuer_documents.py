"""What an issuer publishes, fetched over the network: small JSON documents from judged addresses."""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final, Protocol

import httpx

from pulumi_groq.gateway.egress_proxy import DIRECT, EgressProxies
from pulumi_groq.gateway.outbound import (
    AddressNotAllowedError,
    JudgedClient,
    OutboundAddresses,
    RequestFailedError,
    Resolver,
)

TIMEOUT_S: Final = 5.0
"""For one document in all."""


class IssuerAddresses(OutboundAddresses):
    """Where the gateway may fetch an issuer's documents from.

    Over https; `loopback_http` allows plain http to this machine, for tests and development.
    """

    option = "--issuer-hosts"

    def __init__(self, listed: tuple[str, ...] = (), *, loopback_http: bool = False) -> None:
        super().__init__(listed)
        self._loopback_http = loopback_http

    def allow(self, host: str, address: str) -> bool:
        """As below; this machine too where plain http to it is allowed."""
        return (self._loopback_http and _is_loopback(address)) or super().allow(host, address)

    def refusal_of(self, url: str) -> str | None:
        """Why nothing is fetched from `url`, in words that follow its name; `None` where it may be."""
        try:
            parsed = httpx.URL(url)
            usable = bool(parsed.host) and not parsed.userinfo
        except (httpx.InvalidURL, ValueError):
            usable = False
        if not usable or len(url) > 1024:
            return "is not a URL of a host without a user"
        if parsed.scheme == "http" and self._loopback_http and _is_loopback(parsed.host):
            return None
        if parsed.scheme != "https":
            return "must be https"
        if not self.allow_as_written(parsed.host):
            return f"is at an address that is not public; list the host with {self.option} if it is meant"
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class IssuerUnreachableError(Exception):
    """An issuer's document cannot be had; the message says why, without quoting what was received."""


class Documents(Protocol):
    """Fetches JSON objects."""

    async def fetch(self, url: str, most_bytes: int) -> Mapping[str, Any]:
        """The object at `url`. Raises `IssuerUnreachableError`."""
        ...


class FetchedDocuments:
    """The `Documents` of a running gateway."""

    def __init__(
        self,
        addresses: IssuerAddresses,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        proxies: EgressProxies = DIRECT,
    ) -> None:
        self._addresses = addresses
        self._client = JudgedClient(addresses, timeout_s, resolve=resolve, tls=tls, proxies=proxies)
        self._timeout_s = timeout_s

    async def fetch(self, url: str, most_bytes: int) -> Mapping[str, Any]:
        """The object at `url`, of at most `most_bytes`. Raises `IssuerUnreachableError`."""
        refusal = self._addresses.refusal_of(url)
        if refusal is not None:
            raise IssuerUnreachableError(f"its address {refusal}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(httpx.URL(url), most_bytes)
        except TimeoutError:
            raise IssuerUnreachableError(f"no answer within {self._timeout_s:g} s") from None
        except AddressNotAllowedError:
            raise IssuerUnreachableError(
                f"its address is not public; list the host with {self._addresses.option} if it is meant"
            ) from None
        except RequestFailedError as failure:
            raise IssuerUnreachableError(f"the connection failed ({failure})") from None
        except (httpx.InvalidURL, ValueError) as failure:
            raise IssuerUnreachableError(f"the connection failed ({type(failure).__name__})") from None

    async def _fetch(self, url: httpx.URL, most_bytes: int) -> Mapping[str, Any]:
        async with self._client.sending("GET", url, {"accept": "application/json"}) as answer:
            if answer.status != 200:
                raise IssuerUnreachableError(f"it answered with status {answer.status}")
            # As sent: what is compressed in spite of `accept-encoding: identity` is no JSON, and no bomb.
            body = bytearray()
            async for piece in answer.pieces:
                body += piece
                if len(body) > most_bytes:
                    raise IssuerUnreachableError(f"it sent more than {most_bytes} bytes")
        return json_object(bytes(body))


def json_object(text: bytes) -> Mapping[str, Any]:
    """The JSON object in `text`. Raises `IssuerUnreachableError` for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise IssuerUnreachableError("it sent no JSON object")
    return document
