"""What a request can use and cost at the most: what has to be reserved before it may go out."""

from typing import NamedTuple, Self

from pulumi_groq.catalogue import CatalogueModel
from pulumi_groq.gateway.inference.call_fields import CallFields, OutputLimit
from pulumi_groq.gateway.inference.tool_access import Beyond
from pulumi_groq.gateway.inference.usage import AudioUsage, Stated
from pulumi_groq.policy.estimate import Images, estimate_prompt, largest_output, likely_output
from pulumi_groq.policy.metering import Consumption, Demand


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
            likely = likely_output(model, fields.max_output_tokens, fields.choices)
            largest = largest_output(model, fields.max_output_tokens, fields.choices)
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
