"""The gateway as one ASGI application: dispatches by path to the admin plane, inference and operations."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_groq.gateway.admin.credentials import AdminCredentials
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.http.asgi import REQUEST_ID
from pulumi_groq.gateway.http.refusal import unknown_url
from pulumi_groq.gateway.inference.calls import MODELS_PATH, ROUTES

ADMIN_PATHS: Final = (
    "/openai/v1/api-keys",
    "/openai/v1/admin-keys",
    "/openai/v1/teams",
    "/openai/v1/spend-policy",
    "/openai/v1/workload-identities",
    "/openai/v1/usage",
    "/openai/v1/changes",
    "/openapi.json",
)
_BELOW_ADMIN_PATHS: Final = tuple(f"{path}/" for path in ADMIN_PATHS)
_INFERENCE_PREFIX: Final = "/openai/v1/"

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


class Gateway:
    """The root application. `operations` answers by exact path; `lifespan` spans the time of service."""

    def __init__(
        self,
        *,
        admin: ASGIApp,
        inference: ASGIApp,
        operations: Mapping[str, ASGIApp],
        credentials: AdminCredentials,
        ids: ObjectIds,
        lifespan: Lifespan,
    ) -> None:
        self._admin = admin
        self._inference = inference
        self._operations = operations
        # What keys call most; the admin's model list shares its path with the keys'.
        self._known = {route.path: inference for route in ROUTES.values() if route.path != MODELS_PATH}
        self._credentials = credentials
        self._ids = ids
        self._lifespan = lifespan

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or the lifespan of the process."""
        if scope["type"] == "http":
            app = self._known.get(scope["path"]) or self._app_for(scope)
            return app(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        return send({"type": "websocket.close"})

    def _app_for(self, scope: Scope) -> ASGIApp:
        path: str = scope["path"]
        if self._is_admin(scope):
            return self._admin
        if path.startswith(_INFERENCE_PREFIX) and path not in self._operations:
            return self._inference
        return self._operate

    async def _operate(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[REQUEST_ID] = self._ids.new("req")
        request_id = (b"x-request-id", scope[REQUEST_ID].encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], request_id]
            await send(message)

        await self._operations.get(scope["path"], _unknown)(scope, receive, send_with_id)

    def is_essential(self, path: str) -> bool:
        """Whether an operator needs this path most when the gateway has too many connections."""
        return path in self._operations or _is_below_admin(path)

    def _is_admin(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path == MODELS_PATH:
            # Both planes serve it: the admin sees the catalogue, a gateway key its own models.
            return self._credentials.caller(scope) is not None
        return _is_below_admin(path)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        with suppress(asyncio.CancelledError):  # told twice to stop: what is done at the end is done by then
            async with self._lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})


def _is_below_admin(path: str) -> bool:
    return path in ADMIN_PATHS or path.startswith(_BELOW_ADMIN_PATHS)


async def _unknown(scope: Scope, _receive: Receive, send: Send) -> None:
    for message in unknown_url(scope["method"], scope["path"]).messages():
        await send(message)
