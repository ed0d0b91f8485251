"""Which models a key may use, and what it may let the upstream do beyond the body, at what cost."""

import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Final

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.catalogue.catalogue import Kind
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request
from pulumi_groq.gateway.inference.charge import Beyond
from pulumi_groq.gateway.inference.denials import denied
from pulumi_groq.gateway.inference.reach.needs import not_permitted
from pulumi_groq.models.tools import CONTENT, MCP
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.messages import model_not_available


def priced(catalogue: Catalogue, model_id: str, param: str) -> CatalogueModel:
    """The model. Raises `Refusal` 400 `model_not_priced` that names the field `param`."""
    model = catalogue.get(model_id)
    if model is None or model.prices is None:
        message = (
            f"The model `{model_id}` has no price here, so its use cannot be charged. Tell the operator."
        )
        raise bad_request(message, param=param, code="model_not_priced")
    return model


class ModelAccess:
    """The catalogue as far as a key may use it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def permit(self, key: KeyAccess, models: tuple[str, ...], kind: Kind | None) -> CatalogueModel:
        """The first of `models`, when the key may use all of them, it is of this `kind`, and none is dearer:
        all is charged at its price, and the others are those that a compound system is told to use.

        Raises `Refusal`: 403 `model_not_available`, 400 `model_not_priced`, 400 for the wrong kind or price.
        """
        for model_id in models:
            if model_id not in key.models:
                raise denied(model_not_available(key.lineage_id, model_id))
        model = priced(self._catalogue, models[0], "model")
        if model.kind != kind:
            raise bad_request(f"The model `{model.id}` is for {model.kind}, not for this URL.", param="model")
        for model_id in models[1:]:
            if _is_dearer(priced(self._catalogue, model_id, COMPOUND_MODELS), model):
                message = (
                    f"The model `{model_id}` costs more than `{model.id}`, at whose price it is charged."
                )
                raise bad_request(f"{message} Name a cheaper one.", param=COMPOUND_MODELS)
        return model

    def listed(self, key: KeyAccess) -> bytes:
        """The body of `GET /openai/v1/models`: the key's own models only."""
        return _json({"object": "list", "data": [_entry(model) for model in self._of(key)]})

    def described(self, key: KeyAccess, model_id: str) -> bytes:
        """The body of `GET /openai/v1/models/{id}`. Raises `Refusal` 404 `model_not_found`."""
        for model in self._of(key):
            if model.id == model_id:
                return _json(_entry(model))
        message = f"The model `{model_id[:200]}` does not exist or you do not have access to it."
        raise Refusal(404, INVALID_REQUEST, message, reason="model_not_found", code="model_not_found")

    def _of(self, key: KeyAccess) -> Iterator[CatalogueModel]:
        return (model for model in self._catalogue.models if model.id in key.models)


COMPOUND_MODELS: Final = "compound_custom.models"


def _is_dearer(named: CatalogueModel, charged: CatalogueModel) -> bool:
    """Whether any token of it costs more, a cached one and one of a batch among them."""
    its, paid = _token_prices(named), _token_prices(charged)
    return any(one > other for one, other in zip(its, paid, strict=True))


def _token_prices(model: CatalogueModel) -> tuple[Fraction, ...]:
    prices = model.prices
    if prices is None:
        return ()
    full = prices.input_token or 0
    cached = full if prices.cached_input_token is None else prices.cached_input_token
    singly = (full, cached, prices.output_token or 0)
    return (*map(Fraction, singly), *(each * prices.batch_factor for each in singly))


def _entry(model: CatalogueModel) -> dict[str, object]:
    """`created` is 0: the catalogue does not know when a model was made."""
    return {
        "id": model.id,
        "object": "model",
        "created": 0,
        "owned_by": model.owned_by or "",
        "active": model.retirement is None,
        "context_window": model.context_window,
        "max_completion_tokens": model.max_completion_tokens,
        "public_apps": None,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


REMOTE_USES: Final = 10
"""Calls of one remote MCP server in a request, where the price list does not say how many there can be."""


class ToolAccess:
    """The price list's tools as far as a key may use them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def permit(
        self, key: KeyAccess, model: CatalogueModel, models: Iterable[str], reach: Mapping[str, str]
    ) -> Beyond | None:
        """What a request with this `reach`, to `models`, may cause when the key may do all of it.

        `None` where nothing reaches beyond the body. Raises `Refusal`: 403 `tool_not_allowed`, 400
        `tool_not_priced`.
        """
        if not reach and models == (model.id,) and not model.runs_tools:
            return None
        needed = self.needed(models, reach)
        if not needed:
            return None
        self.require(key, needed)
        if model.context_window is None:
            path = next(iter(needed.values()))
            raise bad_request(
                f"{path} cannot be served: the price list does not know the context window of `{model.id}`, "
                "and so not how much it may read. Tell the operator.",
                param=path,
            )
        uses = fee = 0
        for permission, path in needed.items():
            of_this, fee_of_this = self._worst(permission, path)
            uses += of_this
            fee += fee_of_this
        return Beyond(1 + uses, fee)

    def needed(self, models: Iterable[str], reach: Mapping[str, str]) -> Mapping[str, str]:
        """The permissions that a request needs, those of its models among them, with a field for each."""
        needed = dict(reach)
        for model_id in models:
            run = self._catalogue.get(model_id)
            for tool in sorted(run.runs_tools) if run is not None else ():
                needed.setdefault(tool, "model")
        return needed

    def require(self, key: KeyAccess, needed: Mapping[str, str]) -> None:
        """Raises `Refusal` 403 `tool_not_allowed` unless the key has all these permissions."""
        for permission, path in needed.items():
            if not _has(key, permission):
                raise not_permitted(key.lineage_id, permission, path)

    def _worst(self, permission: str, path: str) -> tuple[int, int]:
        """The most uses, and their price in micro-dollars."""
        if permission in CONTENT:
            return 0, 0
        price = self._catalogue.tool(permission)
        if price is not None:
            return price.max_uses, price.max_uses * price.micro_usd_per_call
        if permission.startswith(MCP):
            return REMOTE_USES, 0
        raise _not_priced(permission, path)


def _has(key: KeyAccess, permission: str) -> bool:
    if permission == MCP:  # a server that was named by an earlier request
        return any(each.startswith(MCP) for each in key.tools)
    return permission in key.tools


def _not_priced(permission: str, path: str) -> Refusal:
    message = f"The tool `{permission}` has no price here, so its use cannot be charged. Tell the operator."
    return bad_request(message, param=path, code="tool_not_priced")
