"""The metering inside a real gateway process: the cap under 200 at once, and kill -9 under load."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from process_output import wait_for
from pulumi_groq.catalogue import Catalogue

MODEL = "openai/gpt-oss-120b"
ADMIN_KEY = "admin-key-of-these-tests"
AT_ONCE = 200
CALL = {
    "model": MODEL,
    "max_completion_tokens": 50,
    "messages": [{"role": "user", "content": "one two three four five six seven eight nine ten " * 3}],
}
WORST_CASE_MICRO_USD = 90
"""Of `CALL`: its bytes and the template at 0.15, 50 tokens at 0.60, rounded up generously."""


@dataclass
class Running:
    """A gateway process and an admin's client to it."""

    process: subprocess.Popen[str]
    url: str
    admin: httpx.Client

    def new_key(self) -> str:
        """The value of a key that may do anything with the model."""
        value: str = self.created()["api_key"]
        return value

    def created(self, **more: Any) -> dict[str, Any]:
        """A new key that may do anything with the model, beyond what is said."""
        settings = {
            "name": "load",
            "allowed_models": [MODEL],
            "requests_per_minute": "unlimited",
            "tokens_per_minute": "unlimited",
            **more,
        }
        made: dict[str, Any] = self.admin.post("/openai/v1/api-keys", json=settings).raise_for_status().json()
        return made

    def call(self, key: str) -> httpx.Response:
        """One call with the key."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx.post(f"{self.url}/openai/v1/chat/completions", json=CALL, headers=headers, timeout=60)

    def month_to_date(self) -> tuple[int, int, int]:
        """Requests, tokens and micro-dollars of the month."""
        totals = self.admin.get("/openai/v1/usage").raise_for_status().json()["month_to_date"]
        return totals["requests"], totals["tokens"], round(totals["cost_usd"] * 1_000_000)


@contextmanager
def running(store: Path) -> Iterator[Running]:
    """`pulumi-groq serve` over the store, with the echo upstream; killed at the end."""
    command = [sys.executable, "-m", "pulumi_groq.cli", "serve", "--port", "0", "--test-controls"]
    with (
        store.with_suffix(".log").open("a") as log,
        subprocess.Popen(
            [*command, "--store", f"sqlite:///{store}"],
            env={**os.environ, "GROQ_ADMIN_KEY": ADMIN_KEY},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            url = wait_for(r"http://\S+", process.stdout)[0]
            headers = {"authorization": f"Bearer {ADMIN_KEY}"}
            with httpx.Client(base_url=url, headers=headers, timeout=60) as admin:
                yield Running(process, url, admin)
        finally:
            process.kill()


def cost_micro_usd(usage: dict[str, Any]) -> int:
    model = Catalogue.load().get(MODEL)
    assert model is not None
    return model.cost_micro_usd(
        prompt_tokens=usage["prompt_tokens"], completion_tokens=usage["completion_tokens"]
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


def test_200_at_once_spend_nothing_past_the_cap(store: Path) -> None:
    """The cap refuses in time, refused calls go nowhere, and less than one worst case of it is left."""
    cap_micro_usd = 6_000

    async def call_all(url: str, key: str) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=AT_ONCE)
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
            return await asyncio.gather(
                *(client.post("/openai/v1/chat/completions", json=CALL) for _ in range(AT_ONCE))
            )

    answers: list[httpx.Response] = []
    with running(store) as gateway:
        key = gateway.new_key()
        gateway.admin.put(
            "/openai/v1/spend-policy", json={"monthly_cap_usd": cap_micro_usd / 1_000_000}
        ).raise_for_status()
        for _ in range(2):
            answers += asyncio.run(call_all(gateway.url, key))
        with httpx.Client(
            base_url=gateway.url, headers={"authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            answers.append(client.post("/openai/v1/chat/completions", json=CALL))
            while answers[-1].status_code != 400:
                answers.append(client.post("/openai/v1/chat/completions", json=CALL))
        requests, _, spent = gateway.month_to_date()
        calls = gateway.admin.get("/__test__/requests").raise_for_status().json()
        status = gateway.admin.get("/openai/v1/spend-policy").raise_for_status().json()["status"]

    outcomes = Counter((answer.status_code, answer.json().get("error", {}).get("code")) for answer in answers)
    reserved = {(429, "rate_limit_exceeded")}  # while others were running
    assert set(outcomes) - reserved == {(200, None), (400, "blocked_api_access")}
    served = outcomes[200, None]
    assert spent == sum(
        cost_micro_usd(answer.json()["usage"]) for answer in answers if answer.status_code == 200
    )
    assert cap_micro_usd - WORST_CASE_MICRO_USD < spent <= cap_micro_usd
    assert requests == served
    assert status["paused"]
    assert sum(calls["upstream"].values()) == served


def test_kill_9_under_load_loses_no_answered_request(store: Path) -> None:
    """After a restart every answered request is booked; what was in flight costs at most its worst case."""
    answered: list[dict[str, Any]] = []
    with running(store) as gateway:
        key = gateway.new_key()

        def client(_: int) -> None:
            with httpx.Client(
                base_url=gateway.url, headers={"authorization": f"Bearer {key}"}, timeout=60
            ) as http:
                while True:
                    try:
                        answer = http.post("/openai/v1/chat/completions", json=CALL)
                    except httpx.TransportError:
                        return
                    answered.append(answer.raise_for_status().json()["usage"])
                    if len(answered) >= 400:
                        gateway.process.kill()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(8)))
    with running(store) as gateway:
        requests, tokens, spent = gateway.month_to_date()
    with running(store) as gateway:
        again = gateway.month_to_date()

    acknowledged = sum(map(cost_micro_usd, answered))
    assert len(answered) <= requests <= len(answered) + 8
    assert acknowledged <= spent <= acknowledged + 8 * WORST_CASE_MICRO_USD
    assert tokens <= sum(usage["total_tokens"] for usage in answered) + 8 * 200
    assert again == (requests, tokens, spent)


def test_a_loop_is_paused_until_it_is_resumed(store: Path) -> None:
    """By the answers of the gateway: through a kill, with a successor, and on with `keys resume`."""
    with running(store) as gateway:
        made = gateway.created(runaway={"spend_usd_per_10_min": 0.0005})
        spent_micro_usd = 0
        while (answer := gateway.call(made["api_key"])).is_success:
            spent_micro_usd += cost_micro_usd(answer.json()["usage"])
            assert spent_micro_usd < 100_000
        shown = gateway.admin.get(f"/openai/v1/api-keys/{made['id']}").json()
        (row,) = gateway.admin.get("/openai/v1/usage").json()["usage_by_key"]
        metrics = httpx.get(f"{gateway.url}/metrics", timeout=60).text
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "key_paused_runaway")
    assert f"keys resume {made['id']}" in answer.json()["error"]["message"]
    assert spent_micro_usd > 500
    assert shown["status"] == "paused"
    assert shown["paused"]["allowed_usd"] == 0.0005
    assert row["runaway"]["paused"] == shown["paused"]
    assert row["runaway"]["spent_usd"] == spent_micro_usd / 1_000_000
    assert "pulumi_groq_paused_keys 1.0" in metrics
    assert 'pulumi_groq_runaways_total{action="pause_key"} 1.0' in metrics

    with running(store) as gateway:
        successor = gateway.created(replaces=made["id"], runaway={"spend_usd_per_10_min": 0.0005})
        refused = [gateway.call(each["api_key"]).status_code for each in (made, successor)]
        resumed = subprocess.run(
            [sys.executable, "-m", "pulumi_groq.cli", "keys", "resume", successor["id"]],
            env={**os.environ, "GROQ_ADMIN_KEY": ADMIN_KEY, "GROQ_ADMIN_BASE_URL": gateway.url},
            capture_output=True,
            text=True,
            check=False,
        )
        served = [gateway.call(each["api_key"]).status_code for each in (made, successor)]
        changes = gateway.admin.get("/openai/v1/changes").json()["data"]
    assert refused == [400, 400]
    assert f"load ({successor['id']}) is active: it was paused since 20" in resumed.stdout
    assert served == [200, 200]
    assert [(each["action"], each["actor"]) for each in changes] == [
        ("resumed", "root"),
        ("created", "root"),
        ("paused", "gateway"),
        ("created", "root"),
    ]
