"""The budget of a lineage and the organisation's cap, by UTC calendar month."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.limits import DAY_S, LimitName, Quota


class SpendLevel(NamedTuple):
    """Where a cap or a budget stands in its month, in micro-dollars; what is reserved is not spent yet."""

    limit: LimitName
    limit_micro_usd: int
    spent_micro_usd: int
    reserved_micro_usd: int

    @property
    def left_later_micro_usd(self) -> int:
        """What is left if all running requests cost nothing; negative below a lowered limit."""
        return self.limit_micro_usd - self.spent_micro_usd

    @property
    def left_now_micro_usd(self) -> int:
        """What is left beside all that is reserved."""
        return self.left_later_micro_usd - self.reserved_micro_usd


def month_of(now: datetime) -> str:
    """The UTC month of `now` (aware, UTC) as `YYYY-MM`."""
    return f"{now.year:04d}-{now.month:02d}"


def day_of(now: datetime) -> str:
    """The UTC day of `now` (aware, UTC) as `YYYY-MM-DD`."""
    return f"{now.year:04d}-{now.month:02d}-{now.day:02d}"


def day_at(unix_s: float) -> str:
    """The UTC day (`YYYY-MM-DD`) at a Unix time in seconds."""
    return _nth_day(int(unix_s // DAY_S))


@lru_cache(maxsize=8)
def _nth_day(days_since_1970: int) -> str:
    return day_of(datetime.fromtimestamp(days_since_1970 * DAY_S, UTC))


def next_month(month: str) -> str:
    """The first day (`YYYY-MM-DD`) of the month after `month` (`YYYY-MM`)."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1:04d}-01-01" if number == 12 else f"{year:04d}-{number + 1:02d}-01"


def last_month(month: str) -> str:
    """The month (`YYYY-MM`) before `month`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"


def month_key_prefix(month: str) -> str:
    """How the keys of all spend counters of `month` begin."""
    return f"spend:{month}:"


def organisation_counter_key(month: str) -> str:
    """The key of the counter of the organisation's spend in `month`."""
    return f"spend:{month}:organisation"


def lineage_counter_key(month: str, lineage_id: str) -> str:
    """The key of the counter of a lineage's spend in `month`: one for all generations of a key."""
    return f"spend:{month}:{lineage_id}"


def spend_quotas(key: KeyAccess, organisation: OrganisationPolicy | None, month: str) -> list[Quota]:
    """Cap and budget in `month`, in the order in which they refuse.

    Both always count, so that a cap or budget that is set in mid-month knows what was spent. Without
    auto-pause the cap refuses nothing.
    """
    cap = organisation.cap_micro_usd if organisation is not None and organisation.auto_pause else None
    budget = key.monthly_budget_micro_usd
    return [
        Quota("cap", organisation_counter_key(month), "micro_usd", cap, None),
        Quota("budget", lineage_counter_key(month, key.lineage_id), "micro_usd", budget, None),
    ]
