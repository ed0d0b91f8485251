"""The TOML form of the catalogue and of a user's own price list: read and checked."""

import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pulumi_groq.catalogue.model import Audience, Kind
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.fields import ModelId
from pulumi_groq.models.tools import CONTENT, ToolPermission


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
