"""Sends webhooks, and only to addresses that they may go to."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from pulumi_groq.gateway.egress_proxy import DIRECT, EgressProxies
from pulumi_groq.gateway.metering.alert_delivery import NotDeliveredError, WebhookAnswer, retry_after_s
from pulumi_groq.gateway.outbound import (
    AddressNotAllowedError,
    JudgedClient,
    OutboundAddresses,
    RequestFailedError,
    Resolver,
)


class WebhookAddresses(OutboundAddresses):
    """Where webhooks may go."""

    option = "--webhook-hosts"


TIMEOUT_S: Final = 10.0
"""For one webhook in all: its name, connection, TLS, and the head of its answer."""


class WebhookSender:
    """The `AlertSender` of a running gateway. A connection serves one webhook."""

    def __init__(
        self,
        addresses: WebhookAddresses,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        proxies: EgressProxies = DIRECT,
    ) -> None:
        self._client = JudgedClient(addresses, timeout_s, resolve=resolve, tls=tls, proxies=proxies)
        self._timeout_s = timeout_s

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """What the receiver answers; its body is not read. Raises `NotDeliveredError`."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.sending("POST", httpx.URL(url), headers, body) as answer,
            ):
                return WebhookAnswer(answer.status, retry_after_s(answer.headers.get("retry-after")))
        except TimeoutError:
            raise NotDeliveredError(f"no answer within {self._timeout_s:g} s") from None
        except AddressNotAllowedError:
            raise NotDeliveredError(
                "its address is not public; list the host with --webhook-hosts if it is meant"
            ) from None
        except RequestFailedError as failure:
            raise NotDeliveredError(str(failure)) from None
        except (httpx.InvalidURL, ValueError) as failure:
            # The text of the failure may hold the URL, and so a token.
            raise NotDeliveredError(type(failure).__name__) from None

    async def close(self) -> None:
        """Nothing is kept open."""
