"""The floor: a pass-through on the gateway's own stack that enforces, counts and knows nothing.

    python floor.py PORT UPSTREAM_URL

uvicorn, uvloop and httptools take the request, a pooled aiohttp session sends it on, and each piece of the
answer goes back as it comes. What the gateway costs beyond this is what its rules cost.
"""

import sys

import aiohttp
import uvicorn


class PassThrough:
    """ASGI: every request to the upstream, every answer back."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope, receive, send) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"content-type", b"authorization", b"accept")
        }
        answer = await self._session.post(self._upstream + scope["path"], data=body, headers=headers)
        passed = [(name, value) for name, value in answer.raw_headers if name.lower() != b"transfer-encoding"]
        await send({"type": "http.response.start", "status": answer.status, "headers": passed})
        while piece := await answer.content.readany():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


if __name__ == "__main__":
    uvicorn.run(
        PassThrough(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
    )
