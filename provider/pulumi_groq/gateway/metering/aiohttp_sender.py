"""Posts webhooks with aiohttp."""

from collections.abc import Mapping
from typing import Final

import aiohttp

from pulumi_groq.gateway.metering.webhook import NotDeliveredError

TIMEOUT_S: Final = 10.0


class AiohttpAlertSender:
    """The `AlertSender` of a running gateway; the session is made with the first webhook."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The receiver's HTTP status; its body is not read. Raises `NotDeliveredError`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as failure:
            # The text of the failure may hold the URL, and so a token.
            raise NotDeliveredError(type(failure).__name__) from None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None
