"""What an admitted request is to be charged: the reservation until something better is known.

What the upstream states replaces the reservation only where the request can have caused it. The estimate's
largest figures are bounds, so a count above them is a fault of the upstream's, or of our bounds, and is
charged as reserved: no answer costs more than was reserved for it, so none passes a budget or the cap.
"""

import logging
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from pulumi_groq.catalogue import CatalogueModel
from pulumi_groq.catalogue.catalogue import Kind
from pulumi_groq.gateway.http.bodies import read_json
from pulumi_groq.gateway.inference.call_fields import CallFields, OutputLimit
from pulumi_groq.gateway.inference.record import Disbelief
from pulumi_groq.policy.estimate import Images, estimate_prompt, largest_output, likely_output
from pulumi_groq.policy.limits import Consumption, Demand


class UnreadableUsageError(Exception):
    """The upstream states a usage that cannot be read; the text names the field."""


class TokenUsage(NamedTuple):
    """What the upstream says was used; `cached` tokens are among the `prompt` ones. `completion` is `None`
    where it names none, as embeddings do.
    """

    prompt: int
    cached: int
    completion: int | None


class AudioUsage(NamedTuple):
    """How many milliseconds of audio the upstream says it heard."""

    ms: int


Stated = TokenUsage | AudioUsage


def parsed_answer(document: bytes) -> Any:
    """A whole answer, parsed; `None` for what is not JSON, which states nothing."""
    try:
        return read_json(document)
    except (ValueError, RecursionError):
        return None


def stated_by(answer: Any, kind: Kind) -> Stated | None:
    """What a parsed answer, or event of a stream, of a model of this kind states, in the unit that the kind
    is charged by; `None` where it states nothing. Raises `UnreadableUsageError`.
    """
    if kind == "transcription":
        return audio_of(answer)
    # Speech is charged by the characters that were sent, whatever its answer says.
    return None if kind == "speech" else usage_of(answer)


def usage_of(answer: Any) -> TokenUsage | None:
    """The tokens that a parsed answer, or event of a stream, states. Raises `UnreadableUsageError`."""
    stated = [_tokens(usage) for usage in usages(answer)]
    if len(stated) < 2:
        return stated[0] if stated else None
    return TokenUsage(
        max(each.prompt for each in stated),
        min(each.cached for each in stated),
        max((each.completion for each in stated if each.completion is not None), default=None),
    )


def audio_of(answer: Any) -> AudioUsage | None:
    """The length that a transcription states in seconds, whole or as an event of a stream: `duration`
    (verbose_json) or `usage.seconds`. Raises `UnreadableUsageError`.
    """
    if not isinstance(answer, dict):
        return None
    places = [answer.get("duration")]
    places += [usage.get("seconds") for usage in usages(answer) if isinstance(usage, dict)]
    stated = [_ms(seconds) for seconds in places if seconds is not None]
    return AudioUsage(max(stated)) if stated else None


def usages(answer: Any) -> list[Any]:
    """What stands in a parsed answer, or event of a stream, where a usage does."""
    if not isinstance(answer, dict):
        return []
    usages = []
    for holder in (answer, answer.get("x_groq"), answer.get("response")):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if usage is not None:
            usages.append(usage)
    return usages


def _ms(seconds: Any) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise UnreadableUsageError("the duration is no number of seconds above 0")
    # By its digits: 16.1 * 1000 is a little above 16100, and would be one millisecond more.
    # A length that no float can hold in milliseconds is far beyond any bound either way.
    return math.ceil(Decimal(repr(min(seconds, 1e15))) * 1000)


def _tokens(usage: Any) -> TokenUsage:
    if not isinstance(usage, dict):
        raise UnreadableUsageError("usage is no object")
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    if prompt is None:
        raise UnreadableUsageError("prompt_tokens is missing")
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = (_count(details, "cached_tokens", null_is_missing=True) or 0) if isinstance(details, dict) else 0
    if cached > prompt:
        raise UnreadableUsageError("cached_tokens is above prompt_tokens")
    return TokenUsage(prompt, cached, _count(usage, "completion_tokens", "output_tokens"))


