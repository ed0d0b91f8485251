"""Whether the process lives, and whether it can serve."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Store


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """200 while the event loop turns."""
    await JSONResponse({"status": "ok"})(scope, receive, send)


class Readyz:
    """200 while the store answers, else 503."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store."""
        try:
            await run_in_threadpool(self._store.check)
        except StoreUnavailableError:
            answer = JSONResponse({"status": "store_unavailable"}, 503)
        else:
            answer = JSONResponse({"status": "ok"})
        await answer(scope, receive, send)
