"""Weeks of real traffic through a real gateway, in seconds: each request is sent, only the clock moves."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx

from local_engine import Gateway, start_gateway
from patience import until

LLAMA_8B, LLAMA_70B, GPT_OSS = "llama-3.1-8b-instant", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"
BEGIN = datetime(2026, 10, 19, 9, tzinfo=UTC)
END = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Consumer:
    """A service with its key: how often it calls on a working day, and how long its prompts are."""

    name: str
    model: str
    calls_a_day: int
    words: int
    key: str = field(default="", repr=False)
    key_id: str = ""


CHATBOT: dict[str, Any] = {
    "requests_per_day": 20,
    "monthly_budget_usd": 5,
    "budgets": [{"usd": 1, "per": "day"}],
}
CONSUMERS: list[tuple[str, str | None, str, int, int, dict[str, Any]]] = [
    ("chatbot-prod", "chatbot", LLAMA_70B, 5, 24_000, CHATBOT),
    ("chatbot-staging", "chatbot", LLAMA_8B, 2, 4_000, {}),
    ("batch-processor", "analytics", LLAMA_8B, 3, 40_000, {"tokens_per_day": 300_000}),
    ("search-ranking", "research", GPT_OSS, 2, 30_000, {"monthly_budget_usd": 3}),
    ("weekly-digest", None, LLAMA_8B, 1, 12_000, {}),
]
TEAMS = {"chatbot": [LLAMA_70B, LLAMA_8B], "analytics": [LLAMA_8B], "research": [GPT_OSS, LLAMA_70B]}
TEAM_BUDGETS = {"research": [{"usd": 2, "per": "week"}]}
POLICY = {
    "monthly_cap_usd": 6,
    "alert_thresholds_usd": [1.5, 3, 5],
    "auto_pause": True,
    "budgets": [{"usd": 2, "per": "day"}],
}
UNUSED = "old-experiment"


class PlayedHistory:
    """Five weeks of a small organisation; `scale` shortens prompts where amounts do not matter."""

    def __init__(self, gateway: Gateway, scale: float = 1.0) -> None:
        self.gateway = gateway
        self._scale = scale
        self._random = Random(7)  # noqa: S311 (the same history each time)
        self._http = httpx.Client(base_url=f"{gateway.base_url}/openai/v1", timeout=60, trust_env=False)
        self._admin = {"authorization": f"Bearer {gateway.admin_key}"}
        self._consumers: list[Consumer] = []

    def play(self) -> None:
        """Send it all."""
        with closing(self._http):
            self.gateway.control("clock", now=BEGIN.isoformat())
            self._set_up()
            for day in _days():
                self.gateway.control("clock", now=day.isoformat())
                self._administer_on(f"{day:%m-%d}")
                self._work_through(day)
            self.gateway.control("clock", now=END.isoformat())

    def _administer_on(self, day: str) -> None:
        match day:
            case "11-05":
                batch = next(each for each in self._consumers if each.name == "batch-processor")
                self._administer("PATCH", f"/api-keys/{batch.key_id}", tokens_per_day=400_000)
            case "11-16":
                self._administer("PUT", "/spend-policy", **POLICY)
            case "11-20":
                self._rotate("chatbot-prod")

    def _set_up(self) -> None:
        for each, models in TEAMS.items():
            budgets = TEAM_BUDGETS.get(each, [])
            self._administer("PUT", f"/teams/{each}", allowed_models=models, budgets=budgets)
        self._administer("PUT", "/spend-policy", **POLICY | {"monthly_cap_usd": 5})
        self._create(UNUSED, "research", [GPT_OSS])
        for name, team, model, calls, words, limits in CONSUMERS:
            key = self._create(name, team, [model], **limits)
            self._consumers.append(Consumer(name, model, calls, words, key["api_key"], key["id"]))

    def _create(self, name: str, team: str | None, models: list[str], **more: Any) -> Any:
        limits = {"tokens_per_minute": "unlimited"} | more
        stack = {"managed_by": "acme/groq/prod", "declared_as": name}
        return self._administer(
            "POST", "/api-keys", name=name, team=team, allowed_models=models, **limits, **stack
        )

    def _rotate(self, name: str) -> None:
        found = next(each for each in self._consumers if each.name == name)
        key = self._create(name, "chatbot", [found.model], replaces=found.key_id, **CHATBOT)
        found.key, found.key_id = key["api_key"], key["id"]

    def _work_through(self, day: datetime) -> None:
        weekend = day.weekday() >= 5
        for consumer in self._consumers:
            if consumer.name == "weekly-digest" and day.weekday() != 0:
                continue
            busy = self._random.randint(-1, 2)
            calls = consumer.calls_a_day // 3 if weekend else consumer.calls_a_day + busy
            for _ in range(max(calls, 0)):
                self._chat(consumer, consumer.model)
            if consumer.name == "search-ranking" and day.weekday() in {1, 3}:
                for _ in range(self._random.randint(1, 5)):
                    self._chat(consumer, LLAMA_8B)

    def _chat(self, consumer: Consumer, model: str) -> None:
        words = int(consumer.words * self._scale * self._random.uniform(0.6, 1.3))
        body = {"model": model, "messages": [{"role": "user", "content": "word " * words}]}
        answer = self._http.post(
            "/chat/completions", json=body, headers={"authorization": f"Bearer {consumer.key}"}
        )
        if answer.status_code >= 500:
            raise AssertionError(answer.text)

    def _administer(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, path, json=body, headers=self._admin)
        if answer.status_code >= 400:
            raise AssertionError(answer.text)
        return answer.json()


def _days() -> Iterator[datetime]:
    day = BEGIN
    while day < END:
        yield day
        day += timedelta(days=1)


def played_gateway(folder: Path, scale: float = 1.0) -> Gateway:
    """A running gateway with that history behind it."""
    gateway = start_gateway(folder / "gateway.db")
    PlayedHistory(gateway, scale).play()
    _wait_for_the_ledger(gateway)
    return gateway


def _wait_for_the_ledger(gateway: Gateway) -> None:
    """Until past usage holds what was served last: the ledger is written in batches."""
    with gateway.client() as client:
        served = sum(each.requests_today for each in client.usage().usage_by_key)

        def booked() -> int:
            (bucket,) = client.usage_buckets(since=END.date(), until=END.date())
            return bucket.requests

        until(lambda: booked() == served, f"the ledger has {served} requests", seen=booked)
