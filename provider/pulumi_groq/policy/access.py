"""What the gateway knows of a key while it decides: plain values, compiled from the stored records."""

from dataclasses import dataclass, field
from datetime import datetime

from pulumi_groq.policy.runaway import RunawayLimit


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force after defaults; `None` is unlimited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    max_parallel_requests: int | None = None


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """One key: `models` and `tools` are what both the key and its team allow; the budget (per UTC
    month) is its lineage's; `upstream_key` names the operator's key of its team, `None` the default one.
    """

    key_id: str
    name: str
    lineage_id: str
    team: str | None
    models: frozenset[str]
    limits: Limits
    monthly_budget_micro_usd: int | None
    expires_at: datetime | None
    disabled: bool
    tools: frozenset[str] = frozenset()
    runaway: RunawayLimit | None = None
    upstream_key: str | None = None
    share: int = 1


@dataclass(frozen=True, slots=True)
class OrganisationPolicy:
    """The organisation's spending policy; amounts in micro-dollars a UTC month, thresholds ascending."""

    cap_micro_usd: int
    alert_thresholds_micro_usd: tuple[int, ...]
    auto_pause: bool
    alert_webhook_urls: tuple[str, ...] = field(default=(), repr=False)
    alert_webhook_signing_secret: str | None = field(default=None, repr=False)
