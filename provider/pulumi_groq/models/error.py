"""The error body in Groq's envelope (observed: `message`, `type`, mostly `code`, sometimes `param`)."""

from pydantic import BaseModel, ConfigDict


class ErrorDetail(BaseModel):
    """What went wrong; `param` is the path of the field at fault. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)

    message: str = ""
    type: str = ""
    code: str | None = None
    param: str | None = None


class ErrorBody(BaseModel):
    """An error answer's whole body."""

    model_config = ConfigDict(frozen=True)

    error: ErrorDetail
