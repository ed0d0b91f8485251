"""Models as `GET /openai/v1/models` lists them, in Groq's own shape."""

from typing import Literal

from pulumi_groq.models.fields import ModelId, WireModel


class Model(WireModel):
    """One model. `created` is in Unix seconds; the two sizes are in tokens."""

    id: ModelId
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    active: bool = True
    context_window: int | None = None
    max_completion_tokens: int | None = None


class ModelPage(WireModel):
    """All models, on one page."""

    object: Literal["list"] = "list"
    data: list[Model]
