"""The models that Groq serves, with prices, limits and retirements; exact integer arithmetic on money."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.fields import ModelId, micro_usd
from pulumi_groq.models.tools import CONTENT, ToolPermission

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
            pico += cached_tokens * self._known(prices.input_token if cached is None else cached)
            prompt_tokens -= cached_tokens
        if prompt_tokens:
            pico += prompt_tokens * (prices.input_token or self._known(prices.input_token))
        if completion_tokens:
            pico += completion_tokens * (prices.output_token or self._known(prices.output_token))
        if characters:
            pico += characters * self._known(prices.character)
        if audio_ms:
            pico += self._audio_pico(prices, audio_ms)
        if batch:
            factor = prices.batch_factor
            return -(-pico * factor.numerator // (PICO_PER_MICRO * factor.denominator))
        return -(-pico // PICO_PER_MICRO)

    def _known(self, price: int | None) -> int:
        if price is None:
            raise UnpricedUsageError(f"model {self.id} has no price for what was used")
        return price

    def _audio_pico(self, prices: Prices, audio_ms: int) -> int:
        if prices.audio_hour is None:
            raise UnpricedUsageError(f"model {self.id} has no price for audio")
        return -(-max(audio_ms, prices.audio_minimum_ms) * prices.audio_hour // MS_PER_HOUR)


def _decimal(value: Any) -> Any:
    """TOML writes 22 and 22.0; both are amounts. Anything else is left for pydantic to refuse."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Price = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6), BeforeValidator(_decimal)]
"""US dollars with at most 6 decimal places."""

Size = Annotated[int, Field(ge=1, le=10**9)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PricesEntry(_Strict):
    """`prices` of a model: US dollars per 1,000,000 tokens or characters, or per hour of audio."""

    priced_on: date
    input: Price | None = None
    output: Price | None = None
    cached_input: Price | None = None
    characters: Price | None = None
    audio_hour: Price | None = None
    audio_minimum_s: Annotated[int, Field(ge=0, le=3600)] = 0
    batch_factor: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6), BeforeValidator(_decimal)] = (
        Decimal("0.5")
    )

    @model_validator(mode="after")
    def _prices_something(self) -> Self:
        if self.input is self.output is self.characters is self.audio_hour is None:
            raise ValueError("give at least one of input, output, characters, audio_hour")
        if self.cached_input is not None and (self.input is None or self.cached_input > self.input):
            # Money is reserved before it is known what a cache holds: at the price of input.
            raise ValueError("give cached_input at most the price of input")
        return self


class RetiredEntry(_Strict):
    """`retired` of a model."""

    on: date
    audience: Annotated[Audience, Field(alias="for")] = "all"
    replacements: list[ModelId] = Field(default_factory=list)


class ModelEntry(_Strict):
    """One `[models."..."]` table; what a user's list leaves out stays as shipped."""

    kind: Kind = "chat"
    owned_by: str | None = None
    context_window: Size | None = None
    max_completion_tokens: Size | None = None
    prices: PricesEntry | None = None
    retired: RetiredEntry | None = None
    runs_tools: list[ToolPermission] = Field(default_factory=list)

    def over(self, other: "ModelEntry") -> "ModelEntry":
        """This entry's own fields laid over those of `other`; a `prices` table replaces the whole one."""
        return other.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


class ToolEntry(_Strict):
    """One `[tools."..."]` table: one of the upstream's tools, with a price that the operator has confirmed.

    `max_uses` is how often one request can make the upstream use it. `source` says where the price is from.
    """

    priced_on: date
    source: Annotated[str, Field(min_length=1, max_length=500)]
    usd_per_call: Price
    max_uses: Annotated[int, Field(ge=1, le=1000)]


