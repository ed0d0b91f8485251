"""The ledger as the admin plane reads it: from memory, from any thread."""

from collections.abc import Mapping
from datetime import datetime

from pulumi_groq.gateway.metering.cap_refusals import CapRefusals
from pulumi_groq.gateway.metering.fired_alerts import FiredAlerts
from pulumi_groq.gateway.metering.usage_totals import UsageInMemory
from pulumi_groq.gateway.protocols import KeyUsageRow
from pulumi_groq.models.fields import usd
from pulumi_groq.models.spend_policy import AlertSent
from pulumi_groq.policy.spend import month_of


class LedgerUsage:
    """Implements `gateway.protocols.UsageSource`."""

    def __init__(self, usage: UsageInMemory, fired: FiredAlerts, cap_refusals: CapRefusals) -> None:
        self._usage = usage
        self._fired = fired
        self._cap_refusals = cap_refusals

    def usage_by_key(self, now: datetime) -> Mapping[str, KeyUsageRow]:
        """Usage by key id, of every key that was ever used."""
        return self._usage.usage_by_key(now)

    def last_used_at(self, key_id: str) -> datetime | None:
        """When the key's last request was admitted."""
        return self._usage.last_used_at(key_id)

    def month_spend_micro_usd(self, now: datetime) -> int:
        """Settled spend of the organisation in the UTC month of `now`."""
        return self._usage.month_spend_micro_usd(month_of(now))

    def cap_has_refused(self, now: datetime, cap_micro_usd: int) -> bool:
        """Whether this cap refused a request in the UTC month of `now`, since the process started."""
        return self._cap_refusals.happened(month_of(now), cap_micro_usd)

    def alerts_sent(self, now: datetime) -> list[AlertSent]:
        """The alerts of the UTC month of `now`, by threshold."""
        return [
            AlertSent(threshold_usd=usd(alert.threshold_micro_usd), sent_at=alert.sent_at)
            for alert in self._fired.of_month(month_of(now))
        ]
