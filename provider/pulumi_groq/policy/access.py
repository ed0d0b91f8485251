"""What the gateway knows of a key while it decides: plain values, compiled from the stored records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from pulumi_groq.models.budgets import Per
from pulumi_groq.policy.runaway import RunawayLimit


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force after defaults; `None` is unlimited."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    max_parallel_requests: int | None = None


class Budget(NamedTuple):
    """The most that may be spent in each UTC hour, day, week from Monday, or calendar month."""

    per: Per
    micro_usd: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the keys of a team share, or what a key has of one model."""

    limits: Limits
    budgets: tuple[Budget, ...] = ()


UNBOUNDED: Final = Bounds(Limits())


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """One key: `models` and `tools` are what both the key and its team allow; its budgets are its lineage's,
    `budgets` those beside the one for the UTC month. `team_bounds` are shared with the team's other keys,
    `model_bounds` hold the key by model, within all others. `upstream_key` names the operator's key of its
    team, `None` the default one. `identity_id` is the workload identity's, where it stands for one and not
    for a key.
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
    identity_id: str | None = None
    budgets: tuple[Budget, ...] = ()
    team_bounds: Bounds = UNBOUNDED
    model_bounds: Mapping[str, Bounds] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class OrganisationPolicy:
    """The organisation's spending policy; cap and thresholds in micro-dollars a UTC month, these ascending;
    `budgets` are those of shorter windows.
    """

    cap_micro_usd: int
    alert_thresholds_micro_usd: tuple[int, ...]
    auto_pause: bool
    alert_webhook_urls: tuple[str, ...] = field(default=(), repr=False)
    alert_webhook_signing_secret: str | None = field(default=None, repr=False)
    budgets: tuple[Budget, ...] = ()
