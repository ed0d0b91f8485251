"""Models as `GET /openai/v1/models` lists them, in Groq's own shape."""

from typing import Annotated, Literal

from pydantic import Field

from pulumi_groq.models.fields import ModelId, WireModel


class Model(WireModel):
    """One model."""

    id: Annotated[ModelId, Field(description="The model's id, such as `openai/gpt-oss-20b`.")]
    object: Literal["model"] = Field("model", description="The kind of object.")
    created: Annotated[int, Field(description="When the model was made, in Unix seconds; 0 if unknown.")]
    owned_by: Annotated[str, Field(description="Who made the model.")]
    active: Annotated[bool, Field(description="Whether the model is in service: false once retired.")] = True
    context_window: Annotated[
        int | None, Field(description="Tokens of prompt and completion together; null if unknown.")
    ] = None
    max_completion_tokens: Annotated[
        int | None, Field(description="Most tokens of a completion; null if unknown.")
    ] = None


class ModelPage(WireModel):
    """All models, on one page."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    data: Annotated[list[Model], Field(description="The models.")]
