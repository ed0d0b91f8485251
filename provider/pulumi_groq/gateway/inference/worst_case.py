"""The worst case of a request: what has to be reserved before it may go out, and what units are priced at."""

from dataclasses import dataclass
from typing import Self

from pulumi_groq.catalogue import CatalogueModel
from pulumi_groq.gateway.inference.call_fields import CallFields
from pulumi_groq.gateway.inference.json_body import JsonObject
from pulumi_groq.policy.estimate import estimate_prompt, largest_output, likely_output
from pulumi_groq.policy.metering import Consumption, Demand


@dataclass(frozen=True, slots=True)
class WorstCase:
    """What a request may use. Tokens count against rate limits; the price is of tokens, or of the
    `characters` read aloud, or of the milliseconds of audio heard.

    The likely tokens are what rate limits see, the largest ones what money is reserved for. Without a
    limit of its own a request may use all that the model can write, which many keys' limits per
    minute could never hold.
    """

    model: CatalogueModel
    likely_prompt_tokens: int = 0
    largest_prompt_tokens: int = 0
    likely_completion_tokens: int = 0
    largest_completion_tokens: int = 0
    characters: int = 0
    audio_ms: int = 0

    @classmethod
    def of_json(
        cls, model: CatalogueModel, fields: CallFields, document: JsonObject, body_bytes: int
    ) -> Self:
        """Of a JSON request of `body_bytes` bytes."""
        prompt = estimate_prompt(document, body_bytes, model)
        asked, choices = fields.max_output_tokens, fields.choices
        generates = model.kind == "chat"
        return cls(
            model=model,
            likely_prompt_tokens=prompt.likely_tokens,
            largest_prompt_tokens=prompt.at_most_tokens,
            likely_completion_tokens=likely_output(model, asked, choices) if generates else 0,
            largest_completion_tokens=largest_output(model, asked, choices) if generates else 0,
            characters=fields.input_characters,
        )

    @classmethod
    def of_audio(cls, model: CatalogueModel, audio_ms: int) -> Self:
        """Of a transcription or translation. Audio is priced by its length and uses no tokens."""
        return cls(model=model, audio_ms=audio_ms)

    @property
    def demand(self) -> Demand:
        """The reservation to ask for."""
        return Demand(
            model=self.model.id,
            tokens=self.likely_prompt_tokens + self.likely_completion_tokens,
            cost_micro_usd=self.cost_micro_usd(self.largest_prompt_tokens, 0, self.largest_completion_tokens),
        )

    def consumed(self, prompt: int, cached: int, completion: int) -> Consumption:
        """These tokens, priced."""
        return Consumption(
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            cost_micro_usd=self.cost_micro_usd(prompt, cached, completion),
        )

    def cost_micro_usd(self, prompt: int, cached: int, completion: int) -> int:
        """The price of these tokens, or of this request's characters or audio."""
        if self.model.kind == "speech":
            return self.model.cost_micro_usd(characters=self.characters)
        if self.model.kind == "transcription":
            return self.model.cost_micro_usd(audio_ms=self.audio_ms)
        return self.model.cost_micro_usd(
            prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion
        )
