"""How much a request may use, before it is sent: cheap, and on the safe side.

Each estimate has two figures. The likely one counts against rate limits, where a bound would refuse what
fits; the bound is what money is reserved for, so that no request costs more than its reservation.

Prompt: 1 token for 3 bytes of body (English text has about 4.2 bytes a token, code 3.3, Chinese 3), plus
what chat templates add, plus an allowance an image. Bound: the body's bytes, since no tokenizer makes more
than 1 token of 1 byte, and at most the context window, which a model fills once for a prompt, and once for
each of many texts to embed. Inline images are counted as images: their base64 is not read as text by any
model.

Output: what the request asks for. Without it, a likely figure that may be set (Groq estimates too); the
bound is the model's own.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pulumi_groq.catalogue import CatalogueModel

BYTES_PER_TOKEN: Final = 3
TEMPLATE_TOKENS: Final = 100
"""What a chat template adds around the messages; gpt-oss has the longest, about 70."""

LIKELY_IMAGE_TOKENS: Final = 2_000
LARGEST_IMAGE_TOKENS: Final = 16_384
USUAL_OUTPUT_TOKENS: Final = 4_096
"""Counted against token limits for a request that sets no limit of its own."""

UNKNOWN_MODEL_OUTPUT_TOKENS: Final = 32_768
"""The largest output of a model whose own bound the catalogue does not know."""


class PromptEstimate(NamedTuple):
    """Tokens of a prompt: the likely number, and one that it does not exceed."""

    likely_tokens: int
    at_most_tokens: int


class Images(NamedTuple):
    """The images of a body: how many, and how many of the body's bytes are their inline data."""

    number: int
    inline_bytes: int


NO_IMAGES: Final = Images(0, 0)


def estimate_prompt(images: Images, body_bytes: int, model: CatalogueModel) -> PromptEstimate:
    """The prompt of a JSON body (chat, responses or embeddings) of `body_bytes` bytes with these `images`."""
    text_bytes = max(0, body_bytes - images.inline_bytes)
    likely = -(-text_bytes // BYTES_PER_TOKEN) + TEMPLATE_TOKENS + images.number * LIKELY_IMAGE_TOKENS
    at_most = text_bytes + TEMPLATE_TOKENS + images.number * LARGEST_IMAGE_TOKENS
    if model.context_window is not None and model.kind != "embedding":
        likely = min(likely, model.context_window)
        at_most = min(at_most, model.context_window)
    return PromptEstimate(likely_tokens=min(likely, at_most), at_most_tokens=at_most)


def largest_output(model: CatalogueModel, asked_tokens: int | None, choices: int = 1) -> int:
    """The most tokens that may come back: what the request asks for, at most what the model can."""
    of_model = model.max_completion_tokens or UNKNOWN_MODEL_OUTPUT_TOKENS
    return choices * (of_model if asked_tokens is None else min(asked_tokens, of_model))


def likely_output(
    model: CatalogueModel, asked_tokens: int | None, choices: int = 1, usual_tokens: int = USUAL_OUTPUT_TOKENS
) -> int:
    """The tokens to hold against rate limits: as asked, else `usual_tokens` at the most."""
    return largest_output(model, usual_tokens if asked_tokens is None else asked_tokens, choices)


def images_of(body: Mapping[str, Any]) -> Images:
    """The images among the parts of a body's `messages` (chat) or items of `input` (responses)."""
    number = inline_bytes = 0
    messages = body["messages"] if "messages" in body else body.get("input")
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        # What a tool put out, or a summary, may hold pictures as well as content does.
        for parts in (message.get("content"), message.get("output"), message.get("summary")):
            for part in parts if isinstance(parts, list) else ():
                image = part.get("image_url") if isinstance(part, dict) else None
                url = image.get("url") if isinstance(image, dict) else image
                if isinstance(url, str):
                    number += 1
                    inline_bytes += len(url) if url.startswith("data:") else 0
    return Images(number, inline_bytes)
