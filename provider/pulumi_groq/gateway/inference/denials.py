"""What the metering or the policy denies, as an answer that says what to do about it."""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.charge import CostEstimate
from pulumi_groq.policy.estimate import BYTES_PER_TOKEN, TEMPLATE_TOKENS
from pulumi_groq.policy.limits import Allowance, Denial


def remedy_of(estimate: CostEstimate, allowance: Allowance) -> str:
    """The last sentence of the refusal. The figure in it is the largest that is admitted."""
    size = _size_of(estimate, allowance.tokens)
    if now := size.largest(allowance.now_micro_usd):
        return f"{size.ask(now)} for this request to be admitted now."
    if estimate.demand.cost_micro_usd <= allowance.later_micro_usd:
        return "It is admitted as it is once enough of them are over."
    if later := size.largest(allowance.later_micro_usd):
        return f"{size.ask(later)}, once the running requests are over."
    return f"{size.too_small}, or have the limit raised."


class _Size(NamedTuple):
    """What can be made smaller in a request: it is `most` now; `cost_micro_usd` gives the cost of a size."""

    most: int
    cost_micro_usd: Callable[[int], int]
    ask: Callable[[int], str]
    too_small: str

    def largest(self, most_micro_usd: int) -> int:
        """The largest size that costs no more; 0 where none does."""
        sizes = range(1, self.most + 1)
        return bisect_left(sizes, most_micro_usd + 1, key=self.cost_micro_usd)


def _size_of(estimate: CostEstimate, most_tokens: int | None) -> _Size:
    if estimate.output_limits:
        return _output(estimate, most_tokens)
    if estimate.model.kind == "speech":
        return _Size(
            most=estimate.characters,
            cost_micro_usd=lambda size: estimate._replace(characters=size).demand.cost_micro_usd,
            ask=lambda size: f"Send an input of at most {size} characters",
            too_small="Not even one character is admitted: use a cheaper model",
        )
    if estimate.model.kind == "transcription":
        return _Size(
            most=estimate.audio_ms,
            cost_micro_usd=lambda size: estimate._replace(audio_ms=size).demand.cost_micro_usd,
            ask=lambda size: f"Send audio of at most {size / 1000:.3f} s",
            too_small="Not even the shortest audio is admitted: use a cheaper model",
        )
    return _Size(
        most=max(0, estimate.largest_prompt_tokens - TEMPLATE_TOKENS),
        cost_micro_usd=lambda size: estimate.cost_micro_usd(size + TEMPLATE_TOKENS, 0, 0),
        ask=lambda size: f"Send a body of at most {size} bytes",
        too_small="Not even the shortest input is admitted: use a cheaper model",
    )


def _output(estimate: CostEstimate, most_tokens: int | None) -> _Size:
    """The output's limit. With it the body's own length changes, which is reserved as prompt."""
    outputs = estimate.choices * estimate.turns
    most = estimate.largest_completion_tokens // outputs
    if most_tokens is not None:
        # Else the answer would be 413; the field itself adds a few bytes.
        prompt_tokens = estimate.likely_prompt_tokens + -(
            -max(0, _added_bytes(estimate, most)) // BYTES_PER_TOKEN
        )
        most = min(most, (most_tokens - prompt_tokens) // estimate.choices)

    def cost_micro_usd(tokens: int) -> int:
        prompt_tokens = estimate.largest_prompt_tokens
        window = estimate.model.context_window
        if window is None:
            prompt_tokens += _added_bytes(estimate, tokens)
        elif prompt_tokens < window:  # at the window, or beyond the body, its length changes nothing
            prompt_tokens = min(window, prompt_tokens + _added_bytes(estimate, tokens))
        return estimate.cost_micro_usd(prompt_tokens, 0, outputs * tokens)

    def ask(tokens: int) -> str:
        fields = [
            each.field for each in estimate.output_limits if each.tokens is None or each.tokens > tokens
        ]
        return f"Set {' and '.join(fields)} to at most {tokens}"

    fewer = " and a smaller n" if estimate.choices > 1 else ""
    too_small = f"Not even 1 token of output is admitted: send a shorter prompt{fewer}"
    return _Size(max(0, most), cost_micro_usd, ask, too_small)


def _added_bytes(estimate: CostEstimate, tokens: int) -> int:
    """By how much the body grows with this limit in it, written as `json.dumps` does; it may shrink."""
    added = 0
    for field, present in estimate.output_limits:
        if present is None:
            added += len(f', "{field}": {tokens}')
        elif present > tokens:
            added += len(str(tokens)) - len(str(present))
    return added


def denied(denial: Denial, estimate: CostEstimate | None = None, *, close: bool = False) -> Refusal:
    """The answer to a denied request: when to come again where that is known, and where spending refused
    what to change in the request whose worst case is known.
    """
    message = denial.message
    if denial.allowance is not None and estimate is not None:
        message = f"{message} {remedy_of(estimate, denial.allowance)}"
    headers = denial.headers
    if denial.retry_after_s is not None:
        headers = (*headers, (b"retry-after", b"%d" % denial.retry_after_s))
    return Refusal(
        denial.status,
        denial.type,
        message,
        reason=denial.reason or denial.code,
        code=denial.code or None,
        headers=headers,
        close=close,
    )
