"""Field types of the admin contract: one definition of each name, range and unit."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

MICRO_USD_PER_USD: Final = 1_000_000
UNLIMITED: Final = "unlimited"

LARGEST_LIMIT: Final = 1_000_000_000
LARGEST_AMOUNT_USD: Final = Decimal(1_000_000_000)


class WireModel(BaseModel):
    """Base of everything the admin API sends and receives: strict types, no unknown fields, frozen.

    Each field has a description with its meaning, unit and range. The OpenAPI document, the
    documentation's tables and the resources' docstrings say the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _printable(text: str) -> str:
    unseen = next((character for character in text if not character.isprintable()), None)
    if unseen is not None:
        raise ValueError(
            f"must not contain control or other unprintable characters, as U+{ord(unseen):04X} is"
        )
    if text != text.strip():
        raise ValueError("must not begin or end with a space")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


PlainText = Annotated[str, AfterValidator(_without_nul)]
"""Text that any store can hold: PostgreSQL's has no NUL."""


def unique(values: list[str]) -> list[str]:
    """`values`; raises `ValueError` where one is repeated."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"must not repeat {', '.join(repeated)}")
    return values


def _whole(value: Any) -> Any:
    # Pulumi carries every number as a double.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _limit(value: Any) -> Any:
    return _limit_unless_unset(value, "the server's default")


def _own_limit(value: Any) -> Any:
    return _limit_unless_unset(value, "none")


def _limit_unless_unset(value: Any, unset: str) -> Any:
    value = _whole(value)
    if value == UNLIMITED:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'must be a whole number, or "{UNLIMITED}"')
    if value == 0:
        raise ValueError(f'must be at least 1; leave it out for {unset}, or write "{UNLIMITED}"')
    if not 1 <= value <= LARGEST_LIMIT:
        raise ValueError(f'must be from 1 to {LARGEST_LIMIT:,}, or "{UNLIMITED}"')
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number of US dollars")
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError("must be a finite number of US dollars")
    if amount <= 0:
        raise ValueError("must be more than 0; leave it out for none")
    if amount > LARGEST_AMOUNT_USD:
        raise ValueError(f"must be at most {LARGEST_AMOUNT_USD:,} US dollars")
    if amount != amount.quantize(Decimal(1) / MICRO_USD_PER_USD):
        raise ValueError("must have at most 6 decimal places")
    return amount.normalize()


def json_number(amount: Decimal) -> int | float:
    """`amount` as JSON writes it: whole amounts without a fraction."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _timestamp(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be an ISO 8601 time such as 2026-12-31T00:00:00Z") from None
    return parsed


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999") from None


def wire_time(value: datetime) -> str:
    """`value` (aware) as ISO 8601 in UTC with a trailing Z: `2026-11-23T13:45:00Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Name = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable)]
"""A name people read: 1 to 128 printable characters."""

Address = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_printable)]
"""Where an object is declared, such as `organization/project/stack`: 1 to 1,024 printable characters."""

ModelId = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")
]
"""A model's id as Groq writes it, such as `openai/gpt-oss-20b`."""

AllowedModels = Annotated[list[ModelId], Field(min_length=1, max_length=200), AfterValidator(unique)]
"""1 to 200 model ids without repeats; their order means nothing."""

ObjectId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
"""An id that the server gave."""

WholeNumber = Annotated[int, BeforeValidator(_whole)]
"""An integer; a double without a fraction counts as one."""

_AnyLimit = Annotated[int, Field(ge=1, le=LARGEST_LIMIT)] | Literal["unlimited"]

Limit = Annotated[_AnyLimit, BeforeValidator(_limit)]
"""A limit with a default at the server: 1 to 1,000,000,000 per window, or `"unlimited"`."""

OwnLimit = Annotated[_AnyLimit, BeforeValidator(_own_limit)]
"""The same without a default, as of a team or of a model: there is none unless it is set."""

Usd = Annotated[
    Decimal,
    Field(strict=False, gt=0, json_schema_extra={"maximum": 1_000_000_000}),
    BeforeValidator(_amount, json_schema_input_type=float),
    PlainSerializer(json_number, return_type=float, when_used="json"),
]
"""An amount in US dollars above 0 with at most 6 decimal places (whole micro-dollars)."""

UtcTime = Annotated[
    AwareDatetime,
    BeforeValidator(_timestamp, json_schema_input_type=AwareDatetime),
    AfterValidator(_utc),
    PlainSerializer(wire_time, return_type=str, when_used="json"),
]
"""An aware time, kept in UTC; on the wire ISO 8601 with a trailing Z."""

CreatedAt = Annotated[UtcTime, Field(description="When it was created (UTC).")]
UpdatedAt = Annotated[UtcTime, Field(description="When it was last changed (UTC).")]
LastUsedAt = Annotated[
    UtcTime | None, Field(description="When the key last served a request (UTC); null if it never did.")
]

ManagedBy = Annotated[
    Address | None,
    Field(
        description="The stack that declares this, as `organization/project/stack`: 1 to 1,024 printable "
        "characters."
    ),
]
DeclaredAs = Annotated[
    Address | None,
    Field(description="Where in that stack this is declared: 1 to 1,024 printable characters."),
]

Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=16),
]
"""Up to 16 labels: keys of 1 to 64 printable characters, values of up to 512 characters."""


def micro_usd(amount: Decimal) -> int:
    """`amount` in US dollars as whole micro-dollars."""
    return int(amount * MICRO_USD_PER_USD)


def usd(micro_usd: int) -> Decimal:
    """`micro_usd` whole micro-dollars as US dollars."""
    return (Decimal(micro_usd) / MICRO_USD_PER_USD).normalize()
