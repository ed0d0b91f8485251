"""One model of the catalogue and what its use costs, in whole numbers."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, Literal

Kind = Literal["chat", "transcription", "speech", "embedding"]
Audience = Literal["free_and_developer", "all"]

PICO_PER_MICRO: Final = 1_000_000
MS_PER_HOUR: Final = 3_600_000


class UnpricedUsageError(Exception):
    """Something was used that the model has no price for: tokens of a model priced by audio, for one."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """`retired_on` is Groq's date; `audience` is who is refused; `replacements` come best first."""

    retired_on: date
    replacements: tuple[str, ...]
    audience: Audience

    @property
    def for_whom(self) -> str:
        """The plans that Groq refuses, as the end of a sentence; empty if it refuses everybody."""
        return " for free and developer plans" if self.audience == "free_and_developer" else ""


@dataclass(frozen=True, slots=True)
class Prices:
    """List prices on `priced_on`, in pico-dollars (10^-12 USD) a unit; `None` is no price, never free.

    Tokens and characters are priced singly, audio by the hour with at least `audio_minimum_ms` per
    request. `batch_factor` is the part of the price that a batch pays (Groq: half).
    """

    priced_on: date
    input_token: int | None = None
    output_token: int | None = None
    cached_input_token: int | None = None
    character: int | None = None
    audio_hour: int | None = None
    audio_minimum_ms: int = 0
    batch_factor: Fraction = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class ToolPrice:
    """What a use of one of the upstream's tools costs, and how many uses one request may have.

    `priced_on` and `source` say when and where the operator found the price.
    """

    micro_usd_per_call: int
    max_uses: int
    priced_on: date
    source: str


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model that Groq serves or served; `None` sizes and owners are unknown.

    `runs_tools` are the built-in tools that it runs without being asked to, as compound systems do.
    """

    id: str
    kind: Kind
    owned_by: str | None
    context_window: int | None
    max_completion_tokens: int | None
    prices: Prices | None
    retirement: Retirement | None
    runs_tools: frozenset[str] = frozenset()

    def cost_micro_usd(
        self,
        *,
        prompt_tokens: int = 0,
        cached_tokens: int = 0,
        completion_tokens: int = 0,
        characters: int = 0,
        audio_ms: int = 0,
        batch: bool = False,
    ) -> int:
        """What one request costs in micro-dollars, rounded up once.

        `cached_tokens` are the part of `prompt_tokens` that was in the upstream's cache. Raises
        `UnpricedUsageError` if something that was used has no price, so that nothing counts as free.
        """
        prices = self.prices
        if prices is None:
            raise UnpricedUsageError(f"model {self.id} has no price")
        pico = 0
        if cached_tokens:
            cached_tokens = min(cached_tokens, prompt_tokens)
            cached = prices.cached_input_token
            pico += self._pico(cached_tokens, prices.input_token if cached is None else cached)
            prompt_tokens -= cached_tokens
        if prompt_tokens:
            pico += self._pico(prompt_tokens, prices.input_token)
        if completion_tokens:
            pico += self._pico(completion_tokens, prices.output_token)
        if characters:
            pico += self._pico(characters, prices.character)
        if audio_ms:
            pico += self._audio_pico(prices, audio_ms)
        if batch:
            factor = prices.batch_factor
            return -(-pico * factor.numerator // (PICO_PER_MICRO * factor.denominator))
        return -(-pico // PICO_PER_MICRO)

    def _pico(self, amount: int, price: int | None) -> int:
        if price is not None:
            return amount * price
        if amount:
            raise UnpricedUsageError(f"model {self.id} has no price for what was used")
        return 0

    def _audio_pico(self, prices: Prices, audio_ms: int) -> int:
        if prices.audio_hour is None:
            raise UnpricedUsageError(f"model {self.id} has no price for audio")
        return -(-max(audio_ms, prices.audio_minimum_ms) * prices.audio_hour // MS_PER_HOUR)
