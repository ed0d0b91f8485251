"""Posts webhooks with httpx, to addresses that were judged after the name was resolved."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx

from pulumi_groq.gateway.metering.webhook import NotDeliveredError, WebhookAnswer, retry_after_s
from pulumi_groq.gateway.metering.webhook_addresses import WebhookAddresses

TIMEOUT_S: Final = 10.0
"""For one webhook in all: its name, connection, TLS, and the head of its answer."""

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host name and port to addresses. Raises `OSError`."""


class HttpxAlertSender:
    """The `AlertSender` of a running gateway. A connection serves one webhook.

    It goes to the judged address itself, so that a name cannot mean another one a moment later; the name
    stays in `Host`, in TLS and in the check of the certificate. Proxies of the environment are not used:
    they would resolve the name themselves.
    """

    def __init__(
        self,
        addresses: WebhookAddresses,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._addresses = addresses
        self._resolve = resolve or _resolved
        self._tls = tls
        self._timeout_s = timeout_s

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """What the receiver answers; its body is not read. Raises `NotDeliveredError`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(httpx.URL(url), body, headers)
        except TimeoutError:
            raise NotDeliveredError(f"no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failure:
            # The text of the failure may hold the URL, and so a token.
            raise NotDeliveredError(type(failure).__name__) from None

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        host = url.raw_host.decode("ascii")
        found = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
        allowed = [address for address in found if self._addresses.allow(host, address)]
        if not allowed:
            raise NotDeliveredError(
                "its address is not public; list the host with --webhook-hosts if it is meant"
            )
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(
            verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._timeout_s
        ) as client:
            for address in allowed[:-1]:
                try:
                    return await _post_to(client, url, address, body, headers)
                except httpx.ConnectError:
                    continue
            return await _post_to(client, url, allowed[-1], body, headers)


async def _post_to(
    client: httpx.AsyncClient, url: httpx.URL, address: str, body: bytes, headers: Mapping[str, str]
) -> WebhookAnswer:
    request = client.build_request(
        "POST",
        url.copy_with(host=address),
        content=body,
        headers={**headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
        extensions={"sni_hostname": url.raw_host.decode("ascii")},
    )
    answer = await client.send(request, stream=True)
    try:
        return WebhookAnswer(answer.status_code, retry_after_s(answer.headers.get("retry-after")))
    finally:
        await answer.aclose()


async def _resolved(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
