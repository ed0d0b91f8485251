"""Whether the process is alive, and whether it can serve."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Store


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """200 while the event loop runs."""
    await JSONResponse({"status": "ok"})(scope, receive, send)


class Readyz:
    """200 while the store answers and nothing that is spent fails to be booked, else 503 with what fails."""

    def __init__(self, store: Store, health: Health, set_aside: Callable[[], int]) -> None:
        self._store = store
        self._health = health
        self._set_aside = set_aside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store, and the health of the rest."""
        failing = dict(self._health.failing)
        try:
            await run_in_threadpool(self._store.check)
        except StoreUnavailableError as failure:
            failing["store"] = str(failure)
        if failing:
            status = "store_unavailable" if "store" in failing else "failing"
            answer = JSONResponse({"status": status, "failing": failing}, 503)
        else:
            answer = JSONResponse({"status": "ok", "set_aside": self._set_aside()})
        await answer(scope, receive, send)
