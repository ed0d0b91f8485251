"""Facts of an organisation that a test makes up: only what matters to it is given."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pulumi_groq.models.api_key import ApiKey, EffectiveLimits
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.runaway import RunawayWatch
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.usage import KeyUsage, UsageTotals
from pulumi_groq.reports.page import PageFacts
from pulumi_groq.reports.usage.report import UsageFacts

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNLIMITED = EffectiveLimits(
    requests_per_minute=None, tokens_per_minute=None, requests_per_day=None, tokens_per_day=None
)


def key_id(number: int) -> str:
    return f"key_01{number:024d}"


def key(number: int = 1, **fields: Any) -> ApiKey:
    """A key that was made on 1 November and used just now."""
    plain = {
        "id": key_id(number),
        "name": f"key-{number}",
        "allowed_models": ["llama-3.1-8b-instant"],
        "managed_by": None,
        "declared_as": None,
        "replaces": None,
        "lineage_id": key_id(number),
        "generation": 1,
        "status": "active",
        "effective_limits": UNLIMITED,
        "last_four": f"{number % 10000:04d}",
        "created_at": datetime(2026, 11, 1, tzinfo=UTC),
        "updated_at": datetime(2026, 11, 1, tzinfo=UTC),
        "last_used_at": NOON,
    }
    return ApiKey(**(plain | fields))


def bucket(
    number: int | None = None, *, cost_usd: str = "1", requests: int = 1, **fields: Any
) -> UsageBucket:
    """Usage of 100 + 50 tokens a request; of a key where `number` is one."""
    of_key = {} if number is None else {"key_id": key_id(number), "lineage_id": key_id(number)}
    named = {} if number is None else {"key_name": f"key-{number}"}
    return UsageBucket(
        **(of_key | named | fields),
        requests=requests,
        prompt_tokens=100 * requests,
        cached_tokens=0,
        completion_tokens=50 * requests,
        cost_usd=Decimal(cost_usd),
    )


def today(
    number: int, *, requests: int = 0, tokens: int = 0, runaway: RunawayWatch | None = None
) -> KeyUsage:
    """What a key has used today."""
    nothing = UsageTotals(requests=0, tokens=0, cost_usd=Decimal(0))
    return KeyUsage(
        key_id=key_id(number),
        key_name=f"key-{number}",
        team=None,
        requests_today=requests,
        tokens_today=tokens,
        estimated_cost_usd=Decimal(0),
        last_used_at=NOON,
        month_to_date=nothing,
        runaway=runaway,
    )


def policy(*, cap_usd: str = "10", spent_usd: str = "1", **fields: Any) -> SpendPolicy:
    """A policy with auto-pause and no alerts."""
    plain: dict[str, Any] = {
        "monthly_cap_usd": cap_usd,
        "alert_thresholds_usd": [],
        "auto_pause": True,
        "alert_webhook_urls": [],
        "alert_webhook_signed": False,
        "created_at": NOON,
        "updated_at": NOON,
        "status": {
            "month": "2026-11",
            "spent_usd": spent_usd,
            "remaining_usd": "9",
            "paused": False,
            "alerts_sent": [],
        },
    }
    return SpendPolicy.model_validate(_decimal(plain | fields))


def _decimal(fields: dict[str, Any]) -> dict[str, Any]:
    status = fields["status"]
    amounts = {name: Decimal(status[name]) for name in ("spent_usd", "remaining_usd")}
    return fields | {"monthly_cap_usd": Decimal(fields["monthly_cap_usd"]), "status": status | amounts}


def facts(by: Any = "key", **fields: Any) -> UsageFacts:
    """Facts of November 2026, at noon of the 23rd."""
    plain: dict[str, Any] = {"by": by, "month": "2026-11", "as_of": NOON, "buckets": []}
    return UsageFacts(**(plain | fields))


def page_facts_of(by_key: UsageFacts, **fields: Any) -> PageFacts:
    """Facts of a page whose charts are empty unless given."""
    plain: dict[str, Any] = {
        "by_key": by_key,
        "first_day": datetime(2026, 10, 24, tzinfo=UTC).date(),
        "last_day": NOON.date(),
        "days_by_model": [],
        "days_by_key": [],
        "denials": [],
        "changes": [],
    }
    return PageFacts(**(plain | fields))
