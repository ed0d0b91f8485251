"""What the gateway says at one moment: the facts that reports compare declarations with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey, EffectiveLimits
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.model import Model
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.models.team import Team
from pulumi_groq.models.usage import KeyUsage, Usage
from pulumi_groq.models.workload_identity import WorkloadIdentity


@dataclass(frozen=True)
class Live:
    """Keys, teams, policy, usage and rights of the whole organisation. `as_of` is the server's clock.

    Admin keys and identities are `None` where the role may not read them. Use by key and model, of today and
    of the month, is there where it was asked for.
    """

    as_of: datetime
    keys: Sequence[ApiKey]
    teams: Sequence[Team]
    policy: SpendPolicy | None
    usage: Usage
    models: Sequence[Model]
    admin_keys: Sequence[AdminKey] | None = None
    identities: Sequence[WorkloadIdentity] | None = None
    today_by_model: Sequence[UsageBucket] = ()
    month_by_model: Sequence[UsageBucket] = ()

    @cached_property
    def keys_by_id(self) -> dict[str, ApiKey]:
        """Every live key by its id."""
        return {key.id: key for key in self.keys}

    @cached_property
    def usage_by_id(self) -> dict[str, KeyUsage]:
        """Each key's usage by the key's id."""
        return {row.key_id: row for row in self.usage.usage_by_key}

    @cached_property
    def priced(self) -> frozenset[str]:
        """The models that the gateway has a price for: a key can be given no others."""
        return frozenset(model.id for model in self.models)

    @property
    def spent_usd(self) -> Decimal:
        """What the organisation has spent this UTC month."""
        return self.policy.status.spent_usd if self.policy else self.usage.month_to_date.cost_usd

    def default_limit(self, field: str) -> int | str | None:
        """What the server applies where the limit `field` is unset; `None` where no key tells."""
        return self._default_limits.get(field)

    @cached_property
    def _default_limits(self) -> dict[str, int | str]:
        found: dict[str, int | str] = {}
        for key in self.keys:
            for field in EffectiveLimits.model_fields:
                if getattr(key, field) is None:
                    in_force: int | None = getattr(key.effective_limits, field)
                    found.setdefault(field, UNLIMITED if in_force is None else in_force)
        return found

    def used_within(self, key: ApiKey, span: timedelta) -> bool:
        """Whether the key served a request within `span` before `as_of`."""
        return key.last_used_at is not None and self.as_of - key.last_used_at < span
