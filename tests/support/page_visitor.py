"""Somebody who asks for the gateway's page in-process."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal

from fake_clock import FakeClock
from pulumi_groq.gateway.ui import Ui
from pulumi_groq.gateway.ui.sessions import Sessions

ADMIN_KEY = "admin-key-of-the-ui-tests"


@dataclass
class Visitor:
    """Somebody with a browser that keeps cookies only when told to."""

    app: Ui
    portal: BlockingPortal
    clock: FakeClock
    sessions: Sessions
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "192.0.2.1"
    scheme: str = "http"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.portal.call(partial(self._ask, method, path, **options))

    def sign_in(self, key: str = ADMIN_KEY, **options: Any) -> httpx.Response:
        answer = self.post("/ui/sign-in", data={"admin_key": key}, **options)
        if "set-cookie" in answer.headers:
            name, _, rest = answer.headers["set-cookie"].partition("=")
            self.cookies = {name: rest.partition(";")[0]}
        return answer

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(self.address, 1))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{self.scheme}://gateway", cookies=self.cookies
        ) as client:
            return await client.request(method, path, **options)
