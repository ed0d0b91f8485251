"""The catalogue: every model by its id, from the shipped list with the user's own laid over it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from pulumi_groq.catalogue.model import CatalogueModel, Kind, Prices, Retirement, ToolPrice
from pulumi_groq.catalogue.price_list import (
    ModelEntry,
    PriceList,
    PricesEntry,
    RetiredEntry,
    ToolEntry,
    read_price_list,
)
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.fields import micro_usd

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

    def get(self, model_id: str) -> CatalogueModel | None:
        """The model with this id, where it is known."""
        return self._by_id.get(model_id)

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
        model = self._by_id.get(model_id)
        return model is not None and model.prices is not None


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
