"""Estimates are cheap, and never below what they bound."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.policy.estimate import (
    TEMPLATE_TOKENS,
    Images,
    PromptEstimate,
    estimate_prompt,
    images_of,
    largest_output,
    likely_output,
)

CATALOGUE = Catalogue.load()


def model(model_id: str) -> CatalogueModel:
    found = CATALOGUE.get(model_id)
    assert found is not None
    return found


GPT_OSS = model("openai/gpt-oss-20b")
PICTURE = "data:image/png;base64," + "A" * 9000


@pytest.mark.parametrize(
    ("asked", "choices", "likely", "largest"),
    [
        (None, 1, 4096, 65_536),
        (None, 2, 8192, 131_072),
        (100, 1, 100, 100),
        (100, 3, 300, 300),
        (1_000_000, 1, 65_536, 65_536),
        (0, 1, 0, 0),
    ],
)
def test_output_is_what_is_asked_for_within_the_models_own_bound(
    asked: int | None, choices: int, likely: int, largest: int
) -> None:
    """A request without a limit counts as usual, and is priced as the most the model can write."""
    assert likely_output(GPT_OSS, asked, choices) == likely
    assert largest_output(GPT_OSS, asked, choices) == largest


def test_the_usual_output_is_bounded_by_the_model() -> None:
    """A model that can write little is not counted for more."""
    assert likely_output(model("meta-llama/llama-prompt-guard-2-86m"), None) == 512


def test_a_model_of_unknown_size_is_taken_for_a_large_one() -> None:
    """Where the catalogue knows no bound, a large one is assumed."""
    assert largest_output(model("qwen/qwen3-32b"), None) == 32_768


@given(st.text(max_size=500))
def test_the_bound_covers_one_token_a_byte(content: str) -> None:
    """However a tokenizer splits the content, it makes no more tokens than reserved."""
    body = {"messages": [{"role": "user", "content": content}]}
    raw = json.dumps(body, ensure_ascii=False).encode(errors="replace")
    estimate = estimate_prompt(images_of(body), len(raw), GPT_OSS)

    assert estimate.likely_tokens <= estimate.at_most_tokens
    assert estimate.at_most_tokens >= len(content.encode(errors="replace")) + TEMPLATE_TOKENS


def test_a_prompt_is_at_most_the_context_window() -> None:
    """A model reads no more than its window."""
    assert estimate_prompt(Images(0, 0), 10_000_000, GPT_OSS) == PromptEstimate(131_072, 131_072)


def test_texts_to_embed_fill_a_context_window_each() -> None:
    """A request may hold thousands of them: only its bytes bound it."""
    embedding = replace(GPT_OSS, kind="embedding")

    assert estimate_prompt(Images(0, 0), 3_000_000, embedding) == PromptEstimate(
        1_000_000 + TEMPLATE_TOKENS, 3_000_000 + TEMPLATE_TOKENS
    )


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]},
        {"input": [{"content": [{"type": "input_image", "image_url": PICTURE}]}]},
        {"input": [{"output": [{"type": "input_image", "image_url": PICTURE}]}]},
        {"input": [{"summary": [{"type": "input_image", "image_url": PICTURE}]}]},
    ],
)
def test_inline_images_are_not_read_as_text(body: dict[str, object]) -> None:
    """The data of an image counts as an image: in chat, in responses, in what a function put out."""
    assert images_of(body) == Images(number=1, inline_bytes=len(PICTURE))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": "text"},
        {"messages": ["text", None, 5]},
        {"messages": [{"content": "text"}, {"content": [None, "x", {"image_url": 7}, {"image_url": {}}]}]},
        {"input": "text"},
    ],
)
def test_any_shape_of_body_is_read(body: dict[str, object]) -> None:
    """Bodies that the upstream will refuse do not break the estimate."""
    assert images_of(body) == Images(number=0, inline_bytes=0)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_each_image_adds_to_the_text_around_it(number: int) -> None:
    """Its likely tokens to the one figure, the most it can be to the other; its data is no text."""
    estimate = estimate_prompt(Images(number, inline_bytes=9_000 * number), 9_000 * number + 300, GPT_OSS)

    assert estimate == PromptEstimate(
        100 + TEMPLATE_TOKENS + 2_000 * number, 300 + TEMPLATE_TOKENS + 16_384 * number
    )


def test_a_model_of_unknown_window_may_read_the_whole_body() -> None:
    """Only its bytes bound the prompt."""
    unknown = replace(GPT_OSS, context_window=None)

    assert estimate_prompt(Images(0, 0), 3_000_000, unknown) == PromptEstimate(
        1_000_000 + TEMPLATE_TOKENS, 3_000_000 + TEMPLATE_TOKENS
    )