def _count(holder: dict[str, Any], *names: str, null_is_missing: bool = False) -> int | None:
    """What the first of `names` that is there counts; `None` where none of them is."""
    for name in names:
        if name not in holder:
            continue
        value = holder[name]
        if value is None and null_is_missing:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UnreadableUsageError(f"{name} is no whole number from 0")
        return value
    return None


class Beyond(NamedTuple):
    """The worst of what is not in the body.

    `turns` are the times that the model may be called: once, and once more after each use of a tool. In
    each it may read its whole context window. `fee_micro_usd` is the price of all uses.
    """

    turns: int
    fee_micro_usd: int


class CostEstimate(NamedTuple):
    """What a request may use. Tokens count against rate limits; the price is of tokens, or of the
    `characters` read aloud, or of the milliseconds of audio heard.

    The likely tokens are what rate limits see, the largest ones what money is reserved for. Without a
    limit of its own a request may use all that the model can write, which many keys' limits per
    minute could never hold. `fee_micro_usd` is that of built-in tools at their most uses: answers do not
    tell reliably how often they were used, so it is charged whole. `reaches_beyond`: the prompt may be
    far above the likely one. The model writes each of the `choices` anew in `turns`; `output_limits` are
    the fields of the request that would lower the output.
    """

    model: CatalogueModel
    likely_prompt_tokens: int = 0
    largest_prompt_tokens: int = 0
    likely_completion_tokens: int = 0
    largest_completion_tokens: int = 0
    characters: int = 0
    audio_ms: int = 0
    fee_micro_usd: int = 0
    reaches_beyond: bool = False
    choices: int = 1
    turns: int = 1
    output_limits: tuple[OutputLimit, ...] = ()

    @classmethod
    def of_json(
        cls,
        model: CatalogueModel,
        fields: CallFields,
        images: Images,
        body_bytes: int,
        beyond: Beyond | None = None,
    ) -> Self:
        """Of a JSON request of `body_bytes` bytes with `images`, and of what it may cause `beyond` them."""
        likely_prompt, largest_prompt = estimate_prompt(images, body_bytes, model)
        likely = largest = 0
        if model.kind == "chat":
            asked = fields.max_output_tokens
            largest = largest_output(model, asked, fields.choices)
            likely = largest if asked is not None else likely_output(model, None, fields.choices)
        estimate = cls(
            model,
            likely_prompt,
            largest_prompt,
            likely,
            largest,
            fields.input_characters,
            choices=fields.choices,
            output_limits=fields.output_limits,
        )
        return estimate if beyond is None else estimate._reaching(beyond, fields.choices)

    @classmethod
    def of_audio(cls, model: CatalogueModel, audio_ms: int) -> Self:
        """Of a transcription or translation. Audio is priced by its length and uses no tokens."""
        return cls(model=model, audio_ms=audio_ms)

    def _reaching(self, beyond: Beyond, choices: int) -> Self:
        """With the tools' fees, and with the model called anew after each use, for each choice."""
        window = self.model.context_window or 0
        return self._replace(
            largest_prompt_tokens=window * beyond.turns * choices,
            largest_completion_tokens=self.largest_completion_tokens * beyond.turns,
            fee_micro_usd=beyond.fee_micro_usd * choices,
            reaches_beyond=True,
            turns=beyond.turns,
        )

    @property
    def demand(self) -> Demand:
        """The reservation to ask for."""
        return Demand(
            self.model.id,
            self.likely_prompt_tokens + self.likely_completion_tokens,
            self.cost_micro_usd(self.largest_prompt_tokens, 0, self.largest_completion_tokens),
        )

    def can_cause(self, stated: Stated) -> bool:
        """Whether a request with this worst case can have used what the upstream states. A model reads at
        least one token: servers that do not count state 0.
        """
        if isinstance(stated, AudioUsage):
            return stated.ms <= self.audio_ms
        generates = self.largest_completion_tokens > 0
        completion = stated.completion if generates else stated.completion or 0
        return (
            completion is not None
            and completion <= self.largest_completion_tokens
            and 0 < stated.prompt <= self.largest_prompt_tokens
        )

    def consumed(self, prompt: int, cached: int, completion: int) -> Consumption:
        """These tokens, priced."""
        return Consumption(prompt, cached, completion, self.cost_micro_usd(prompt, cached, completion))

    def cost_micro_usd(self, prompt: int, cached: int, completion: int) -> int:
        """The price of these tokens, or of this request's characters or audio, with the tools' fees."""
        model = self.model
        if model.kind == "speech":
            return model.cost_micro_usd(characters=self.characters)
        if model.kind == "transcription":
            return model.cost_micro_usd(audio_ms=self.audio_ms)
        of_tokens = model.cost_micro_usd(
            prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion
        )
        return of_tokens + self.fee_micro_usd


