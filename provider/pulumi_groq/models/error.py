"""The error body in Groq's envelope (observed: `message`, `type`, mostly `code`, sometimes `param`)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ErrorDetail(BaseModel):
    """What went wrong. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)

    message: Annotated[str, Field(description="What went wrong, and what to do, in one line.")] = ""
    type: Annotated[str, Field(description="The kind of error, such as `invalid_request_error`.")] = ""
    code: Annotated[str | None, Field(description="The error's name, for programs.")] = None
    param: Annotated[
        str | None, Field(description="Path of the field at fault, such as `allowed_models.1`.")
    ] = None


class ErrorBody(BaseModel):
    """The whole body of an error answer."""

    model_config = ConfigDict(frozen=True)

    error: Annotated[ErrorDetail, Field(description="What went wrong.")]
