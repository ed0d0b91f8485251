"""What a request costs, in whole micro-dollars."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.catalogue import Catalogue, CatalogueModel, UnpricedUsageError

CATALOGUE = Catalogue.load()


def model(model_id: str) -> CatalogueModel:
    found = CATALOGUE.get(model_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model_id", "usage", "expected_micro_usd"),
    [
        ("openai/gpt-oss-120b", {"prompt_tokens": 1_000_000}, 150_000),
        ("openai/gpt-oss-120b", {"completion_tokens": 1_000_000}, 600_000),
        ("openai/gpt-oss-120b", {"prompt_tokens": 1_000_000, "cached_tokens": 1_000_000}, 75_000),
        ("openai/gpt-oss-20b", {"prompt_tokens": 1_000, "cached_tokens": 500, "completion_tokens": 100}, 87),
        ("openai/gpt-oss-20b", {"prompt_tokens": 1}, 1),
        ("openai/gpt-oss-20b", {}, 0),
        ("qwen/qwen3.8-27b", {"prompt_tokens": 10, "cached_tokens": 10}, 8),
        ("llama-3.3-70b-versatile", {"prompt_tokens": 100, "completion_tokens": 100}, 138),
        ("whisper-large-v3", {"audio_ms": 3_600_000}, 111_000),
        ("whisper-large-v3", {"audio_ms": 1}, 309),
        ("canopylabs/orpheus-v1-english", {"characters": 1_000}, 22_000),
    ],
)
def test_cost_follows_the_price_list(model_id: str, usage: dict[str, Any], expected_micro_usd: int) -> None:
    """Tokens, cached tokens, characters and audio cost what the list says, rounded up once."""
    assert model(model_id).cost_micro_usd(**usage) == expected_micro_usd


def test_a_batch_costs_half() -> None:
    """Batches are billed at half the price."""
    used = model("openai/gpt-oss-120b").cost_micro_usd(prompt_tokens=1_000, completion_tokens=500, batch=True)

    assert used == 225


@pytest.mark.parametrize(
    ("model_id", "usage"),
    [
        ("allam-2-7b", {"prompt_tokens": 1}),
        ("whisper-large-v3", {"prompt_tokens": 1}),
        ("openai/gpt-oss-20b", {"audio_ms": 1}),
        ("openai/gpt-oss-20b", {"characters": 1}),
    ],
)
def test_use_without_a_price_is_refused(model_id: str, usage: dict[str, Any]) -> None:
    """What has no price is an error, never free."""
    with pytest.raises(UnpricedUsageError):
        model(model_id).cost_micro_usd(**usage)


@given(
    prompt=st.integers(0, 10**7),
    cached=st.integers(0, 10**7),
    completion=st.integers(0, 10**7),
    batch=st.booleans(),
)
def test_cost_is_the_exact_sum_rounded_up_once(
    prompt: int, cached: int, completion: int, batch: bool
) -> None:
    """For any usage the cost is the exact amount, rounded up to a micro-dollar."""
    cached = min(prompt, cached)
    exact = Fraction(
        (prompt - cached) * Decimal("0.075") + cached * Decimal("0.0375") + completion * Decimal("0.30")
    ) * (Fraction(1, 2) if batch else 1)
    cost = model("openai/gpt-oss-20b").cost_micro_usd(
        prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion, batch=batch
    )

    assert exact <= cost < exact + 1
