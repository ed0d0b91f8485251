"""The interfaces inside the gateway: what one part may expect of another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pulumi_groq.gateway.store.runaways import Runaway
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.models.spend_policy import AlertSent
from pulumi_groq.models.usage import UsageTotals
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy


class Clock(Protocol):
    """The gateway's time. Nothing below the edges reads the system's clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def now_s(self) -> float:
        """The present in Unix seconds."""
        return self.now().timestamp()


class Directory(Protocol):
    """What is in force right now; reads never wait for the store."""

    def find(self, key_hash: bytes) -> KeyAccess | None:
        """The key whose value has this SHA-256 digest."""
        ...

    @property
    def organisation(self) -> OrganisationPolicy | None:
        """The spending policy, if one is set."""
        ...


@dataclass(frozen=True, slots=True)
class KeyUsageRow:
    """What the ledger knows of one key."""

    key_id: str
    requests_today: int
    tokens_today: int
    cost_today_micro_usd: int
    last_used_at: datetime | None
    month_to_date: UsageTotals


class Pauses(Protocol):
    """The guard against runaway spend as the admin plane sees it; safe to call from any thread."""

    def pause_of(self, lineage_id: str) -> Runaway | None:
        """What pauses the lineage, if anything does."""
        ...

    def last_of(self, lineage_id: str) -> Runaway | None:
        """The lineage's last runaway of which anything is known."""
        ...

    def spent(self, lineage_id: str, now: datetime) -> int:
        """What the lineage, if it is guarded, spent in the last ten minutes, in micro-dollars."""
        ...

    def resumed(self, lineage_id: str) -> None:
        """The store has it that the lineage goes on."""
        ...


class UsageSource(Protocol):
    """The ledger as the admin plane reads it; safe to call from any thread."""

    def usage_by_key(self, now: datetime) -> Mapping[str, KeyUsageRow]:
        """Usage by key id, of every key with traffic this UTC month or ever used."""
        ...

    def last_used_at(self, key_id: str) -> datetime | None:
        """When the key's last request was admitted."""
        ...

    def month_spend_micro_usd(self, now: datetime) -> int:
        """Settled spend of the organisation in the UTC month of `now`."""
        ...

    def cap_has_refused(self, now: datetime, cap_micro_usd: int) -> bool:
        """Whether this cap refused a request in the UTC month of `now`: spend then is just below it."""
        ...

    def alerts_sent(self, now: datetime) -> list[AlertSent]:
        """The alerts of the UTC month of `now`, by threshold."""
        ...


class ConsumerSource(Protocol):
    """Who uses which key, as the admin plane reads it; waits for the store."""

    def of(self, key_id: str) -> list[Consumer]:
        """Those of one key, the one seen last first."""
        ...
