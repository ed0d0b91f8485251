"""Which models a key may use, and how they are listed."""

import json
from collections.abc import Iterator

from pulumi_groq.catalogue import Catalogue, CatalogueModel
from pulumi_groq.catalogue.catalogue import Kind
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request
from pulumi_groq.gateway.inference.denial_answer import denied
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.messages import model_not_available


class ModelAccess:
    """The catalogue as far as a key may use it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def permit(self, key: KeyAccess, models: tuple[str, ...], kind: Kind | None) -> CatalogueModel:
        """The first of `models`, when the key may use all of them and it is of this `kind`.

        Raises `Refusal`: 403 `model_not_available`, 400 `model_not_priced`, 400 for the wrong kind.
        """
        for model_id in models:
            if model_id not in key.models:
                raise denied(model_not_available(model_id))
        model = self._catalogue.get(models[0])
        if model is None or model.prices is None:
            message = (
                f"The model `{models[0]}` has no price here, so its use cannot be charged. Tell the operator."
            )
            raise bad_request(message, param="model", code="model_not_priced")
        if model.kind != kind:
            raise bad_request(f"The model `{model.id}` is for {model.kind}, not for this URL.", param="model")
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