_log = logging.getLogger("pulumi_groq.gateway.upstream")


class Charge:
    """The charge of one admitted request, as it becomes known.

    From the beginning the reservation stands, so that whatever breaks the request off (a cancelled task, a
    crash) cannot make it free; `stated`, `counted` and `refused` replace it with what is known. `disbelief`
    says why a statement did not.
    """

    __slots__ = (
        "_consumption",
        "_request_id",
        "_reserved",
        "_reserved_micro_usd",
        "_seen",
        "disbelief",
        "estimate",
    )

    def __init__(self, estimate: CostEstimate, reserved_micro_usd: int, request_id: str) -> None:
        self.estimate = estimate
        self._reserved_micro_usd = reserved_micro_usd
        self.disbelief: Disbelief | None = None
        self._request_id = request_id
        self._consumption: Consumption | None = None
        self._reserved = True
        self._seen = 0

    @property
    def consumption(self) -> Consumption | None:
        """What to charge as things stand; `None` is nothing."""
        if not self._reserved:
            return self._consumption
        estimate = self.estimate
        return Consumption(
            prompt_tokens=estimate.likely_prompt_tokens,
            cached_tokens=0,
            completion_tokens=max(estimate.likely_completion_tokens, self._seen),
            cost_micro_usd=self._reserved_micro_usd,
        )

    def refused(self) -> None:
        """The upstream generated nothing."""
        self._reserved = False
        self._consumption = None

    def stated(self, answer: bytes | Callable[[], Any]) -> bool:
        """Charge what the upstream states in a whole answer, or in what is read of its stream, if it can be
        believed. Returns whether it states a usage.
        """
        try:
            parsed = parsed_answer(answer) if isinstance(answer, bytes) else answer()
            usage = stated_by(parsed, self.estimate.model.kind)
        except UnreadableUsageError as unreadable:
            self._disbelieve("unreadable", str(unreadable))
            return True
        if usage is None:
            return False
        if not self.estimate.can_cause(usage):
            self._disbelieve("impossible", _shown(usage))
        elif isinstance(usage, TokenUsage):
            self._reserved = False
            self._consumption = self.estimate.consumed(usage.prompt, usage.cached, usage.completion or 0)
        else:
            self._reserved = False
            self._consumption = self.estimate._replace(audio_ms=usage.ms).consumed(0, 0, 0)
        return True

    def counted(self, completion_tokens: int) -> None:
        """The upstream broke off: the likely prompt and what was seen passing by; the reservation where the
        prompt is not in the body.
        """
        if self.estimate.reaches_beyond:
            self.as_reserved(completion_tokens)
            return
        seen = min(completion_tokens, self.estimate.largest_completion_tokens)
        self._reserved = False
        self._consumption = self.estimate.consumed(self.estimate.likely_prompt_tokens, 0, seen)

    def as_reserved(self, seen_completion_tokens: int) -> None:
        """The usage was not stated, or not waited for: the reservation; tokens seen passing by are told."""
        self._reserved = True
        self._seen = min(seen_completion_tokens, self.estimate.largest_completion_tokens)

    def _disbelieve(self, why: Disbelief, stated: str) -> None:
        self.disbelief = why
        self.as_reserved(0)
        _log.warning(
            "request %s of %s is charged as reserved: the upstream stated a usage that is %s: %s",
            self._request_id,
            self.estimate.model.id,
            why,
            stated,
        )


_MOST_SHOWN: Final = 10**15


def _shown(usage: Stated) -> str:
    return ", ".join(
        f"{name} {value if value <= _MOST_SHOWN else f'more than {_MOST_SHOWN}'}"
        for name, value in usage._asdict().items()
        if value is not None
    )
