"""A real gateway with its echo upstream answers as the policy's arithmetic says, whatever is asked."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_engine import Gateway, start_gateway
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.policy.estimate import estimate_prompt, images_of, largest_output, likely_output

CATALOGUE = Catalogue.load()
ALLOWED, FORBIDDEN = "openai/gpt-oss-20b", "openai/gpt-oss-120b"
WINDOWS_S = {
    "requests_per_minute": 60,
    "requests_per_day": 86_400,
    "tokens_per_minute": 60,
    "tokens_per_day": 86_400,
}


@dataclass
class Expected:
    """The oracle: exact levels of one key's limits and budget, from what was answered.

    The gateway's clock runs on between two moves of it, so there are two oracles: one for which that
    time never passed, and one for which all of it did.
    """

    limits: dict[str, int | None]
    budget_micro_usd: int | None
    levels: dict[str, Fraction] = field(default_factory=lambda: dict.fromkeys(WINDOWS_S, Fraction()))
    spent_micro_usd: int = 0
    requests: int = 0
    tokens: int = 0

    def pass_time(self, seconds: float) -> None:
        for name, limit in self.limits.items():
            if limit is not None:
                self.levels[name] = max(
                    Fraction(), self.levels[name] - Fraction(seconds) * limit / WINDOWS_S[name]
                )

    def verdict(self, body: dict[str, Any], sent: bytes) -> tuple[int, str | None]:
        """Status and code that the gateway has to answer with."""
        if body["model"] != ALLOWED:
            return 403, "model_not_available"
        model = CATALOGUE.get(ALLOWED)
        assert model is not None
        prompt = estimate_prompt(images_of(body), len(sent), model)
        worst = model.cost_micro_usd(
            prompt_tokens=prompt.at_most_tokens, completion_tokens=largest_output(model, body["max_tokens"])
        )
        if self.budget_micro_usd is not None and self.spent_micro_usd + worst > self.budget_micro_usd:
            return 400, "key_budget_exceeded"
        tokens = prompt.likely_tokens + likely_output(model, body["max_tokens"])
        for name in WINDOWS_S:  # in the order in which limits refuse, whatever order they are declared in
            limit = self.limits[name]
            asked = 1 if name.startswith("requests") else tokens
            if limit is not None and math.ceil(self.levels[name]) + asked > limit:
                return (413 if asked > limit else 429), "rate_limit_exceeded"
        return 200, None

    def book(self, usage: dict[str, Any]) -> None:
        model = CATALOGUE.get(ALLOWED)
        assert model is not None
        prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
        for name in self.levels:
            self.levels[name] += 1 if name.startswith("requests") else prompt + completion
        self.spent_micro_usd += model.cost_micro_usd(prompt_tokens=prompt, completion_tokens=completion)
        self.requests += 1
        self.tokens += prompt + completion


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all examples; each has a key of its own."""
    folder: Path = tmp_path_factory.mktemp("echo-against-policy")
    running = start_gateway(folder / "gateway.db")
    running.control("clock", now="2026-11-02T12:00:00Z")
    yield running
    running.stop()


limits = st.fixed_dictionaries(
    {
        "requests_per_minute": st.none() | st.integers(1, 5),
        "requests_per_day": st.none() | st.integers(2, 8),
        "tokens_per_minute": st.none() | st.integers(150, 900),
        "tokens_per_day": st.none() | st.integers(400, 3000),
    }
)
calls = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 7, 61]),
        st.sampled_from([ALLOWED, ALLOWED, ALLOWED, FORBIDDEN]),
        st.integers(1, 300),
        st.integers(1, 400),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(declared=limits, budget_micro_usd=st.none() | st.integers(50, 600), asked=calls)
def test_answers_follow_the_policy(
    gateway: Gateway,
    declared: dict[str, int | None],
    budget_micro_usd: int | None,
    asked: list[tuple[int, str, int, int]],
) -> None:
    """Every request passes or is refused as the exact arithmetic says; usage adds up to what was answered."""
    with gateway.client() as client:
        named = {name: "unlimited" if limit is None else limit for name, limit in declared.items()}
        budget = None if budget_micro_usd is None else budget_micro_usd / 1_000_000
        number = sum(1 for _ in client.list_keys())
        key = client.create_key(
            ApiKeyCreate.model_validate(
                {"name": "property", "allowed_models": [ALLOWED], "monthly_budget_usd": budget, **named}
            ),
            f"property-{number}",
        ).key
        expected, drained = (Expected(declared, budget_micro_usd) for _ in range(2))
        began = time.monotonic()
        for seconds, model, words, max_tokens in asked:
            if seconds:
                gateway.control("clock", advance_s=seconds)
                expected.pass_time(seconds)
                drained.pass_time(seconds)
            messages = [{"role": "user", "content": "word " * words}]
            body = {"model": model, "max_tokens": max_tokens, "messages": messages}
            sent = json.dumps(body).encode()
            answer = httpx.post(
                f"{gateway.base_url}/openai/v1/chat/completions",
                content=sent,
                headers={"authorization": f"Bearer {key.api_key}", "content-type": "application/json"},
                timeout=60,
            )
            now = time.monotonic()
            drained.pass_time(now - began)
            began = now
            code = answer.json().get("error", {}).get("code")
            verdicts = (expected.verdict(body, sent), drained.verdict(body, sent))
            assert (answer.status_code, code) in verdicts
            if answer.status_code == 200:
                expected.book(answer.json()["usage"])
                drained.book(answer.json()["usage"])
        (row,) = [row for row in client.usage().usage_by_key if row.key_id == key.id]
        assert (row.month_to_date.requests, row.month_to_date.tokens) == (expected.requests, expected.tokens)
        assert int(row.month_to_date.cost_usd * 1_000_000) == expected.spent_micro_usd
