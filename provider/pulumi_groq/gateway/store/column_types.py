"""The types of the store's columns: values as the gateway has them, whatever the database keeps."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from sqlalchemy import JSON, BigInteger, DateTime, Dialect
from sqlalchemy.types import TypeDecorator

from pulumi_groq.models.budgets import Budget, ModelLimits

LimitSetting = int | Literal["unlimited"] | None
"""A limit as declared: a number per window, explicitly unlimited, or unset (the server's default)."""

_UNLIMITED_IN_STORE: Final = -1


class UtcTimestamp(TypeDecorator[datetime]):
    """Aware UTC times; SQLite keeps no zone, so UTC is implied there."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write an aware time in UTC."""
        if value is None:
            return None
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (signature of SQLAlchemy)
        """Read an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DeclaredLimit(TypeDecorator[LimitSetting]):
    """A limit as declared: NULL is unset, -1 is unlimited; 0 does not occur."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: LimitSetting, dialect: Dialect) -> int | None:  # noqa: ARG002 (signature of SQLAlchemy)
        """Write the setting as a number."""
        return _UNLIMITED_IN_STORE if value == "unlimited" else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> LimitSetting:  # noqa: ARG002 (signature of SQLAlchemy)
        """Read the number as a setting."""
        return "unlimited" if value == _UNLIMITED_IN_STORE else value


class DeclaredBudgets(TypeDecorator[tuple[Budget, ...]]):
    """Budgets as declared, in JSON as the admin API writes them."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: tuple[Budget, ...] | None, dialect: Dialect) -> Any:  # noqa: ARG002 (signature of SQLAlchemy)
        """Write the budgets."""
        return _BUDGETS.dump_python(value or (), mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Budget, ...]:  # noqa: ARG002 (signature of SQLAlchemy)
        """Read the budgets."""
        return _BUDGETS.validate_python(value or (), strict=False)


class DeclaredModelLimits(TypeDecorator[dict[str, ModelLimits]]):
    """A key's limits by model as declared, in JSON as the admin API writes them."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: dict[str, ModelLimits] | None, dialect: Dialect) -> Any:  # noqa: ARG002 (signature of SQLAlchemy)
        """Write the limits."""
        return _MODEL_LIMITS.dump_python(value or {}, mode="json", exclude_none=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, ModelLimits]:  # noqa: ARG002 (signature of SQLAlchemy)
        """Read the limits."""
        return _MODEL_LIMITS.validate_python(value or {}, strict=False)


_BUDGETS: Final = TypeAdapter(tuple[Budget, ...])
_MODEL_LIMITS: Final = TypeAdapter(dict[str, ModelLimits])
