"""Keys as the admin API shows them."""

from datetime import datetime

from pulumi_groq.gateway.admin.key_guard import guard_shown, pause_shown
from pulumi_groq.gateway.bounds import limits_in_force
from pulumi_groq.gateway.key_values import KeyValue
from pulumi_groq.gateway.protocols import Pauses, UsageSource
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.runaways import Runaway
from pulumi_groq.models.api_key import ApiKey, ApiKeyCreated, EffectiveLimits, KeyStatus
from pulumi_groq.models.fields import usd
from pulumi_groq.policy.access import Limits


class KeyViews:
    """Turns records into answers."""

    def __init__(self, usage: UsageSource, pauses: Pauses, defaults: Limits) -> None:
        self._usage = usage
        self._pauses = pauses
        self._defaults = defaults

    def show(self, record: KeyRecord, now: datetime) -> ApiKey:
        """A key without its value."""
        limits = limits_in_force(record, self._defaults)
        budget = record.monthly_budget_micro_usd
        pause = self._pauses.pause_of(record.lineage_id)
        return ApiKey(
            id=record.id,
            name=record.name,
            managed_by=record.managed_by,
            declared_as=record.declared_as,
            claim=record.claim,
            team=record.team,
            replaces=record.replaces,
            lineage_id=record.lineage_id,
            generation=record.generation,
            status=status(record, pause, now),
            paused=pause_shown(pause),
            allowed_models=list(record.allowed_models),
            allowed_tools=list(record.allowed_tools),
            requests_per_minute=record.requests_per_minute,
            tokens_per_minute=record.tokens_per_minute,
            requests_per_day=record.requests_per_day,
            tokens_per_day=record.tokens_per_day,
            max_parallel_requests=record.max_parallel_requests,
            effective_limits=EffectiveLimits(
                requests_per_minute=limits.requests_per_minute,
                tokens_per_minute=limits.tokens_per_minute,
                requests_per_day=limits.requests_per_day,
                tokens_per_day=limits.tokens_per_day,
                max_parallel_requests=limits.max_parallel_requests,
            ),
            share=record.share,
            runaway=None if record.runaway is None else guard_shown(record.runaway),
            monthly_budget_usd=None if budget is None else usd(budget),
            budgets=list(record.budgets),
            model_limits=dict(record.model_limits),
            expires_at=record.expires_at,
            metadata=dict(record.metadata),
            last_four=record.last_four,
            created_at=record.created_at,
            updated_at=record.updated_at,
            last_used_at=self._usage.last_used_at(record.id),
        )

    def show_created(self, record: KeyRecord, value: KeyValue, now: datetime) -> ApiKeyCreated:
        """A new key with its value."""
        return ApiKeyCreated(**dict(self.show(record, now)), api_key=value.value)


def status(record: KeyRecord, pause: Runaway | None, now: datetime) -> KeyStatus:
    """Whether the key serves requests: disabled by hand goes before expired, and that before paused."""
    if record.disabled:
        return "disabled"
    if record.expires_at is not None and record.expires_at <= now:
        return "expired"
    return "active" if pause is None else "paused"
