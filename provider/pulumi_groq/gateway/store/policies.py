"""The spending policy in the store: one row or none."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from pulumi_groq.gateway.store.holders import ClaimHolder, holders_of
from pulumi_groq.gateway.store.schema import spend_policy
from pulumi_groq.models.budgets import Budget

_ONLY_ROW = 1


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """The spending policy; amounts are micro-dollars a UTC month, thresholds ascend."""

    monthly_cap_micro_usd: int
    alert_thresholds_micro_usd: tuple[int, ...]
    auto_pause: bool
    alert_webhook_urls: tuple[str, ...] = field(repr=False)
    alert_webhook_signing_secret: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    budgets: tuple[Budget, ...] = ()
    managed_by: str | None = None
    declared_as: str | None = None
    claim: str | None = None
    former_holders: tuple[ClaimHolder, ...] = ()


def find_policy(connection: Connection) -> PolicyRecord | None:
    """The policy, if one is set."""
    row = connection.execute(select(spend_policy)).one_or_none()
    if row is None:
        return None
    return PolicyRecord(
        monthly_cap_micro_usd=row.monthly_cap_micro_usd,
        alert_thresholds_micro_usd=tuple(row.alert_thresholds_micro_usd),
        auto_pause=row.auto_pause,
        alert_webhook_urls=tuple(row.alert_webhook_urls),
        alert_webhook_signing_secret=row.alert_webhook_signing_secret,
        created_at=row.created_at,
        updated_at=row.updated_at,
        budgets=row.budgets,
        managed_by=row.managed_by,
        declared_as=row.declared_as,
        claim=row.claim,
        former_holders=holders_of(row.former_holders),
    )


def put_policy(connection: Connection, record: PolicyRecord) -> None:
    """Set the policy, whatever was there before."""
    remove_policy(connection)
    values = asdict(record) | {
        "alert_thresholds_micro_usd": list(record.alert_thresholds_micro_usd),
        "alert_webhook_urls": list(record.alert_webhook_urls),
    }
    connection.execute(insert(spend_policy).values(id=_ONLY_ROW, **values))


def remove_policy(connection: Connection) -> None:
    """Have no policy."""
    connection.execute(delete(spend_policy))
