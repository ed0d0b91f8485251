"""Groq, or whatever speaks its API, over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector

from pulumi_groq.gateway.inference.asgi import Header
from pulumi_groq.gateway.inference.upstream import (
    UpstreamAnswer,
    UpstreamCall,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)


@dataclass(frozen=True, slots=True)
class UpstreamTimeouts:
    """Seconds: to connect, and between two pieces of an answer (the wait for its head included)."""

    connect_s: float = 10.0
    read_s: float = 120.0


class AiohttpUpstream:
    """One pooled session to `base_url`, authorised with the operator's own key; both checked by `Settings`.

    `connections` bounds the pool; 0 is no bound.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeouts: UpstreamTimeouts = UpstreamTimeouts(),
        connections: int = 0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._authorization = f"Bearer {api_key}"
        self._timeout = ClientTimeout(
            total=None,
            connect=timeouts.connect_s,
            sock_connect=timeouts.connect_s,
            sock_read=timeouts.read_s,
        )
        self._connections = connections
        self._session: ClientSession | None = None

    async def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """The answer's head. Raises `UpstreamError`."""
        headers = {
            "authorization": self._authorization,
            "content-type": call.content_type.decode("latin-1"),
            "accept": call.accept.decode("latin-1"),
            "accept-encoding": "identity",
        }
        if call.user_agent:
            headers["user-agent"] = call.user_agent.decode("latin-1")
        if call.length_bytes is not None:
            headers["content-length"] = str(call.length_bytes)
        try:
            response = await self._open_session().post(
                self._base_url + call.path, data=call.body, headers=headers, allow_redirects=False
            )
        except aiohttp.ConnectionTimeoutError as failure:
            raise UpstreamTimeoutError("no connection in time", sent=False) from failure
        except TimeoutError as failure:
            raise UpstreamTimeoutError("no answer in time") from failure
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            raise UpstreamUnreachableError(type(failure).__name__) from failure
        return AiohttpAnswer(response)

    async def close(self) -> None:
        """Ends all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=self._connections, limit_per_host=0),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent",),
            )
        return self._session


class AiohttpAnswer:
    """An answer of `AiohttpUpstream`."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Sequence[Header]:
        return self._response.raw_headers

    async def next_piece(self) -> bytes:
        try:
            return await self._response.content.readany()
        except TimeoutError as failure:
            raise UpstreamTimeoutError("the answer stalled") from failure
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            raise UpstreamUnreachableError(type(failure).__name__) from failure

    def close(self) -> None:
        """An answer read to its end gives its connection back to the pool by itself."""
        self._response.close()
