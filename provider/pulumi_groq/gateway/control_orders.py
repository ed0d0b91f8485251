"""What the test controls can be told."""

from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import Scope

from pulumi_groq.models.fields import UtcTime

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)
_FARTHEST_S: Final = 100 * 366 * 24 * 3600


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockOrder(_Order):
    """Body of `POST /__test__/clock`: a time from 2000 to 3000, or seconds to add."""

    now: Annotated[UtcTime, Field(ge=_EARLIEST, le=_LATEST)] | None = None
    advance_s: Annotated[float, Field(ge=-_FARTHEST_S, le=_FARTHEST_S, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.now is None) == (self.advance_s is None):
            raise ValueError("give either now or advance_s")
        return self


class MatchOrder(_Order):
    """Body of `POST /__test__/lose-response`: which requests, and how many behind the first `skip`."""

    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    skip: Annotated[int, Field(ge=0, le=100_000)] = 0
    method: str | None = None
    path_prefix: str = "/openai/"

    def matches(self, scope: Scope) -> bool:
        """Whether the order matches the request."""
        path: str = scope["path"]
        return self.method in (None, scope["method"]) and path.startswith(self.path_prefix)


class FailOrder(MatchOrder):
    """Body of `POST /__test__/fail`: they get `status` and are not handled."""

    status: Annotated[int, Field(ge=400, le=599)] = 503
    retry_after_s: Annotated[int, Field(ge=0, le=3600)] | None = None


class StallOrder(MatchOrder):
    """Body of `POST /__test__/stall`: they get no answer as long as their client waits.

    They are left unhandled, or with `handled` are handled and committed first.
    """

    handled: bool = False