class PriceList(_Strict):
    """A whole file."""

    format: Literal[1]
    as_of: date
    models: dict[ModelId, ModelEntry] = Field(default_factory=dict)
    tools: dict[ToolPermission, ToolEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tools_are_tools(self) -> Self:
        free = sorted(tool for tool in self.tools if tool in CONTENT)
        if free:
            raise ValueError(f"{free[0]} is charged by what is read and has no price of its own")
        return self


def read_price_list(path: Path) -> PriceList:
    """The price list in the file at `path`. Raises `ConfigurationError`: file, entry, why, in one line."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except OSError as failure:
        raise ConfigurationError(f"{path}: the price list cannot be read: {failure.strerror}") from None
    except InvalidOperation:  # its text is no sentence
        raise ConfigurationError(f"{path}: the price list has a number with too large an exponent") from None
    except (ValueError, RecursionError) as failure:  # of TOML, of UTF-8, of a number with thousands of digits
        raise ConfigurationError(f"{path}: the price list is not TOML: {failure}") from None
    try:
        return PriceList.model_validate(raw)
    except ValidationError as failure:
        first = failure.errors(include_url=False)[0]
        place = ".".join(f'"{part}"' if "." in str(part) else str(part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {place}: {first['msg']}") from None


PICO_USD_PER_USD: Final = 10**12
PICO_USD_PER_PRICED_MILLION: Final = 10**6
"""A price of 1 USD per 1,000,000 units is this many pico-dollars a unit."""

CHARGED_BY: Final[dict[Kind, tuple[str, ...]]] = {
    "chat": ("input", "output"),
    "embedding": ("input",),
    "speech": ("characters",),
    "transcription": ("audio_hour",),
}
"""The prices that a model of a kind needs: without one of them its use could not be charged."""


class Catalogue:
    """What is known of Groq's models, and what its tools cost. Immutable; `models` are sorted by id."""

    def __init__(
        self, models: tuple[CatalogueModel, ...], tools: Mapping[str, ToolPrice] = MappingProxyType({})
    ) -> None:
        self._tools = MappingProxyType(dict(tools))
        self._by_id = MappingProxyType(
            {model.id: model for model in sorted(models, key=lambda each: each.id)}
        )
        self.priced: Final = frozenset(model.id for model in models if model.prices is not None)
        """The ids of the models whose use can be charged for."""
        self.get: Final[Callable[[str], CatalogueModel | None]] = self._by_id.get
        """The model with this id, where it is known."""

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The shipped catalogue, with the user's price list at `path` laid over it.

        An entry of the user's list adds a model (then `kind` is needed) or replaces the fields it
        names; a `prices` table replaces the whole table. Prices of tools
        come from the user's list alone. Raises `ConfigurationError` with the file
        and the entry at fault.
        """
        with as_file(files("pulumi_groq.catalogue").joinpath("models.toml")) as shipped:
            entries = dict(read_price_list(shipped).models)
        tools = {}
        if path is not None:
            own = read_price_list(path)
            entries |= _laid_over(entries, own, path)
            _check_prices(entries, path)
            tools = {name: _tool(entry) for name, entry in own.tools.items()}
        return cls(tuple(_model(model_id, entry) for model_id, entry in entries.items()), tools)

    def in_service(self, replacements: Sequence[str]) -> tuple[str, ...]:
        """Ids of `replacements`; one that is retired gives way to its own replacements."""
        found: list[str] = []
        waiting = list(replacements)
        seen: set[str] = set()
        while waiting:
            model_id = waiting.pop(0)
            if model_id in seen:
                continue
            seen.add(model_id)
            model = self.get(model_id)
            if model is not None and model.retirement is not None:
                waiting = [*model.retirement.replacements, *waiting]
            else:
                found.append(model_id)
        return tuple(found)

    @property
    def models(self) -> tuple[CatalogueModel, ...]:
        """All models, by id."""
        return tuple(self._by_id.values())

    def tool(self, name: str) -> ToolPrice | None:
        """The price of the tool that the permission `name` is for, where the operator has stated one."""
        return self._tools.get(name)

    def is_priced(self, model_id: str) -> bool:
        """Whether use of the model can be charged for; only then may a key be given it."""
        return model_id in self.priced


def _laid_over(shipped: dict[str, ModelEntry], own: PriceList, path: Path) -> dict[str, ModelEntry]:
    merged = {}
    for model_id, entry in own.models.items():
        known = shipped.get(model_id)
        if known is None and "kind" not in entry.model_fields_set:
            raise ConfigurationError(
                f'{path}: models."{model_id}": add kind ("chat", "transcription", "speech" or "embedding"): '
                "the shipped list does not know this model"
            )
        merged[model_id] = entry if known is None else entry.over(known)
    return merged


def _check_prices(entries: dict[str, ModelEntry], path: Path) -> None:
    for model_id, entry in entries.items():
        for name in () if entry.prices is None else CHARGED_BY[entry.kind]:
            if getattr(entry.prices, name) is None:
                raise ConfigurationError(
                    f'{path}: models."{model_id}".prices: add {name}: {entry.kind} is charged by it'
                )


def _model(model_id: str, entry: ModelEntry) -> CatalogueModel:
    return CatalogueModel(
        id=model_id,
        kind=entry.kind,
        owned_by=entry.owned_by,
        context_window=entry.context_window,
        max_completion_tokens=entry.max_completion_tokens,
        prices=None if entry.prices is None else _prices(entry.prices),
        retirement=None if entry.retired is None else _retirement(entry.retired),
        runs_tools=frozenset(entry.runs_tools),
    )


def _tool(entry: ToolEntry) -> ToolPrice:
    return ToolPrice(micro_usd(entry.usd_per_call), entry.max_uses, entry.priced_on, entry.source)


def _prices(entry: PricesEntry) -> Prices:
    return Prices(
        priced_on=entry.priced_on,
        input_token=_pico_usd(entry.input, PICO_USD_PER_PRICED_MILLION),
        output_token=_pico_usd(entry.output, PICO_USD_PER_PRICED_MILLION),
        cached_input_token=_pico_usd(entry.cached_input, PICO_USD_PER_PRICED_MILLION),
        character=_pico_usd(entry.characters, PICO_USD_PER_PRICED_MILLION),
        audio_hour=_pico_usd(entry.audio_hour, PICO_USD_PER_USD),
        audio_minimum_ms=entry.audio_minimum_s * 1000,
        batch_factor=Fraction(entry.batch_factor),
    )


def _pico_usd(price_usd: Decimal | None, pico_usd_per_usd: int) -> int | None:
    return None if price_usd is None else int(price_usd * pico_usd_per_usd)


def _retirement(entry: RetiredEntry) -> Retirement:
    return Retirement(retired_on=entry.on, replacements=tuple(entry.replacements), audience=entry.audience)
