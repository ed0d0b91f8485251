"""Canned answers, a clock that only sleeping moves, and bodies as the gateway writes them."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from pulumi_groq.admin import AdminClient, AdminSettings

ADMIN_KEY = "adm-0123456789-secret"
NOW = "2026-11-23T12:00:00Z"

Step = Callable[[httpx.Request], httpx.Response]


class FakeTime:
    """Seconds that pass only while somebody sleeps; `slept` holds every wait."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        self.now += duration_s


class Script:
    """Answers the n-th request with the n-th step, all further ones with the last."""

    def __init__(self, *steps: Step) -> None:
        self.requests: list[httpx.Request] = []
        self._steps = steps
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            step = self._steps[min(len(self.requests), len(self._steps) - 1)]
            self.requests.append(request)
        return step(request)

    @property
    def lines(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def settings() -> AdminSettings:
    return AdminSettings("http://127.0.0.1:8700", ADMIN_KEY)


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def make_client(settings: AdminSettings, fake_time: FakeTime) -> Iterator[Callable[..., AdminClient]]:
    """A client of a handler; every backoff draws its longest wait, and sleeping takes no time."""
    made: list[AdminClient] = []

    def make(handler: Step, **options: Any) -> AdminClient:
        defaults = {"clock": fake_time.clock, "sleep": fake_time.sleep, "random": lambda: 1.0}
        client = AdminClient(settings, transport=httpx.MockTransport(handler), **(defaults | options))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def answer() -> Callable[..., Step]:
    """A step that answers with a status, a JSON or raw body, and headers."""

    def build(status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> Step:
        raw = isinstance(body, bytes)
        return lambda _: httpx.Response(
            status, headers=headers, content=body if raw else None, json=None if raw else body
        )

    return build


@pytest.fixture
def refusal(answer: Callable[..., Step]) -> Callable[..., Step]:
    """A step that answers with an error in Groq's envelope."""

    def build(
        status: int,
        code: str | None = None,
        message: str = "said the server",
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Step:
        fields = {"message": message, "type": "invalid_request_error", "code": code, "param": param}
        return answer(status, {"error": {k: v for k, v in fields.items() if v is not None}}, headers)

    return build


@pytest.fixture
def broken() -> Callable[[httpx.TransportError], Step]:
    """A step that gives no answer but fails as httpx does."""

    def build(error: httpx.TransportError) -> Step:
        def fail(request: httpx.Request) -> httpx.Response:
            raise error

        return fail

    return build


@pytest.fixture
def key_body() -> Callable[..., dict[str, Any]]:
    """A key as the gateway shows it."""

    def build(number: int = 1, **fields: Any) -> dict[str, Any]:
        key_id = f"key_01{number:024d}"
        return {
            "object": "api_key",
            "id": key_id,
            "name": f"key-{number}",
            "allowed_models": ["openai/gpt-oss-20b"],
            "requests_per_minute": 500,
            "tokens_per_minute": None,
            "requests_per_day": None,
            "tokens_per_day": "unlimited",
            "monthly_budget_usd": 12.5,
            "expires_at": None,
            "team": None,
            "metadata": {},
            "managed_by": "acme/groq/dev",
            "declared_as": None,
            "replaces": None,
            "lineage_id": key_id,
            "generation": 1,
            "status": "active",
            "effective_limits": {
                "requests_per_minute": 500,
                "tokens_per_minute": 250000,
                "requests_per_day": None,
                "tokens_per_day": None,
            },
            "last_four": "wxyz",
            "created_at": NOW,
            "updated_at": NOW,
            "last_used_at": None,
        } | fields

    return build


@pytest.fixture
def key_pages(key_body: Callable[..., dict[str, Any]]) -> Callable[[int], Step]:
    """A handler that lists a number of keys in pages, and knows each of them by its id."""

    def build(count: int) -> Step:
        keys = [key_body(number) for number in range(1, count + 1)]
        position = {key["id"]: index for index, key in enumerate(keys)}

        def handle(request: httpx.Request) -> httpx.Response:
            key_id = request.url.path.removeprefix("/openai/v1/api-keys").strip("/")
            if key_id in position:
                return httpx.Response(200, json=keys[position[key_id]])
            if key_id:
                error = {"message": "There is no such key", "type": "invalid_request_error"}
                return httpx.Response(404, json={"error": error | {"code": "api_key_not_found"}})
            after, limit = request.url.params.get("after"), int(request.url.params["limit"])
            start = position[after] + 1 if after else 0
            data = keys[start : start + limit]
            page = {"object": "list", "as_of": NOW, "data": data, "has_more": start + limit < count}
            ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
            return httpx.Response(200, json=page | ends)

        return handle

    return build


@pytest.fixture
def team_body() -> dict[str, Any]:
    times = {"created_at": NOW, "updated_at": NOW}
    return {"object": "team", "name": "research", "allowed_models": ["openai/gpt-oss-20b"]} | times


@pytest.fixture
def policy_body() -> dict[str, Any]:
    return {
        "object": "spend_policy",
        "monthly_cap_usd": 500,
        "alert_thresholds_usd": [100, 250, 400],
        "auto_pause": True,
        "alert_webhook_urls": [],
        "alert_webhook_signed": False,
        "created_at": NOW,
        "updated_at": NOW,
        "status": {
            "month": "2026-11",
            "spent_usd": 120.5,
            "remaining_usd": 379.5,
            "paused": False,
            "alerts_sent": [{"threshold_usd": 100, "sent_at": NOW}],
        },
    }


@pytest.fixture
def usage_body() -> dict[str, Any]:
    totals = {"requests": 12, "tokens": 3400, "cost_usd": 0.25}
    row = {
        "key_id": "key_01000000000000000000000001",
        "key_name": "key-1",
        "team": None,
        "requests_today": 2,
        "tokens_today": 300,
        "estimated_cost_usd": 0.02,
        "last_used_at": NOW,
        "month_to_date": totals,
        "deleted": False,
    }
    return {
        "object": "usage",
        "as_of": NOW,
        "month": "2026-11",
        "usage_by_key": [row],
        "month_to_date": totals,
    }
